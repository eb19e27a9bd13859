"""Holders that are ended whatever a test does, and a data dir that is checked for leftovers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from famedash.infra.embedded.reaping import orphans
from tests.embedded.holder import Holder, eventually

Hold = Callable[..., Holder]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """No server names it any more when the test is over."""
    folder = tmp_path / "data"
    yield folder
    assert eventually(lambda: servers_of(folder) == [])


@pytest.fixture
def hold(data_dir: Path) -> Iterator[Hold]:
    """Starts holders (`Holder(...)`), and ends those that a test leaves."""
    holders: list[Holder] = []

    def start(folder: Path = data_dir, **options: object) -> Holder:
        holders.append(Holder(folder, **options))  # type: ignore[arg-type]
        return holders[-1]

    yield start
    for holder in holders:
        holder.cleanup()


def servers_of(data_dir: Path) -> list[int]:
    """The pids of the servers that run on this data dir."""
    return [*orphans(data_dir / "postgres18"), *orphans(data_dir / "valkey" / "valkey.conf")]
