"""The command line. What a command needs is imported inside it, so that `famedash token` starts at once."""
# ruff: noqa: PLC0415 - see above

import os
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from uuid import UUID

import typer

if TYPE_CHECKING:
    from famedash.processes.settings import Settings

T = TypeVar("T")

app = typer.Typer(
    help="FameDash: the backend under influencer-marketing campaigns.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
demo_app = typer.Typer(rich_markup_mode=None)
app.add_typer(demo_app, name="demo")


def main() -> None:
    """The entry point. One sentence and exit code 2 for wrong settings, 1 for a server that is away."""
    from famedash.infra.auth.settings import Misconfigured

    # Before numpy is imported: its threads spin while they wait; beside busy neighbours that took seconds.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except Misconfigured as reason:
        _give_up(reason, 2)
    except Exception as error:
        if not _is_plain(error):
            raise
        _give_up(error, 1)


@app.command()
def up() -> None:
    """Start everything on this machine: servers, API and workers. Ctrl-C stops it."""
    from famedash.processes.up import up as start

    raise typer.Exit(_run(start(_start("up"))))


@app.command()
def api() -> None:
    """Serve HTTP."""
    _serve("api")


@app.command()
def relay() -> None:
    """Publish committed events to the log."""
    _serve("relay")


@app.command()
def deliver() -> None:
    """Send webhooks."""
    _serve("deliver")


@app.command()
def ingest() -> None:
    """Count engagement events."""
    _serve("ingest")


@app.command()
def tend() -> None:
    """Look after what is due by the clock: campaigns that start or end, old keys, trimming."""
    _serve("tend")


@app.command()
def practice() -> None:
    """Stand in for a customer's system: take webhooks, verify them, show them."""
    _run(_process("practice").run(_start("practice")))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    _run(_process("migrate").run(_start("migrate")))


@app.command()
def reseal() -> None:
    """Encrypt the secrets of endpoints anew, with the first key of FAMEDASH_ENCRYPTION_KEY."""
    _on_servers("reseal", _process("reseal").run)


@app.command()
def token(
    workspace: Annotated[str, typer.Option(help="Whose data the token opens.")] = "default",
    scope: Annotated[list[str] | None, typer.Option(help="May be given several times; else all.")] = None,
    days: Annotated[float, typer.Option(help="How long it is valid.", min=0.001, max=3650)] = 7,
) -> None:
    """Print a token for the API, and nothing else."""
    from famedash.processes.token import issue

    print(issue(_settings(), workspace=workspace, scopes=scope or (), days=days))


@app.command()
def etl(
    files: Annotated[list[str], typer.Argument(help="CSV files; .gz and .zst too; - is standard input.")],
    *,
    workspace: Annotated[str, typer.Option(help="Whose results they are.")] = "default",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only read and judge; no server needed.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected lines go (a folder for several files).")
    ] = None,
    max_reject_percent: Annotated[
        float, typer.Option(help="More rejected rows than that: nothing is loaded.", min=0, max=100)
    ] = 100.0,
    human_numbers: Annotated[
        bool, typer.Option("--human-numbers", help="Also read 541.2K, 1.3M and 12,345.")
    ] = False,
    import_id: Annotated[UUID | None, typer.Option(hidden=True)] = None,
) -> None:
    """Load creators' results and rank them. Exit code 2: unreadable file; 3: too many rejects."""
    from famedash.infra import memory
    from famedash.performers.model import Options, TooManyRejects, UnreadableFile
    from famedash.processes import etl as loading

    memory.keep_together()
    order = loading.Order(workspace, Options(human_numbers, max_reject_percent), rejects, import_id)
    try:
        if dry_run:
            _run(loading.examine(_settings(), files, order))
        else:
            _on_servers("etl", lambda settings: loading.load(settings, files, order))
    except UnreadableFile as reason:
        _give_up(reason, 2)
    except TooManyRejects as reason:
        _give_up(reason, 3)


@app.command()
def llm() -> None:
    """Serve a small language model on this machine, for a first look: real inference, poor prose."""
    _run(_process("llm").run(_start("llm")))


