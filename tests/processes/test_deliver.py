"""What `famedash deliver` says and arranges before it delivers."""

import resource
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from famedash.processes import deliver
from famedash.webhooks.addresses import parse_networks
from famedash.webhooks.settings import WebhookSettings


@pytest.mark.parametrize(
    ("url", "allowed", "said"),
    [
        ("", "", []),
        ("https://1.1.1.1/hook", "", []),
        ("http://127.0.0.1:9/hook", "127.0.0.0/8", []),
        ("http://127.0.0.1:9/hook", "", ["webhook.url_forbidden"]),
        ("http://1.1.1.1/hook", "", ["webhook.url_forbidden"]),
        ("https://no-such-host.invalid/hook", "", []),
    ],
)
async def test_a_url_that_every_try_would_be_refused_for_is_said_at_the_start(
    url: str, allowed: str, said: list[str]
) -> None:
    """PROMISE: an operator reads it in the log, and not first in dead letters."""
    with capture_logs() as lines:
        await deliver.warn_of_forbidden(WebhookSettings(url, (), allowed=parse_networks(allowed)))

    assert [line["event"] for line in lines] == said
    assert all("FAMEDASH_WEBHOOK_ALLOW_PRIVATE" in line["reason"] for line in lines)


@pytest.fixture
def few_files() -> Iterator[int]:
    """The hard limit, with a soft one below it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_worker_may_open_as_many_connections_as_the_system_allows(few_files: int) -> None:
    deliver.allow_connections()

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == min(deliver.MOST_FILES, hard)
    assert hard == few_files
