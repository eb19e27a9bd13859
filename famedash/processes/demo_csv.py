"""`famedash demo csv`: writes a performance file of the generator, for `famedash etl` to read."""

import sys
from collections.abc import Iterable
from pathlib import Path

from famedash.infra.auth.settings import Misconfigured
from famedash.practice.performance import Plan, text
from famedash.practice.performance_layout import COLUMNS, REQUIRED, Layout

SAMPLE = Path("examples") / "performance.csv"
SAMPLE_ROWS, SAMPLE_SEED = 10_000, 26
"""`famedash demo csv --rows 10000 --seed 26 --out examples/performance.csv` writes the shipped sample."""


def plan(rows: int, seed: int, *, clean: bool, with_texts: bool) -> Plan:
    """Clean: good rows only, no BOM, as a program would write it."""
    layout = Layout(COLUMNS if with_texts else REQUIRED, bom=not clean)
    return Plan(rows, seed, malformed=0, layout=layout) if clean else Plan(rows, seed, layout=layout)


def run(made: Plan, out: Path | None) -> None:
    """Write it to `out`, or to standard output. Raises `Misconfigured` where the file cannot be written."""
    if out is None:
        _pour(text(made))
        return
    try:
        with out.open("wb") as file:
            file.writelines(text(made))
            size = file.tell()
    except OSError as reason:
        raise Misconfigured(f"{out} cannot be written: {reason.strerror}.") from None
    print(f"{out}: {made.rows:,} rows, {size:,} bytes")


def _pour(blocks: Iterable[bytes]) -> None:
    """Until it ends, or whoever reads has enough."""
    try:
        for block in blocks:
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        sys.stderr.close()  # or Python complains of the same pipe again as it ends