@app.command()
def brief(
    *,
    brand: Annotated[str, typer.Option(help="Whose product it is.")],
    product: Annotated[str, typer.Option(help="What is shown.")],
    goal: Annotated[str, typer.Option(help="What the post is to bring about.")],
    platform: Annotated[str, typer.Option(help="Where it is posted: instagram, tiktok, youtube, x, ….")],
    campaign: Annotated[str | None, typer.Option(help="The campaign that it belongs to.")] = None,
    audience: Annotated[str | None, typer.Option(help="Who it is for.")] = None,
    language: Annotated[str | None, typer.Option(help="Such as en, de or pt-BR.")] = None,
    must_mention: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    must_avoid: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    workspace: Annotated[str, typer.Option(help="Whose knowledge and trends it rests on.")] = "default",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer of the API, and nothing else.")
    ] = False,
) -> None:
    """Write a creative brief: its tools as they are called, then the brief."""
    asked = {
        "brand": brand,
        "product": product,
        "goal": goal,
        "platform": platform,
        "campaignId": campaign,
        "audience": audience,
        "language": language,
        "mustMention": must_mention,
        "mustAvoid": must_avoid,
    }
    writing = _process("brief")
    _on_servers("brief", lambda settings: writing.run(settings, workspace, asked, as_json=as_json))


eval_app = typer.Typer(rich_markup_mode=None, help="Judge what a model writes.", no_args_is_help=True)
app.add_typer(eval_app, name="eval")


@eval_app.command("briefs")
def eval_briefs(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="A few of the requests.")] = False,
    only: Annotated[str | None, typer.Option(help="Only requests whose name holds this.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print numbers for a machine.")] = False,
    export: Annotated[Path | None, typer.Option(help="A file for every brief, one a line.")] = None,
) -> None:
    """Ask the configured model for a fixed set of briefs and print, check by check, what holds."""
    judging = _process("eval_briefs")
    _on_servers(
        "eval",
        lambda settings: judging.run(settings, quick=quick, only=only, as_json=as_json, export=export),
    )


@app.command("dead-letters")
def dead_letters(
    stream: Annotated[Literal["engagement"], typer.Argument(help="Which letters.")],
    reason: Annotated[str | None, typer.Option(help="Only those of this reason.")] = None,
    limit: Annotated[int, typer.Option(help="How many are shown.", min=0, max=10_000)] = 10,
    replay: Annotated[bool, typer.Option("--replay", help="Put them back on the log, after a fix.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replay even what may count twice.")] = False,
) -> None:
    """Show what could not be counted, by reason; replay it."""
    from famedash.processes import dead_letters as letters

    def work(settings: "Settings") -> Coroutine[Any, Any, None]:
        if replay:
            return letters.replay(settings, reason=reason, force=force)
        return letters.show(settings, reason=reason, limit=limit)

    _on_servers("dead-letters", work)


@demo_app.callback(invoke_without_command=True)
def demo(context: typer.Context) -> None:
    """Send sample events (alone, or `demo events`), or write a sample of performance data (`demo csv`)."""
    if context.invoked_subcommand is None:
        demo_events()


@demo_app.command("events")
def demo_events(
    file: Annotated[
        Path | None, typer.Argument(help="Events, one a line; examples/events.ndjson where left out.")
    ] = None,
    *,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Keep times and ids: a second run counts nothing.")
    ] = False,
    rate: Annotated[
        float | None, typer.Option(help="Play so many events/s live instead.", min=0.1, max=1_000_000)
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long to play live.", min=0.1)] = 60,
    seed: Annotated[int, typer.Option(help="Of the live stream: the same one, the same events.")] = 1,
    campaigns: Annotated[int, typer.Option(help="Of the live stream.", min=1, max=100_000)] = 8,
    workspace: Annotated[str, typer.Option(help="Whose events they are.")] = "default",
) -> None:
    """Send sample events as if they happened just now, or play a live stream of them (--rate)."""
    from famedash.processes.demo import Live, run

    live = None if rate is None else Live(rate, seconds, seed, campaigns)
    settings = _start("demo", level="warning")
    _run(run(settings, file=file, as_is=as_is, live=live, workspace=workspace))


