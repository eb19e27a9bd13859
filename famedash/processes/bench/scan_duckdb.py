"""DuckDB on the same file: typed columns, the four sums and a count by campaign and creator, in memory.

`python -m famedash.processes.bench.scan_duckdb PATH THREADS` prints the same as `scan`. Its sums are summed
up once more, so that none of them can be left out. DuckDB is the extra `bench`
(`pip install 'famedash[bench]'`); without it `etl` says that it leaves this out.
"""

import json
import sys
import time
from importlib import import_module

SQL = """
    select sum(posts), count(*), sum(views), sum(likes), sum(comments), sum(shares)
    from (
        select campaign, creator, count(*) as posts, sum(views) as views, sum(likes) as likes,
               sum(comments) as comments, sum(shares) as shares
        from read_csv(?, header = true, auto_detect = false, columns = {
            'campaign': 'VARCHAR', 'creator': 'VARCHAR', 'views': 'BIGINT', 'likes': 'BIGINT',
            'comments': 'BIGINT', 'shares': 'BIGINT'})
        group by campaign, creator
    )
"""


def main(path: str, threads: int) -> None:
    database = import_module("duckdb").connect(config={"threads": threads})
    began = time.monotonic()
    rows, pairs, views, *_ = map(int, database.execute(SQL, [path]).fetchone())
    seconds = time.monotonic() - began
    print(json.dumps({"rows": rows, "pairs": pairs, "views": views, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
