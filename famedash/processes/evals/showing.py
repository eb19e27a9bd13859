"""How far an eval is: a bar on a terminal, else a line a case; on standard error, so figures can be piped."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from famedash.processes.evals.report import Outcome


@contextmanager
def shown(number: int, *, quiet: bool) -> Iterator["Show"]:
    console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
    bar = Progress(
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]} with a fault"),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        yield Show(console, bar, number)


class Show:
    """Told of each outcome as it comes."""

    def __init__(self, console: Console, bar: Progress, number: int) -> None:
        self._console, self._bar = console, bar
        self._number, self._done, self._failed = number, 0, 0
        self._task = bar.add_task("briefs", total=number, failed=0)

    def __call__(self, outcome: Outcome) -> None:
        self._done, self._failed = self._done + 1, self._failed + bool(outcome.failed)
        self._bar.update(self._task, advance=1, failed=self._failed)
        if not self._console.is_terminal:
            verdict = f"not: {', '.join(outcome.failed)}" if outcome.failed else "holds"
            line = f"{self._done}/{self._number} {outcome.name} ({outcome.milliseconds:,.0f} ms): {verdict}"
            self._console.print(line, markup=False)
