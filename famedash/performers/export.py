"""Rankings and rejected lines as CSV, safe to open in a spreadsheet. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from famedash.performers.spreadsheet import harmless

MEDIA_TYPE = "text/csv"
COLUMNS = (
    "rank",
    "campaignId",
    "influencerId",
    "engagementRate",
    "engagements",
    "views",
    "likes",
    "comments",
    "shares",
    "posts",
)
REJECT_COLUMNS = ("line", "reason", "meaning", "column", "raw")


def table(performers: Iterable[Mapping[str, Any]]) -> str:
    """Header and lines, as RFC 4180 writes them; the flags by their codes in the last column."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*COLUMNS, "flags"))
    for each in performers:
        cells = (_cell(each[name]) for name in COLUMNS)
        writer.writerow((*cells, " ".join(flag["code"] for flag in each["flags"])))
    return text.getvalue()


def rejects_table(rejects: Iterable[Mapping[str, Any]]) -> str:
    """Header and lines, as RFC 4180 writes them."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(REJECT_COLUMNS)
    writer.writerows([_cell(each[name]) for name in REJECT_COLUMNS] for each in rejects)
    return text.getvalue()


def _cell(value: object) -> object:
    return harmless(value) if isinstance(value, str) else value
