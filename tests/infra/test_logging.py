"""What a log line holds, and what it must not."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import structlog

from famedash.infra.logging import MASK, REQUEST, configure


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""  # stdout is for what a command prints
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_says_what_when_where_and_how_bad(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info", "relay")

    structlog.get_logger().warning("relay.lost", attempt=2)

    (line,) = lines(capsys)
    assert line["event"] == "relay.lost"
    assert line["attempt"] == 2
    assert line["level"] == "warning"
    assert line["process"] == "relay"
    assert str(line["timestamp"]).endswith("Z")
    assert "request" not in line


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "warning", "api")

    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_secrets_are_masked_by_name_at_any_depth_and_passwords_in_addresses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("json", "info", "api")

    structlog.get_logger().info(
        "started",
        jwt_secret="hunter2",
        headers={"Authorization": "Bearer hunter2", "Accept": "text"},
        endpoints=[{"api_key": "hunter2"}],
        url="postgresql://ada:hunter2@db:5432/x",
        redis="redis://:hunter2@cache/0",
    )

    (line,) = lines(capsys)
    assert "hunter2" not in json.dumps(line)
    assert line["jwt_secret"] == MASK
    assert line["headers"] == {"Authorization": MASK, "Accept": "text"}
    assert line["url"] == f"postgresql://ada:{MASK}@db:5432/x"


@pytest.mark.parametrize("format", ["json", "text"])
@pytest.mark.parametrize("logger", [structlog.get_logger, logging.getLogger])
def test_a_password_in_a_traceback_is_masked(
    capsys: pytest.CaptureFixture[str], format: Literal["json", "text"], logger: Callable[[], Any]
) -> None:
    configure(format, "info", "api")

    try:
        raise OSError("cannot reach postgresql://ada:hunter2@db/x")
    except OSError as error:
        logger().error("failed", exc_info=error)

    written = capsys.readouterr().err
    assert "OSError: cannot reach" in written
    assert "hunter2" not in written


def test_a_librarys_line_takes_the_same_steps(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info", "api")

    logging.getLogger("uvicorn.error").error("cannot bind %s", "redis://:hunter2@x")

    (line,) = lines(capsys)
    assert line["event"] == f"cannot bind redis://:{MASK}@x"
    assert (line["logger"], line["level"], line["process"]) == ("uvicorn.error", "error", "api")


def test_uvicorns_own_access_log_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info", "api")

    logging.getLogger("uvicorn.access").info("GET /?token=hunter2")

    assert lines(capsys) == []


def test_a_line_of_a_request_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info", "api")

    reset = REQUEST.set("abc")
    structlog.get_logger().info("asked")
    REQUEST.reset(reset)

    assert lines(capsys)[0]["request"] == "abc"


def test_text_is_for_people_and_still_masked(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text", "info", "api")

    structlog.get_logger().info("started", token="hunter2", port=8000)

    text = capsys.readouterr().err
    assert "started" in text
    assert "8000" in text
    assert "hunter2" not in text
