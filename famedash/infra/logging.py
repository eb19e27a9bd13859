"""One pipeline for every log line, ours and the libraries': JSON for machines, text on a terminal, to stderr.

Nothing secret leaves: values are masked by their key's name, and so are passwords inside addresses.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Literal

import structlog
from structlog.typing import Processor, WrappedLogger

REQUEST: ContextVar[str] = ContextVar("famedash_request", default="")
"""The id of the HTTP request being answered; it stands in each line that is logged meanwhile."""

MASK = "***"

_secret_name = re.compile(
    r"secret|token|passw|authorization|api_?key|private_?key|cookie|signature|credential|jwt", re.IGNORECASE
)
_password_in_address = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]+@")

EventDict = MutableMapping[str, Any]


def configure(format: Literal["auto", "json", "text"], level: str, process: str) -> None:
    """Once, at the start of a process: everything from `level` on goes to stderr with the process's name.

    `auto` is text when stderr is a terminal and JSON otherwise.
    """
    as_text = format == "text" or (format == "auto" and sys.stderr.isatty())
    threshold = logging.getLevelNamesMapping()[level.upper()]
    steps = _common(process)
    ending: list[Processor] = [structlog.processors.format_exc_info, redact, _text() if as_text else _json()]
    structlog.configure(
        processors=[*steps, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _adopt_libraries(threshold, steps, ending)


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask what must not be read, at any depth."""
    return {name: _masked(name, value) for name, value in event.items()}


def _masked(name: object, value: Any) -> Any:
    if isinstance(name, str) and _secret_name.search(name):
        return MASK
    if isinstance(value, str):
        return _password_in_address.sub(rf"\1:{MASK}@", value) if "://" in value else value
    if isinstance(value, dict):
        return {key: _masked(key, each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(None, each) for each in value]
    return value


def _common(process: str) -> list[Processor]:
    def place(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["process"] = process
        if request := REQUEST.get():
            event["request"] = request
        return event

    return [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        place,
    ]


def _json() -> Processor:
    return structlog.processors.JSONRenderer(default=repr)


def _text() -> Processor:
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)


def _adopt_libraries(threshold: int, steps: list[Processor], ending: list[Processor]) -> None:
    """The standard library's loggers take the same steps; below a warning they are silent."""
    handler = logging.StreamHandler(sys.stderr)
    without_marks = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *steps], processors=[without_marks, *ending]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger("asyncpg.pool").setLevel(
        logging.CRITICAL
    )  # a traceback a connection: the loops say it once
    logging.captureWarnings(True)
