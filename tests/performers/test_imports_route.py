"""Files over HTTP: received, waited for, loaded by a process of its own, and settled however it ends."""

import asyncio
import csv
import errno
import gzip
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import zstandard
from redis.asyncio import Redis

from famedash.infra.auth.principal import SCOPES
from famedash.infra.database import Database
from famedash.infra.http.paging import encode_cursor
from famedash.performers import content, inbox
from famedash.performers.model import Reason
from famedash.processes.settings import Settings
from tests.campaigns.api import Api
from tests.flow.system import until
from tests.performers.loads import Post, text_of
from tests.performers.sending import (
    Office,
    begin_upload,
    office,
    once,
    process_of,
    send,
    sent,
    settled,
    writing_is_held,
)

MAX_BODY_BYTES = 5_000_000
POSTS = [Post("summer", "mia", 100, 9), Post("summer", "leo", 100, 4), Post("summer", "mia", 300, 30)]
FILE = text_of(POSTS)
NOWHERE = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        data_dir=tmp_path / "data",
        imports_max_body_bytes=MAX_BODY_BYTES,
    )


@pytest.fixture
async def here(settings: Settings, database: Database, redis: Redis) -> AsyncIterator[Office]:
    async with office(settings, database, redis) as office_:
        yield office_


@pytest.fixture
def api(here: Office) -> Api:
    return here.api


async def creators(api: Api) -> list[str]:
    return [each["influencerId"] for each in (await api.get("/top-performers")).json["items"]]


PACKED = {
    "plain": FILE.encode(),
    "gzip": gzip.compress(FILE.encode()),
    "zstd": zstandard.compress(FILE.encode()),
}


@pytest.mark.parametrize("packing", PACKED)
async def test_a_file_that_is_sent_becomes_a_ranking(here: Office, packing: str) -> None:
    reply = await send(here.api, PACKED[packing], "?fileName=may.csv")

    waiting = reply.json
    assert (reply.status, reply.headers["Location"]) == (202, f"/imports/{waiting['id']}")
    assert (waiting["fileName"], waiting["status"], waiting["step"]) == ("may.csv", "running", "waiting")
    assert waiting["bytesDone"] == waiting["bytesTotal"] == len(PACKED[packing])
    done = await settled(here.api, waiting["id"])
    assert (done["status"], done["error"], done["accepted"], done["pairs"]) == ("loaded", None, 3, 2)
    assert await creators(here.api) == ["mia", "leo"]
    await until(lambda: _gone(here))


async def _gone(here: Office) -> bool:
    return here.files == []


async def test_how_far_it_is_is_seen_from_the_first_byte_on(here: Office) -> None:
    """PROMISE: whoever asks meanwhile is told, though the sender has not finished."""
    first, rest = FILE.encode()[:60], FILE.encode()[60:]
    may_go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield first
        await may_go_on.wait()
        yield rest

    sending = asyncio.create_task(send(here.api, slowly()))  # type: ignore[arg-type]
    await until(lambda: _shows(here.api, {"step": "receiving", "bytesDone": len(first)}))
    assert len(here.files) == 1
    may_go_on.set()

    import_id = (await sending).json["id"]
    assert (await settled(here.api, import_id))["status"] == "loaded"


async def _shows(api: Api, wanted: dict[str, Any]) -> bool:
    items = (await api.get("/imports")).json["items"]
    return bool(items) and wanted.items() <= items[0].items()


