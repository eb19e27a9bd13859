"""Sums of millions of rows: as a dict would have them, or an exception."""

# ruff: noqa: S311 - chance is seeded here

import random
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from famedash.performers import groups, scan
from famedash.performers.digits import MOST_DIGITS, numbers, words_of
from famedash.performers.groups import (
    LARGEST_SUM,
    Accumulator,
    Collision,
    Groups,
    SumTooLarge,
    hashes,
    summed,
)
from famedash.performers.sure_rows import PAD
from tests.performers.reading import HEADER, SEED, read, reference


def a_part(rows: Sequence[tuple[int, tuple[int, ...]]], *, best: Sequence[float] | None = None) -> Groups:
    """Rows as `(key, sums)`, summed as a scan hands them on; `at` and the check come from the key."""
    key = np.array([key for key, _ in rows], np.uint64)
    sums = np.array([sums for _, sums in rows], np.int64).reshape(-1, 5).T.copy()
    at = np.tile(key.astype(np.int64), (2, 1))
    rate = None if best is None else np.array(best, np.float64)
    return summed(Groups(key, ~key, at, np.ones((2, len(key)), np.int32), sums, rate))


def as_dict(parts: Sequence[Groups]) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    for part in parts:
        for key, sums in zip(part.key.tolist(), part.sums.T.tolist(), strict=True):
            assert key not in found
            found[key] = tuple(sums)
    return found


KEYS = st.one_of(
    st.integers(0, 20), st.integers(0, (1 << 64) - 1), st.integers(0, 20).map(lambda n: (1 << 64) - 1 - n)
).filter(lambda key: key < 1 << 63)
PARTS = st.lists(
    st.lists(st.tuples(KEYS, st.tuples(*(st.integers(1, 10**12),) * 5)), max_size=20), max_size=8
)


@settings(deadline=None)
@given(parts=PARTS, wait=st.integers(0, 30))
def test_the_groups_of_many_parts_are_those_of_a_dict(
    parts: list[list[tuple[int, tuple[int, ...]]]], wait: int
) -> None:
    expected: dict[int, list[int]] = defaultdict(lambda: [0] * 5)
    for key, sums in (row for part in parts for row in part):
        expected[key] = [mine + each for mine, each in zip(expected[key], sums, strict=True)]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(groups, "_WAITING", wait)
        accumulator = Accumulator(BytesIO())
        for part in parts:
            accumulator.add(a_part(part), b"")
        found = accumulator.sum_up()

    assert as_dict(found) == {key: tuple(sums) for key, sums in expected.items()}
    keys = [key for part in found for key in part.key.tolist()]
    assert keys == sorted(keys)


def test_nothing_is_summed_up_to_nothing() -> None:
    assert Accumulator(BytesIO()).sum_up() == []


def test_summing_up_twice_changes_nothing() -> None:
    accumulator = Accumulator(BytesIO())
    for _ in range(3):
        accumulator.add(a_part([(7, (1, 2, 3, 4, 5)), (8, (1, 1, 1, 1, 1))]), b"")

    assert as_dict(accumulator.sum_up()) == as_dict(accumulator.sum_up())
    assert as_dict(accumulator.sum_up())[7] == (3, 6, 9, 12, 15)


def test_threads_sum_up_to_the_same() -> None:
    rng = random.Random(1)
    parts = [a_part([(rng.getrandbits(63), (1, 2, 3, 4, 5)) for _ in range(100_000)]) for _ in range(4)]
    with ThreadPoolExecutor(2) as threads:
        alone, together = Accumulator(BytesIO()), Accumulator(BytesIO(), threads.map)
        for part in parts:
            alone.add(part, b"")
            together.add(part, b"")

        found = together.sum_up()

    assert len(found) == groups.BUCKETS // 2
    for one, other in zip(alone.sum_up(), found, strict=True):
        np.testing.assert_array_equal(one.key, other.key)
        np.testing.assert_array_equal(one.sums, other.sums)


def test_texts_set_aside_are_found_again_whatever_was_set_aside_before() -> None:
    body = b"".join(b'c, i%d ,9,1,2,3,"p","say ""%d"""\n' % (each % 7, each) for each in range(40))

    said = read(HEADER + body, size=50)

    assert set(said.sums) == {("c", f"i{each}") for each in range(7)}
    for (_, influencer), texts in said.texts.items():
        assert texts <= {("p", f'say "{each}"') for each in range(int(influencer[1:]), 40, 7)}


