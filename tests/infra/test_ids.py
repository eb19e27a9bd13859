"""Identifiers that sort by time."""

import time
import uuid

from famedash.infra.ids import uuid7


def test_an_id_is_a_version_7_uuid_of_its_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    one = uuid7()
    after = time.time_ns() // 1_000_000

    assert (one.version, one.variant) == (7, uuid.RFC_4122)
    assert before <= one.int >> 80 <= after


def test_ids_of_one_process_sort_by_the_time_they_were_made() -> None:
    """PROMISE: `/logs` is oldest first. Breaks if a millisecond is the finest that an id knows."""
    made = []
    for _ in range(200):
        made.append(uuid7())
        time.sleep(0.000_01)

    assert made == sorted(made)


def test_ids_made_at_once_differ() -> None:
    assert len({uuid7() for _ in range(1000)}) == 1000
