"""The bytes that JSON leaves us as."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from famedash.infra import json
from famedash.infra.http.responses import json_response
from famedash.outbox.model import DomainEvent
from famedash.outbox.model import encode as encode_event

VALUE = {"amount": Decimal("12.50"), "id": UUID(int=7)}
WRITTEN = b'{"amount":12.50,"id":"00000000-0000-0000-0000-000000000007"}'


def test_an_answer_and_an_event_write_a_value_alike() -> None:
    """Breaks if one of them gets an encoder of its own with other options."""
    event = DomainEvent(UUID(int=1), "X", datetime(2026, 7, 1, tzinfo=UTC), "acme", "c1", 1, VALUE)

    assert json.encode(VALUE) == WRITTEN
    assert json_response(VALUE).body == WRITTEN
    assert encode_event(event).endswith(b'"timestamp":"2026-07-01T00:00:00Z","data":' + WRITTEN + b"}")