def test_the_texts_are_those_of_the_highest_rate() -> None:
    row = (1, 1, 1, 1, 1)
    first = Groups(*_columns([5, 5, 5], at=[10, 11, 12], best=[1.0, 3.0, 2.0]))
    second = Groups(*_columns([5, 6], at=[20, 21], best=[2.5, 9.0]))
    accumulator = Accumulator(BytesIO())
    for part in (first, second):
        accumulator.add(summed(part), b"")

    (found,) = accumulator.sum_up()

    assert found.best is not None
    assert (found.at[0].tolist(), found.best.tolist()) == ([11, 21], [3.0, 9.0])
    assert found.sums[:, 0].tolist() == [4 * each for each in row]


def _columns(keys: list[int], *, at: list[int], best: list[float]) -> Iterator[np.ndarray]:
    key = np.array(keys, np.uint64)
    yield from (key, ~key, np.array([at, at], np.int64), np.ones((2, len(key)), np.int32))
    yield from (np.ones((5, len(key)), np.int64), np.array(best))


def test_a_sum_that_does_not_fit_is_refused() -> None:
    """PROMISE: a sum is right or the file is refused; it never wraps around.

    Breaks if only the summed number is looked at: it may have come round to a small one.
    """
    half = LARGEST_SUM // 2
    for column in range(1, 5):
        sums = [3_000_000] + [0] * 4
        sums[column] = half
        fits, bursts = Accumulator(BytesIO()), Accumulator(BytesIO())
        for _ in range(2):
            fits.add(a_part([(7, tuple(sums)), (8, (1, 1, 1, 1, 1))]), b"")
        for _ in range(16):
            bursts.add(a_part([(7, tuple(sums)), (8, (1, 1, 1, 1, 1))]), b"")

        assert as_dict(fits.sum_up())[7][column] == 2 * half
        with pytest.raises(SumTooLarge):
            bursts.sum_up()


def test_as_many_of_the_largest_rows_as_need_no_look_do_fit() -> None:
    few = groups._FEW_ROWS

    assert few * 10**12 <= LARGEST_SUM
    assert 3 * LARGEST_SUM < 1 << 63


@pytest.mark.parametrize("size", [30, 10_000])
def test_two_pairs_of_one_hash_are_a_collision(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """PROMISE: two creators are never taken for one.

    Breaks if rows are summed by the first hash without a look at the second.
    """

    def same_key(*given: object) -> tuple[np.ndarray, np.ndarray]:
        key, check = hashes(*given)  # type: ignore[arg-type]
        return key & np.uint64(1), check

    monkeypatch.setattr(scan, "hashes", same_key)
    content = HEADER + b"".join(b"c,i%d,9,1,2,3,p,t\n" % each for each in range(5))

    for strictly in (False, True):
        with pytest.raises(Collision):
            read(content, size=size, strictly=strictly)


def hashed(pairs: Sequence[tuple[str, str]], *, seed: int = SEED) -> list[tuple[int, int]]:
    text, places = bytearray(PAD), []
    for pair in pairs:
        for each in pair:
            places.append((len(text), len(text) + len(each.encode())))
            text += each.encode()
    text += bytes(PAD)
    start, end = np.array(places, np.int64).reshape(-1, 2, 2).transpose(2, 1, 0)
    key, check = hashes(words_of(text), [(start[0], end[0]), (start[1], end[1])], seed)
    return list(zip(key.tolist(), check.tolist(), strict=True))


@settings(deadline=None)
@given(
    pairs=st.lists(st.tuples(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30)), min_size=1)
)
def test_a_hash_depends_on_its_own_pair_alone(pairs: list[tuple[str, str]]) -> None:
    """PROMISE: a pair has one hash in every part, whatever stands beside it.

    Breaks if shorter ids are stirred as often as the longest one of their part.
    """
    pairs = [pair for pair in pairs if "".join(pair).isprintable()]
    together = hashed(pairs)

    assert together == [hashed([pair])[0] for pair in pairs]
    assert len(set(together)) == len(set(pairs))
    assert len({key for key, _ in together}) == len(set(pairs))