async def test_rejected_lines_are_listed_in_pages_and_as_a_table(api: Api) -> None:
    bad = [f'summer,"=mia{number}",0,1,1,1' for number in range(5)]
    import_id = await sent(api, FILE + "\n".join(bad) + "\n")
    done = await settled(api, import_id)
    path = f"/imports/{import_id}/rejects"

    everything = (await api.get(path)).json
    first = (await api.get(f"{path}?limit=3")).json
    second = (await api.get(f"{path}?limit=3&cursor={first['nextCursor']}")).json
    table = await api.get(f"{path}?limit=2", accept="text/csv")

    assert (done["rejected"], done["rejectedByReason"]) == (5, {"zero_views": 5})
    assert [each["line"] for each in everything["items"]] == [5, 6, 7, 8, 9]
    assert everything["items"][0] == {
        "line": 5,
        "reason": Reason.ZERO_VIEWS,
        "meaning": "no views: a rate over zero views does not exist",
        "column": "views",
        "raw": bad[0],
    }
    assert first["items"] + second["items"] == everything["items"]
    assert (everything["nextCursor"], second["nextCursor"]) == (None, None)
    rows = list(csv.DictReader(io.StringIO(table.body.decode())))
    assert [row["line"] for row in rows] == ["5", "6"]
    assert table.headers["Content-Type"].startswith("text/csv")
    assert 'rel="next"' in table.headers["Link"]


async def test_a_rejected_line_is_no_formula_in_the_table(api: Api) -> None:
    import_id = await sent(api, FILE + "=cmd(),mia,0,1,1,1\n")
    await settled(api, import_id)

    table = await api.get(f"/imports/{import_id}/rejects", accept="text/csv")

    assert ",'=cmd()" in table.body.decode().replace('"', "")


async def test_loads_are_listed_newest_first_in_pages(here: Office) -> None:
    ids = [await sent(here.api, text_of([Post("summer", f"c{number}", 10)])) for number in range(3)]
    for import_id in ids:
        await settled(here.api, import_id)

    first = (await here.api.get("/imports?limit=2")).json
    second = (await here.api.get(f"/imports?limit=2&cursor={first['nextCursor']}")).json

    assert [each["id"] for each in first["items"] + second["items"]] == ids[::-1]
    assert second["nextCursor"] is None
    assert (await here.api_of("rival").get("/imports")).json["items"] == []


async def test_the_same_file_again_has_nothing_to_do(api: Api) -> None:
    first = await sent(api, FILE)
    before = await settled(api, first)

    again = await settled(api, await sent(api, PACKED["gzip"]))

    assert (again["status"], again["sameAs"], again["inserted"], again["updated"]) == ("loaded", first, 0, 0)
    assert again["lines"] == before["lines"]


async def test_the_options_reach_the_load(api: Api) -> None:
    file = FILE + "summer,zoe,1.2K,1,1,1\n"

    strict = await settled(api, await sent(api, file, "?maxRejectPercent=10"))
    for_people = await settled(api, await sent(api, file, "?humanNumbers=true&maxRejectPercent=0"))

    assert strict["status"] == "failed"
    assert "1 of 4 rows were rejected: 25 %, and 10 % are allowed; nothing was loaded." in strict["error"]
    assert (for_people["status"], for_people["humanNumbers"], for_people["accepted"]) == ("loaded", True, 4)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (FILE.replace(",", ";").encode(), "semicolon"),
        (PACKED["gzip"][:-20], "damaged or was cut off"),
        (b"PK\x03\x04 workbook", "save it as CSV"),
    ],
    ids=["semicolons", "a damaged archive", "a workbook"],
)
async def test_a_file_that_cannot_be_read_is_failed_with_a_sentence(
    here: Office, file: bytes, sentence: str
) -> None:
    done = await settled(here.api, await sent(here.api, file))

    assert done["status"] == "failed"
    assert sentence in done["error"]
    await until(lambda: _gone(here))


