"""What was measured, as text: medians, ranges and the score of each figure. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One row of the table. `score` compares the product with its limit; `reach` is what is aimed at.

    `reached` None: nothing is, the row informs.
    """

    name: str
    limit: str
    unit: str
    reach: str
    score: Callable[[float, float], float]
    reached: Callable[[float], bool] | None
    score_unit: str = ""
    digits: int = 0


@dataclass(frozen=True)
class Pair:
    """Limit and product, measured one after the other."""

    figure: Figure
    limit: float
    product: float

    @property
    def score(self) -> float:
        return self.figure.score(self.limit, self.product)


def line(pair: Pair) -> str:
    """One pair, as it is measured."""
    figure = pair.figure
    return (
        f"  {figure.name}: limit {_number(figure, pair.limit)}, FameDash {_number(figure, pair.product)},"
        f" score {_score(figure, pair.score)}"
    )


def table(pairs: Sequence[Pair]) -> str:
    """Markdown, one row a figure: medians with their ranges, and the score of the medians."""
    rows = [
        "| figure | limit in the same run | limit: median (range) | FameDash: median (range) |"
        " score (range) | reach | |",
        "|---|---|---|---|---|---|---|",
    ]
    figures = list(dict.fromkeys(pair.figure for pair in pairs))
    return "\n".join([*rows, *(_row(f, [pair for pair in pairs if pair.figure is f]) for f in figures)])


def _row(figure: Figure, pairs: Sequence[Pair]) -> str:
    limit, product = median(pair.limit for pair in pairs), median(pair.product for pair in pairs)
    score = figure.score(limit, product)
    cells = [
        figure.name,
        figure.limit,
        f"{_number(figure, limit)} ({_range(figure, (pair.limit for pair in pairs))})",
        f"**{_number(figure, product)}** ({_range(figure, (pair.product for pair in pairs))})",
        f"**{_score(figure, score)}** ({_scores(figure, pairs)})",
        figure.reach,
        _verdict(figure, score),
    ]
    return f"| {' | '.join(cells)} |"


def _verdict(figure: Figure, score: float) -> str:
    if figure.reached is None:
        return ""
    return "reached" if figure.reached(score) else "not reached"


def _number(figure: Figure, value: float) -> str:
    return f"{value:,.{figure.digits}f}{figure.unit}"


def _range(figure: Figure, values: Iterable[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[0]:,.{figure.digits}f} to {ordered[-1]:,.{figure.digits}f}"


def _score(figure: Figure, score: float) -> str:
    return f"{score:.2f}{figure.score_unit}"


def _scores(figure: Figure, pairs: Sequence[Pair]) -> str:
    ordered = sorted(pair.score for pair in pairs)
    return f"{ordered[0]:.2f} to {ordered[-1]:.2f}"
