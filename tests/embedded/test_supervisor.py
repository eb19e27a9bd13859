"""The supervisor with real children: what it starts, keeps up, stops, and never leaves behind."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from famedash.processes.supervisor import Child, Hopeless, Supervisor
from tests.embedded.family import Described, Family, all_gone, child
from tests.embedded.holder import alive

Supervise = Callable[..., Family]

STEADY = "echo pid $$; exec sleep 600"
DEAF = "trap '' TERM; echo pid $$; while :; do sleep 0.1; done"
WITH_GRANDCHILD = "sleep 600 & echo grandchild $!; echo pid $$; wait"


@pytest.fixture
def supervise() -> Iterator[Supervise]:
    """Starts families, and ends those that a test leaves."""
    families: list[Family] = []

    def start(*stages: list[Described], stop_seconds: float = 8.0) -> Family:
        families.append(Family(*stages, stop_seconds=stop_seconds))
        return families[-1]

    yield start
    for family in families:
        if family.process.poll() is None:
            family.terminate()


def test_every_line_of_a_child_carries_its_name(supervise: Supervise) -> None:
    family = supervise([child("api", "echo one; echo two >&2; exec sleep 600"), child("deliver", STEADY)])

    assert family.says(r"api     \| (one|two)", times=2) == ["one", "two"]
    assert family.says(r"deliver \| pid (\d+)")


def test_a_killed_child_is_started_again(supervise: Supervise) -> None:
    family = supervise([child("relay", STEADY)])
    [killed] = family.says(r"relay \| pid (\d+)")

    os.kill(int(killed), signal.SIGKILL)

    assert family.says(r"relay \| ended with code (-9); .*") == ["-9"]
    _, following = family.says(r"relay \| pid (\d+)", times=2)
    assert alive(int(following))


def test_a_child_that_keeps_dying_is_started_less_and_less_often(supervise: Supervise) -> None:
    family = supervise([child("broken", "exit 3"), child("steady", STEADY)])

    delays = family.says(r"broken \| ended with code 3; starts again in (\S+) s", times=3)

    assert delays[:3] == ["0.2", "0.4", "0.8"]
    assert len(family.says(r"steady \| pid (\d+)")) == 1


def test_a_stage_starts_when_the_one_before_is_ready(supervise: Supervise, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    slow = f"sleep 0.5; echo ready; touch '{ready}'; exec sleep 600"

    family = supervise([child("first", slow, str(ready))], [child("second", STEADY)])
    family.says(r"second \| pid (\d+)")

    order = [line.split(" ")[0] for line in family.lines]
    assert order == ["first", "second"]


def test_sigterm_stops_the_last_stage_first_and_leaves_no_process(supervise: Supervise) -> None:
    def farewell(name: str) -> str:
        return f"trap 'echo bye {name}; exit 0' TERM; echo pid $$; while :; do sleep 0.1; done"

    family = supervise([child("first", farewell("first"))], [child("second", farewell("second"))])
    pids = [*family.says(r"first  \| pid (\d+)"), *family.says(r"second \| pid (\d+)")]

    code, seconds = family.terminate()

    assert code == 0
    assert seconds < 10
    assert family.says(r".* \| bye (\w+)", times=2) == ["second", "first"]
    assert all_gone(*pids)


def test_a_child_that_does_not_end_is_killed_in_time(supervise: Supervise) -> None:
    family = supervise([child("deaf", DEAF), child("grand", WITH_GRANDCHILD)], stop_seconds=1.0)
    pids = [*family.says(r".* \| pid (\d+)", times=2), *family.says(r"grand \| grandchild (\d+)")]

    code, seconds = family.terminate()

    assert code == 0
    assert seconds < 3
    assert all_gone(*pids)


def test_kill_9_of_the_supervisor_ends_children_and_grandchildren(supervise: Supervise) -> None:
    """PROMISE: no worker runs on without its supervisor.

    Breaks if the dead-man's switch is left out: nobody else would tell the children.
    """
    family = supervise([child("api", STEADY)], [child("deliver", WITH_GRANDCHILD)])
    pids = [*family.says(r".* \| pid (\d+)", times=2), *family.says(r"deliver \| grandchild (\d+)")]

    family.kill()

    assert all_gone(*pids, seconds=5)  # the switch's SIGKILL comes after 8


@pytest.mark.chaos
def test_kill_9_of_the_supervisor_ends_even_a_deaf_child(supervise: Supervise) -> None:
    family = supervise([child("deaf", DEAF)])
    [pid] = family.says(r"deaf \| pid (\d+)")

    family.kill()

    assert all_gone(pid, seconds=15)


def test_ctrl_c_reaches_the_supervisor_only(supervise: Supervise) -> None:
    """A terminal signals its whole session; a child that got it too would stop before its turn."""
    family = supervise([child("api", STEADY)])
    [pid] = family.says(r"api \| pid (\d+)")

    assert os.getsid(int(pid)) != os.getsid(family.process.pid)
    family.process.send_signal(signal.SIGINT)

    assert family.process.wait(timeout=10) == 0
    assert all_gone(pid)


async def test_an_exit_code_that_no_restart_mends_ends_everything() -> None:
    broken = Child("api", ("/bin/sh", "-c", "exit 2"), hopeless_codes=[2])
    steady = Child("relay", ("/bin/sh", "-c", "exec sleep 600"))

    with pytest.raises(Hopeless, match="api ended with code 2"):
        await Supervisor([[steady, broken]]).run()


async def test_a_command_that_does_not_exist_is_an_error_not_a_loop() -> None:
    with pytest.raises(FileNotFoundError):
        await Supervisor([[Child("typo", ("/no/such/program",))]]).run()