@pytest.mark.parametrize("workspace", ["acme", "rival"])
async def test_a_second_load_waits_for_the_first_and_is_alive_meanwhile(here: Office, workspace: str) -> None:
    """PROMISE: one at a time, and who waits is not taken for dead.

    Breaks if only the process that loads gives signs of life.
    """
    other = here.api_of(workspace)
    async with writing_is_held(here.database):
        first = await sent(here.api, FILE)
        await once(here.api, first, lambda shown: shown["step"] == "writing")
        second = await sent(other, text_of([Post("winter", "zoe", 10)]))
        seen = await _seen_at(here.database, second)
        await until(lambda: _seen_after(here.database, second, seen))
        shown = (await other.get(f"/imports/{second}")).json
        assert (shown["status"], shown["step"]) == ("running", "waiting")
        assert process_of(second) is None

    assert (await settled(here.api, first))["status"] == "loaded"
    assert (await settled(other, second))["status"] == "loaded"
    assert sorted(await creators(here.api)) == sorted(["mia", "leo"] + ["zoe"] * (workspace == "acme"))


async def _seen_at(database: Database, import_id: str) -> Any:
    return await database.fetchval("select seen_at from imports where import_id = $1", import_id)


async def _seen_after(database: Database, import_id: str, before: Any) -> bool:
    return bool(await _seen_at(database, import_id) > before)


async def test_an_upload_that_is_cut_off_is_failed_and_leaves_nothing(here: Office) -> None:
    writer = await begin_upload(here.api, announced=100_000, first=FILE.encode())
    await until(lambda: _shows(here.api, {"step": "receiving", "bytesTotal": 100_000}))

    writer.close()

    await until(lambda: _shows(here.api, {"status": "failed"}))
    (shown,) = (await here.api.get("/imports")).json["items"]
    assert shown["error"] == "The upload was cut off; nothing was loaded. Send the file again."
    await until(lambda: _gone(here))


async def test_a_sender_who_falls_silent_is_cut_off(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PATIENCE_SECONDS", 0.2)

    writer = await begin_upload(here.api, announced=100_000, first=FILE.encode())

    await until(lambda: _shows(here.api, {"status": "failed"}))
    await until(lambda: _gone(here))
    writer.close()


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_body_beyond_the_bound_is_413(here: Office, is_declared: bool) -> None:
    async def chunked() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"x" * 1_000_000

    body: Any = b"x" * (MAX_BODY_BYTES + 1) if is_declared else chunked()

    reply = await send(here.api, body)

    assert (reply.status, reply.json["type"]) == (413, "/problems/too-large")
    assert "5,000,000 bytes" in reply.json["detail"]
    loads = (await here.api.get("/imports")).json["items"]
    assert [each["status"] for each in loads] == ([] if is_declared else ["failed"])
    assert here.files == []


async def test_an_empty_body_and_a_form_are_refused_with_a_remedy(here: Office) -> None:
    form = aiohttp.FormData()
    form.add_field("file", FILE.encode(), filename="performance.csv")

    empty = await send(here.api, b"")
    url = f"{here.api.base_url}/imports"
    async with here.api.session.post(
        url, data=form, headers={"Authorization": f"Bearer {here.api.token}"}
    ) as response:
        as_form = await response.json()

    assert (empty.status, response.status) == (422, 422)
    assert "--data-binary" in empty.json["detail"]
    assert "without `-F`" in as_form["detail"]
    assert (await here.api.get("/imports")).json["items"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?fileName=", "fileName"),
        (f"?fileName={'x' * 201}", "fileName"),
        ("?humanNumbers=perhaps", "humanNumbers"),
        ("?maxRejectPercent=101", "maxRejectPercent"),
        ("?maxRejectPercent=nan", "maxRejectPercent"),
    ],
)
async def test_a_parameter_that_means_nothing_is_refused_by_name(api: Api, query: str, field: str) -> None:
    reply = await send(api, FILE, query)

    assert (reply.status, reply.fields) == (422, [field])


@pytest.mark.parametrize("position", [-1, 1 << 63, "x", 1.5])
async def test_a_forged_cursor_is_refused(api: Api, position: object) -> None:
    import_id = await sent(api, FILE)
    cursor = encode_cursor(position)

    for path in ("/imports", f"/imports/{import_id}/rejects"):
        reply = await api.get(f"{path}?cursor={cursor}")
        assert (reply.status, reply.fields) == (422, ["cursor"])
    await settled(api, import_id)


