"""`famedash up`: everything on one machine - the servers, the schema, then every process of ours."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from famedash.infra.auth.settings import Misconfigured
from famedash.infra.embedded import (
    DataDirInUse,
    Embedded,
    EmbeddedUnavailable,
    Endpoints,
    embedded_servers,
    free_port,
    is_free,
)
from famedash.infra.embedded.identity import give_to_folder_owner
from famedash.processes.llm import MODEL as LOCAL_MODEL
from famedash.processes.settings import Settings
from famedash.processes.supervisor import Child, Hopeless, Supervisor, until_signalled
from famedash.processes.welcome import welcome

SERVERS_STOP_SECONDS = 1.2  # at least; the children have 8, and everything ends within 10
WRONG_SETTINGS = 2  # the exit code of our commands for what no restart mends
LOOPBACK = "127.0.0.0/8,::1/128,0.0.0.0/32,::/128"  # with where a host that listens everywhere is reached

_log = structlog.get_logger()


class PortTaken(Exception):
    """Stop: somebody listens where the API is to listen. The message names the port and the remedy."""


async def up(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT, then stop in reverse order within 10 s; gives the exit code.

    Raises `Postponed` where a database that is set cannot be reached.
    """
    try:
        return await until_signalled(_run(settings))
    except (DataDirInUse, EmbeddedUnavailable, Hopeless, PortTaken) as error:
        print(error, file=sys.stderr)
        return 1


async def _run(settings: Settings) -> None:
    from famedash.processes.migrate import bring_up_to_date  # noqa: PLC0415 - imports asyncpg while servers start

    _refuse_two_models(settings)
    async with AsyncExitStack() as stack:
        embedded = await _servers(settings, stack)
        api_port = _api_port(settings)
        endpoints = _endpoints(settings, embedded)
        await bring_up_to_date(endpoints.database_url)
        environment = _environment(settings, endpoints, api_port)
        supervisor = Supervisor(_stages(environment))
        practice = _practice_url(settings, environment["FAMEDASH_PRACTICE_PORT"])
        greeting = asyncio.create_task(
            welcome(settings, port=api_port, practice=None if settings.webhook_url else practice)
        )
        greeting.add_done_callback(_note_failure)
        try:
            await supervisor.run()
        finally:
            greeting.cancel()
            if embedded is not None:
                embedded.stop_within(SERVERS_STOP_SECONDS + supervisor.unused_stop_seconds)


def _note_failure(greeting: asyncio.Task[None]) -> None:
    """A greeting that fails stops nothing; it is a fault of ours, said here and only here."""
    if not greeting.cancelled() and (fault := greeting.exception()):
        _log.error("up.welcome_failed", exc_info=fault)


async def _servers(settings: Settings, stack: AsyncExitStack) -> Embedded | None:
    """The embedded ones, unless both addresses are set."""
    if settings.database_url and settings.redis_url:
        return None
    return await stack.enter_async_context(embedded_servers(settings.data_path))


def _endpoints(settings: Settings, embedded: Embedded | None) -> Endpoints:
    own = embedded.endpoints if embedded else Endpoints("", "")
    return Endpoints(settings.database_url or own.database_url, settings.redis_url or own.redis_url)


def _stages(environment: Mapping[str, str]) -> list[list[Child]]:
    """The strangers' stand-ins outlive those who ask them; the order of the others does not matter."""
    strangers = ("practice", "llm") if environment.get("FAMEDASH_LLM") else ("practice",)
    children = {
        name: Child(
            name, (sys.executable, "-m", "famedash", name), environment, hopeless_codes=[WRONG_SETTINGS]
        )
        for name in (*strangers, "api", "relay", "deliver", "ingest", "tend")
    }
    return [[children.pop(name) for name in strangers], list(children.values())]


def _environment(settings: Settings, endpoints: Endpoints, api_port: int) -> dict[str, str]:
    """Ours, with what we decided: a child decides nothing of this again."""
    practice_port = str(_practice_port(settings))
    practice = f"{_practice_url(settings, practice_port)}/campaign"
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        **({"FAMEDASH_LOG_FORMAT": "text"} if settings.log_format == "auto" and sys.stderr.isatty() else {}),
        "FAMEDASH_EMBEDDED": "" if settings.database_url else "1",  # secrets may be made in the data dir
        "FAMEDASH_DATABASE_URL": endpoints.database_url,
        "FAMEDASH_REDIS_URL": endpoints.redis_url,
        "FAMEDASH_DATA_DIR": str(settings.data_path),
        "FAMEDASH_HOST": settings.host,
        "FAMEDASH_PORT": str(api_port),
        "FAMEDASH_PRACTICE_PORT": practice_port,
        "FAMEDASH_METRICS_PORT": "",  # one /metrics, the API's, shows them all
        "PROMETHEUS_MULTIPROC_DIR": str(_emptied(settings.data_path / "metrics")),
        "FAMEDASH_WEBHOOK_URL": settings.webhook_url or practice,
        "FAMEDASH_WEBHOOK_ALLOW_PRIVATE": _allowed(settings),
        **_local_model(settings),
    }


def _allowed(settings: Settings) -> str:
    """Loopback besides, for whoever tries things out here; not where others reach the API."""
    only_here = settings.host in ("localhost", "127.0.0.1", "::1") or not settings.webhook_url
    own = LOOPBACK if only_here else ""
    return ",".join(filter(None, (settings.webhook_allow_private, own)))


def _refuse_two_models(settings: Settings) -> None:
    """Before anything is started for nothing. Raises Misconfigured."""
    if settings.llm and settings.llm_base_url:
        raise Misconfigured("Set only one of FAMEDASH_LLM=local and FAMEDASH_LLM_BASE_URL.")


def _local_model(settings: Settings) -> dict[str, str]:
    """What the others need to know of the model on this machine."""
    if not settings.llm:
        return {}
    port = settings.llm_port
    port = port if port and is_free("127.0.0.1", port) else free_port()
    return {
        "FAMEDASH_LLM": "local",
        "FAMEDASH_LLM_PORT": str(port),
        "FAMEDASH_LLM_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "FAMEDASH_LLM_MODEL": LOCAL_MODEL,
        "FAMEDASH_LLM_TOOLS": "emulated",
        "FAMEDASH_LLM_OUTPUT": "grammar",
        "FAMEDASH_LLM_TIMEOUT_SECONDS": str(max(settings.llm_timeout_seconds, 60.0)),
        "FAMEDASH_LLM_BUDGET_SECONDS": str(max(settings.llm_budget_seconds, 120.0)),
    }


def _emptied(folder: Path) -> Path:
    """Counters start at zero with their processes; what the last run left would be added up for ever."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    give_to_folder_owner(folder)
    return folder


def _api_port(settings: Settings) -> int:
    """The port of the settings (0: any). Raises PortTaken before anything is started for nothing."""
    if settings.port and not is_free(settings.host, settings.port):
        raise PortTaken(
            f"Port {settings.port} of {settings.host} is taken: set FAMEDASH_PORT to another one."
        )
    return settings.port or free_port()


def _practice_port(settings: Settings) -> int:
    """Nobody needs to know it, so a taken one is not worth a refusal."""
    wanted = settings.practice_port
    return wanted if wanted and is_free(settings.practice_host, wanted) else free_port()


def _practice_url(settings: Settings, port: str) -> str:
    host = settings.practice_host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
