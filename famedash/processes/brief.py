"""`famedash brief`: a brief on a terminal, its tools as they are called."""

import getpass
import os
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from famedash.briefs import pipeline
from famedash.briefs.model import Call
from famedash.briefs.schemas import NewBrief
from famedash.infra import json
from famedash.infra.database import open_database
from famedash.infra.http.validation import refusal_of
from famedash.infra.redis import open_redis
from famedash.processes.briefs import open_craft, open_embedder, studio
from famedash.processes.settings import Settings


async def run(settings: Settings, workspace: str, asked: Mapping[str, Any], *, as_json: bool) -> None:
    """Raises the refusals of the API."""
    try:
        ask = NewBrief.model_validate(asked).ask()
    except ValidationError as found:
        raise refusal_of(found.errors()) from None
    show = Progress(quiet=as_json)
    async with (
        open_database(settings.database_url, application="brief") as database,
        open_redis(settings.redis_url) as redis,
        open_embedder(settings) as embedder,
        open_craft(settings, database, embedder) as craft,
    ):
        making = studio(settings, database, redis, craft)
        order = await pipeline.take(making, workspace, ask)
        landed = await pipeline.generate(making, order, actor=f"cli:{_user()}", audience=show)
    answer = msgspec.json.decode(landed.value)
    if as_json:
        print(json.encode(answer).decode())
    else:
        show.brief(answer)


def _print(console: Console, text: Text) -> None:
    """Lines are broken for a terminal only: what reads a pipe wants them whole."""
    console.print(text, soft_wrap=not console.is_terminal)


def _user() -> str:
    """A container may run as a number that no name belongs to."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


class Progress:
    """What a person sees: each call of a tool, how far the writing is, and the brief."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._fields = 0

    def called(self, call: Call) -> None:
        found = call.error or json.encode(call.result).decode()
        _print(self._console, Text.assemble((f"{call.name} ", "bold"), found[:200]))

    def wrote(self, fields: dict[str, Any]) -> None:
        if len(fields) > self._fields:
            self._fields = len(fields)
            _print(self._console, Text(f"writing {list(fields)[-1]} …", "dim"))

    def brief(self, answer: Mapping[str, Any]) -> None:
        out = Console(file=sys.stdout, highlight=False)
        out.print()
        for text in _paragraphs(answer):
            _print(out, text)


def _paragraphs(answer: Mapping[str, Any]) -> list[Text]:
    meta = answer["meta"]
    return [
        Text(answer["caption"]),
        Text(" ".join(answer["hashtags"]) + "\n"),
        *_list("Hooks", answer["hookIdeas"]),
        *_list("Do", answer["doDont"]["do"]),
        *_list("Don't", answer["doDont"]["dont"]),
        *_list("Deliverables", answer["deliverables"]),
        Text.assemble(("Call to action: ", "bold"), answer["CTA"]),
        Text.assemble(("Tone: ", "bold"), answer["tone"]),
        Text.assemble(
            ("Disclosure: ", "bold"), f"{answer['disclosure']['tag']} ({answer['disclosure']['rule']})"
        ),
        Text(f"\n{meta['engine']} {meta['model']}, {meta['milliseconds']} ms, brief {meta['id']}", "dim"),
    ]


def _list(title: str, items: list[str]) -> list[Text]:
    return [Text(title, "bold"), *(Text(f"  {item}") for item in items), Text()]