async def test_who_may_do_what(here: Office) -> None:
    nobody = Api(here.api.session, here.api.base_url, "x")
    reader = here.api_of("acme", scopes=SCOPES - {"imports:write"})
    writer = here.api_of("acme", scopes=SCOPES - {"performers:read"})
    import_id = await sent(here.api, FILE)
    paths = ["/imports", f"/imports/{import_id}", f"/imports/{import_id}/rejects"]

    assert [(await nobody.get(path)).status for path in paths] == [401] * 3
    assert [(await writer.get(path)).status for path in paths] == [403] * 3
    assert [(await reader.get(path)).status for path in paths] == [200] * 3
    assert ((await send(nobody, FILE)).status, (await send(reader, FILE)).status) == (401, 403)
    assert (await send(writer, FILE)).status == 202


async def test_a_foreign_import_is_answered_like_one_that_exists_nowhere(here: Office) -> None:
    import_id, rival = await sent(here.api, FILE), here.api_of("rival")

    replies = [
        await rival.get(f"/imports/{name}{rest}")
        for name in (import_id, NOWHERE, "nowhere")
        for rest in ("", "/rejects")
    ]

    assert {(reply.status, reply.body) for reply in replies} == {(404, replies[0].body)}
    await settled(here.api, import_id)


async def test_a_load_whose_process_is_killed_is_failed_and_can_be_repeated(here: Office) -> None:
    """PROMISE: kill -9 leaves no half, and no load that runs for ever."""
    async with writing_is_held(here.database):
        import_id = await sent(here.api, FILE)
        await once(here.api, import_id, lambda shown: shown["step"] == "writing")
        process = process_of(import_id)
        assert process is not None
        process.kill()

        done = await settled(here.api, import_id)

    assert done["status"] == "failed"
    assert done["error"].endswith("nothing was loaded. Load the file again.")
    assert await creators(here.api) == []
    await until(lambda: _gone(here))
    assert (await settled(here.api, await sent(here.api, FILE)))["status"] == "loaded"


async def test_loads_end_with_the_api(here: Office) -> None:
    """PROMISE: who loads, who waits and who sends while the API is stopped is told to do it again."""
    async with writing_is_held(here.database):
        loading, waiting = [await sent(here.api, FILE) for _ in range(2)]
        await once(here.api, loading, lambda shown: shown["step"] == "writing")
        process = process_of(loading)
        writer = await begin_upload(here.api, announced=100_000, first=FILE.encode())
        await until(lambda: _shows(here.api, {"step": "receiving"}))

        here.resources.stop.ask()
        await here.resources.background.close()

        assert process is not None
        assert not process.is_running()
        await until(lambda: _gone(here))
        late = await send(here.api, FILE)

    shown = (await here.api.get("/imports")).json["items"]
    assert late.status == 503
    assert {each["id"] for each in shown} >= {loading, waiting}
    assert {each["status"] for each in shown} == {"failed"}
    assert all(each["error"].endswith("again.") for each in shown), shown
    writer.close()


async def test_too_many_files_at_once_are_put_off(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_FILES", 1)
    async with writing_is_held(here.database):
        first = await sent(here.api, FILE)

        reply = await send(here.api, FILE)

        assert (reply.status, reply.headers["Retry-After"]) == (503, "10")
    await settled(here.api, first)
    await until(lambda: _gone(here))
    await settled(here.api, await sent(here.api, FILE))


async def test_a_full_disk_is_told_and_fails_the_load(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(content, "new_file", full)

    reply = await send(here.api, FILE)

    (shown,) = (await here.api.get("/imports")).json["items"]
    assert (reply.status, shown["status"]) == (503, "failed")
    assert shown["error"].startswith("The server cannot store the file now")
