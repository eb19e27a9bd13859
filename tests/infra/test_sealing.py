"""Secrets that come back with their key, and with no other."""

import pytest

from famedash.infra.sealing import Seal, Unsealable, new_key

OLD, NEW = new_key(), new_key()


def test_what_was_sealed_is_opened_and_nowhere_in_it() -> None:
    sealed = Seal([OLD]).close(b"opensesame")

    assert b"opensesame" not in sealed
    assert Seal([OLD]).open(sealed) == b"opensesame"


def test_a_newer_key_seals_and_the_older_one_still_opens() -> None:
    old, both = Seal([OLD]).close(b"old"), Seal([NEW, OLD])

    assert both.open(old) == b"old"
    assert Seal([NEW]).open(both.close(b"new")) == b"new"


def test_another_key_opens_nothing_and_says_which_setting_to_look_at() -> None:
    with pytest.raises(Unsealable, match="FAMEDASH_ENCRYPTION_KEY"):
        Seal([NEW]).open(Seal([OLD]).close(b"old"))


@pytest.mark.parametrize("key", ["", "short", "é" * 44, "a" * 40])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"Fernet key must be|padding|base64|ASCII"):
        Seal([key])
