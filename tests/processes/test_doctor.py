"""`famedash doctor`: each thing it looks at, well and not well."""

import time
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from famedash.infra.database import Database
from famedash.infra.embedded import Endpoints, free_port
from famedash.infra.sealing import new_key
from famedash.processes import doctor, servers
from famedash.processes.doctor import Finding
from famedash.processes.settings import Settings
from tests.secrets import ENCRYPTION_KEY
from tests.serving import serving
from tests.webhooks.rows import make_endpoint


async def health(scope: dict, receive: object, send) -> None:  # type: ignore[no-untyped-def, type-arg]
    """An app that says 404 to everything but /readyz of ours."""
    status = 200 if scope["path"] == "/readyz" and scope["app_is_ours"] else 404
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def app(*, ours: bool):  # type: ignore[no-untyped-def]
    async def called(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        await health({**scope, "app_is_ours": ours}, receive, send)

    return called


def wrong(findings: list[Finding]) -> list[str]:
    return [f"{finding.about}: {finding.remedy}" for finding in findings if finding.remedy]


async def test_a_free_port_is_well() -> None:
    assert not (await doctor.port("127.0.0.1", free_port())).remedy


async def test_a_port_that_something_else_took_has_a_remedy() -> None:
    async with serving(app(ours=False)) as base_url:
        finding = await doctor.port("127.0.0.1", int(base_url.rsplit(":", 1)[1]))

    assert "FAMEDASH_PORT" in finding.remedy


async def test_our_own_api_on_the_port_is_well() -> None:
    async with serving(app(ours=True)) as base_url:
        finding = await doctor.port("127.0.0.1", int(base_url.rsplit(":", 1)[1]))

    assert finding.remedy == ""
    assert "FameDash answers" in finding.about


def test_a_data_dir_that_cannot_be_made_has_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert not doctor.data_dir(tmp_path / "new" / "data").remedy
    assert "FAMEDASH_DATA_DIR" in doctor.data_dir(tmp_path / "file" / "data").remedy


async def test_a_migrated_database_is_well_and_its_clock_is_read(database_url: str) -> None:
    clocks: dict[str, float] = {}

    assert wrong(await doctor.database(database_url, clocks)) == []
    assert abs(clocks["the database"]) < 1


async def test_a_database_without_our_tables_has_a_remedy(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("drop table migrations")
    await connection.close()

    assert wrong(await doctor.database(database_url, {})) == [
        "the database is migrated: run `famedash migrate`"
    ]


async def test_a_database_that_is_away_has_a_remedy() -> None:
    found = await doctor.database(f"postgresql://nobody@127.0.0.1:{free_port()}/x", {})

    assert "FAMEDASH_DATABASE_URL" in wrong(found)[0]


@pytest.mark.parametrize(
    ("setting", "wrong_value", "right_value", "says"),
    [
        ("maxmemory-policy", "allkeys-lru", "noeviction", "Redis evicts nothing: set maxmemory-policy"),
        ("appendfsync", "everysec", "always", "Redis keeps what it answered: set appendonly yes"),
    ],
)
async def test_a_redis_that_may_lose_something_has_a_remedy(
    redis: Redis, setting: str, wrong_value: str, right_value: str, says: str
) -> None:
    before = await redis.config_get(setting)
    try:
        await redis.config_set(setting, wrong_value)
        found = wrong(await doctor.streams(redis, {}))
        await redis.config_set(setting, right_value)
        mended = wrong(await doctor.streams(redis, {}))
    finally:
        await redis.config_set(setting, before[setting])

    assert any(each.startswith(says) for each in found)
    assert not any(each.startswith(says) for each in mended)


async def test_a_redis_that_is_away_has_a_remedy() -> None:
    away = Redis(port=free_port())

    assert "FAMEDASH_REDIS_URL" in wrong(await doctor.streams(away, {}))[0]


@pytest.mark.parametrize(
    ("ahead", "says"), [(0.5, []), (-1.9, []), (7.0, ["7 s ahead"]), (-60, ["60 s behind"])]
)
def test_a_clock_that_is_off_by_more_than_2_s_is_named(ahead: float, says: list[str]) -> None:
    found = wrong(list(doctor.skews({"Redis": ahead})))

    assert len(found) == len(says)
    assert all(text in found[0] for text in says)


async def test_clocks_are_compared_in_seconds(redis: Redis) -> None:
    clocks: dict[str, float] = {}
    before = time.time()

    await doctor.streams(redis, clocks)

    assert abs(clocks["Redis"]) < 1 + time.time() - before


@pytest.mark.parametrize("secret", ["jwt_secret", "webhook_secret", "encryption_key"])
async def test_a_wrong_secret_keeps_from_nothing_that_follows(
    tmp_path: Path, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """PROMISE: one look names everything. Here the servers are those of a running `up`."""
    monkeypatch.setattr(servers, "running_endpoints", lambda _: Endpoints(database_url, redis_url))
    settings = Settings(data_dir=tmp_path, port=free_port()).model_copy(
        update={
            "database_url": "",
            "redis_url": "",
            secret: SecretStr("wrong"),
            f"{secret}_file": Path("none"),
        }
    )

    found = [finding async for finding in doctor.examine(settings)]

    assert any("Set only one of" in finding.remedy for finding in found)
    assert {
        "the database is migrated",
        "Redis answers",
        "the clock of the database agrees with ours",
        "the clock of Redis agrees with ours",
    } <= {finding.about for finding in found}


async def test_secrets_that_no_key_of_ours_opens_have_a_remedy(database: Database, database_url: str) -> None:
    """PROMISE: who lost the key, or forgot to list it, reads so, and not only that nothing is delivered."""
    await make_endpoint(database, "ep_1", "https://here.test")
    ours, other = (
        Settings(encryption_key=SecretStr(key), _env_file=None) for key in (ENCRYPTION_KEY, new_key())
    )

    well = [each async for each in doctor.secrets_of_endpoints(database_url, ours)]
    ill = [each async for each in doctor.secrets_of_endpoints(database_url, other)]

    assert (len(well), wrong(well)) == (1, [])
    (said,) = wrong(ill)
    assert all(word in said for word in ("1 cannot", "ep_1 of workspace acme", "FAMEDASH_ENCRYPTION_KEY"))