@demo_app.command("csv")
def demo_csv(
    *,
    rows: Annotated[int, typer.Option(help="Accepted and malformed ones together.", min=0)] = 10_000,
    seed: Annotated[int, typer.Option(help="The same one, the same bytes.")] = 1,
    clean: Annotated[bool, typer.Option("--clean", help="Good rows only; else some are malformed.")] = False,
    texts: Annotated[bool, typer.Option(help="With the columns platform and caption.")] = True,
    out: Annotated[Path | None, typer.Option(help="Standard output where left out.")] = None,
) -> None:
    """Write performance data of creators, as `famedash etl` reads it."""
    from famedash.processes import demo_csv

    demo_csv.run(demo_csv.plan(rows, seed, clean=clean, with_texts=texts), out)


@app.command()
def doctor() -> None:
    """Say what is wrong with this machine or these settings."""
    raise typer.Exit(_run(_process("doctor").run(_start("doctor", level="warning"))))


@app.command()
def bench(
    name: Annotated[
        str | None,
        typer.Argument(help="deliver, isolation, latency, api, ingest, metrics, etl, briefs; or all."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One short pair: does it still run?")] = False,
) -> None:
    """Measure each figure beside its limit, on servers of its own; takes minutes."""
    from famedash.infra.logging import configure
    from famedash.processes.bench.pairs import run

    configure("auto", "warning", "bench")
    _run(run(name, quick=quick))


def _process(name: str) -> Any:
    """The module `famedash.processes.{name}`, whose `run(settings)` is the command."""
    return import_module(f"famedash.processes.{name}")


def _serve(name: str) -> None:
    """Run a process on the servers there are, until it is asked to stop."""
    from famedash.infra import telemetry
    from famedash.processes.servers import with_servers

    given = _start(name)
    if given.metrics_port and name != "api":
        telemetry.serve(given.metrics_port, host=given.host)

    async def work() -> None:
        async with with_servers(given) as settings:
            await _process(name).run(settings)

    _run(work())


def _on_servers(name: str, work: "Callable[[Settings], Coroutine[Any, Any, None]]") -> None:
    """Do a piece of work on the servers there are."""
    from famedash.processes.servers import with_servers

    given = _start(name, level="warning")

    async def run() -> None:
        async with with_servers(given) as settings:
            await work(settings)

    _run(run())


def _run(work: Coroutine[Any, Any, T]) -> T:
    import uvloop

    os.environ.setdefault("UV_THREADPOOL_SIZE", "128")  # half may look up names: some name servers hang
    return uvloop.run(work)


def _start(process: str, *, level: str | None = None) -> "Settings":
    """The settings, with logging set up for `process`."""
    from famedash.infra.logging import configure

    settings = _settings()
    configure(settings.log_format, level or settings.log_level, process)
    return settings


def _settings() -> "Settings":
    """Raises `Misconfigured` that names the variables which do not fit, without their values."""
    from pydantic import ValidationError

    from famedash.infra.auth.settings import Misconfigured
    from famedash.processes.settings import load

    try:
        return load()
    except ValidationError as found:
        faults = (f"FAMEDASH_{str(each['loc'][0]).upper()}: {each['msg']}" for each in found.errors())
        raise Misconfigured(f"{'; '.join(faults)}.") from None


def _is_plain(error: Exception) -> bool:
    """Is its text a sentence for a person, to be shown without a traceback?"""
    from famedash.infra.embedded import DataDirInUse, EmbeddedUnavailable
    from famedash.infra.errors import Postponed, Refusal

    return isinstance(error, DataDirInUse | EmbeddedUnavailable | Postponed | Refusal)


def _give_up(sentence: Exception, code: int) -> None:
    print(f"famedash: {sentence}", file=sys.stderr)
    raise SystemExit(code)