def test_ids_that_differ_only_in_high_bits_of_their_words_keep_apart() -> None:
    """Bit 6 of byte 7, and of bytes 11 and 15, once cancelled out in both hashes, for every fourth seed."""
    pairs = [("aaaaaaa1aaa1aaa1", "i"), ("aaaaaaaqaaaqaaaq", "i")]

    rng = random.Random(3)
    for seed in [rng.getrandbits(64) for _ in range(200)]:
        one, other = hashed(pairs, seed=seed)
        assert one[0] != other[0]
        assert one[1] != other[1]


def test_the_seed_decides_both_hashes() -> None:
    seeds = [0, 1, 2, 1 << 63, (1 << 64) - 1]

    assert len({part for seed in seeds for part in hashed([("c", "i")], seed=seed)[0]}) == 2 * len(seeds)


@pytest.mark.parametrize("bits", [0, 54])
def test_keys_are_spread_evenly(bits: int) -> None:
    """By any ten of their bits: numbered ids, as they come."""
    pairs = [(f"camp-{number % 50:03}", f"creator-{number}") for number in range(20_000)]
    for hash_ in zip(*hashed(pairs), strict=True):
        buckets = Counter(each >> bits & 1023 for each in hash_)

        spread = sum((buckets[each] - 20_000 / 1024) ** 2 for each in range(1024)) / (20_000 / 1024)
        assert 850 < spread < 1_200


def test_the_same_file_and_seed_give_the_same_groups_and_another_seed_the_same_sums() -> None:
    content = HEADER + b"".join(
        b"c%d,i%d,%d,1,2,3,p,t\n" % (each % 3, each % 70, each + 1) for each in range(500)
    )

    one, again, other = (
        read(content, size=300),
        read(content, size=300),
        read(content, size=300, seed=SEED + 1),
    )

    assert list(one.sums.items()) == list(again.sums.items())
    assert one.texts == again.texts == other.texts
    assert one.sums == other.sums == reference(content).sums
    assert list(one.sums) != list(other.sums)


_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def test_the_rows_that_wait_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """PROMISE: 80 bytes a pair, and half as many rows again and a fixed number of them.

    Breaks if rows are held until the end of the file, or another column is kept.
    """
    monkeypatch.setattr(groups, "_WAITING", 10_000 // groups.BUCKETS)
    pairs, rng = 100_000, np.random.default_rng(1)
    accumulator = Accumulator(BytesIO())
    tracemalloc.start()
    held = 0

    for _ in range(200):
        key = np.unique(rng.integers(0, pairs, 5_000).astype(np.uint64) * _SPREAD)
        at = np.zeros((2, len(key)), np.int64)
        ones = np.ones((5, len(key)), np.int64)
        accumulator.add(Groups(key, ~key, at, np.ones((2, len(key)), np.int32), ones, None), b"")
        held = max(held, sum(accumulator._rows))
    _, peak = tracemalloc.get_traced_memory()
    (*_, last) = found = accumulator.sum_up()
    tracemalloc.stop()

    number = sum(map(len, found))
    assert number > 0.99 * pairs
    assert held <= 10_000 + pairs * 1.5
    assert sum(a.nbytes for a in (last.key, last.check, last.at, last.size, last.sums)) == 80 * len(last)
    assert peak < 80 * (10_000 + 1.5 * pairs) * 1.3


@given(number=st.integers(0, 10**MOST_DIGITS - 1), zeros=st.integers(0, 8), before=st.binary(max_size=20))
def test_digits_are_the_number_that_they_stand_for(number: int, zeros: int, before: bytes) -> None:
    digits = b"0" * zeros + b"%d" % number
    text = bytes(PAD) + before + digits + b"," + bytes(PAD)
    start = np.array([PAD + len(before)])

    value, sure = numbers(words_of(text), start, start + len(digits))

    assert sure[0] == (len(digits) <= MOST_DIGITS)
    assert not sure[0] or value[0] == number


@settings(max_examples=300)
@given(text=st.binary(max_size=MOST_DIGITS), size=st.integers(0, MOST_DIGITS))
def test_nothing_but_digits_is_sure_to_be_a_number(text: bytes, size: int) -> None:
    digits = bytearray(b"1234567890123456"[:size])
    digits[size // 2 : size // 2 + len(text)] = text
    buffer = bytes(PAD) + bytes(digits) + bytes(PAD)
    start = np.array([PAD])

    _, sure = numbers(words_of(buffer), start, start + len(digits))

    assert sure[0] == (bytes(digits).isdigit() and len(digits) <= MOST_DIGITS)
