"""The lifecycle and the merge patch, without any I/O."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famedash.campaigns import model
from famedash.campaigns.model import Budget, Finished, IllegalMove, Plan, Status
from famedash.infra.errors import Invalid
from tests.campaigns.builders import NOON, a_campaign

LATER = NOON + timedelta(hours=1)

# Written out by hand from DESIGN section 5, so that a slip in `MOVES` cannot hide here.
LEGAL = {
    ("draft", "scheduled"),
    ("draft", "active"),
    ("draft", "cancelled"),
    ("scheduled", "draft"),
    ("scheduled", "active"),
    ("scheduled", "cancelled"),
    ("active", "paused"),
    ("active", "completed"),
    ("active", "cancelled"),
    ("paused", "active"),
    ("paused", "completed"),
    ("paused", "cancelled"),
}


@pytest.mark.parametrize("wanted", list(Status))
@pytest.mark.parametrize("present", list(Status))
def test_every_pair_of_states_is_either_a_legal_move_or_refused(present: Status, wanted: Status) -> None:
    before = a_campaign(status=present, starts_at=NOON, version=7)

    if present is wanted:
        assert model.change(before, {"status": wanted}, now=LATER) is before
    elif (present, wanted) in LEGAL:
        after = model.change(before, {"status": wanted}, now=LATER)
        assert (after.status, after.version, after.updated_at) == (wanted, 8, LATER)
    else:
        with pytest.raises(IllegalMove) as refusal:
            model.change(before, {"status": wanted}, now=LATER)
        for there_is in [end for start, end in LEGAL if start == present] or ["none"]:
            assert there_is in refusal.value.detail


@pytest.mark.parametrize("final", [Status.COMPLETED, Status.CANCELLED])
def test_in_a_final_state_only_metadata_may_change(final: Status) -> None:
    before = a_campaign(status=final)

    assert model.change(before, {"metadata": {"note": "paid"}}, now=LATER).metadata == {"note": "paid"}
    with pytest.raises(Finished) as refusal:
        model.change(before, {"metadata": {"note": "paid"}, "name": "Other", "goal": "more"}, now=LATER)
    assert [each.field for each in refusal.value.fields] == ["name", "goal"]


def test_repeating_what_a_final_campaign_already_is_changes_nothing() -> None:
    before = a_campaign(status=Status.COMPLETED)

    assert model.change(before, {"status": Status.COMPLETED, "name": "Summer"}, now=LATER) is before


@pytest.mark.parametrize(
    ("present", "patch"),
    [
        ({"budget": Budget(Decimal("100.50"), "EUR")}, {"budget": {"amount": Decimal("100.5")}}),
        ({"metadata": {"a": {"b": 1}}}, {"metadata": {"a": {"b": 1}, "absent": None}}),
        ({"platforms": ("tiktok",)}, {"platforms": ["tiktok"]}),
        ({}, {"platforms": None, "budget": None, "metadata": None, "goal": None}),
    ],
)
def test_a_patch_that_changes_nothing_answers_the_same_object(
    present: dict[str, Any], patch: dict[str, Any]
) -> None:
    before = a_campaign(**present)

    assert model.change(before, patch, now=LATER) is before


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (True, 1), (1, 1.0), ([0], [False])])
def test_values_that_only_python_holds_equal_are_a_change(old: object, new: object) -> None:
    """PROMISE: what was asked for is what is stored. Breaks if metadata is compared with ==."""
    after = model.change(a_campaign(metadata={"flag": old}), {"metadata": {"flag": new}}, now=LATER)

    assert repr(after.metadata["flag"]) == repr(new)
    assert after.version == 2


def test_a_budget_merges_with_the_one_there_is() -> None:
    before = a_campaign(budget=Budget(Decimal(100), "EUR"))

    def budget(patch: object) -> Budget | None:
        return model.change(before, {"budget": patch}, now=LATER).budget

    assert budget({"amount": Decimal(5)}) == Budget(Decimal(5), "EUR")
    assert budget({"currency": None}) == Budget(Decimal(100), None)
    assert budget({"amount": None, "currency": None}) is None
    assert budget(None) is None
    with pytest.raises(Invalid) as refusal:
        budget({"amount": None})
    assert refusal.value.fields[0].field == "budget.amount"


@pytest.mark.parametrize(
    ("present", "patch", "field"),
    [
        ({}, {"status": Status.SCHEDULED}, "startsAt"),
        ({"status": Status.SCHEDULED, "starts_at": NOON}, {"starts_at": None}, "startsAt"),
        ({"starts_at": NOON}, {"ends_at": NOON}, "endsAt"),
        ({"ends_at": NOON}, {"starts_at": LATER}, "endsAt"),
        ({"metadata": {"a": "x" * 16_000}}, {"metadata": {"b": "y" * 500}}, "metadata"),
    ],
)
def test_a_patch_is_judged_by_what_comes_out_of_it(
    present: dict[str, Any], patch: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        model.change(a_campaign(**present), patch, now=LATER)

    assert [each.field for each in refusal.value.fields] == [field]


def test_an_illegal_move_is_reported_before_a_missing_field() -> None:
    with pytest.raises(IllegalMove):
        model.change(a_campaign(status=Status.ACTIVE), {"status": Status.SCHEDULED}, now=LATER)


def test_a_plan_that_cannot_stand_is_not_launched() -> None:
    with pytest.raises(Invalid):
        model.launch(Plan(name="x", status=Status.SCHEDULED), workspace="acme", id="c1", now=NOON)


def test_changes_name_only_what_differs_with_both_values() -> None:
    before = a_campaign(goal="reach")

    after = model.change(before, {"goal": "sales", "name": "Summer", "platforms": ["x"]}, now=LATER)

    assert model.changes(before, after) == {"goal": ("reach", "sales"), "platforms": ((), ("x",))}
    assert model.changes(None, before) == {
        "name": (None, "Summer"),
        "status": (None, "draft"),
        "goal": (None, "reach"),
    }


def test_the_clock_starts_and_ends_a_campaign() -> None:
    live = model.start(a_campaign(status=Status.SCHEDULED, starts_at=NOON), now=LATER)
    done = model.end(live, now=LATER)

    assert [(live.status, live.version), (done.status, done.version)] == [("active", 2), ("completed", 3)]


# RFC 7396, appendix A, all fifteen cases.
@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_merge_passes_the_examples_of_rfc_7396(target: Any, patch: Any, merged: Any) -> None:
    assert model.merge(target, patch) == merged


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=2), values, max_size=4)


def has_null_member(value: Any) -> bool:
    return isinstance(value, dict) and any(v is None or has_null_member(v) for v in value.values())


@given(target=values, patch=values)
def test_merging_the_same_patch_again_changes_nothing(target: Any, patch: Any) -> None:
    once = model.merge(target, patch)

    assert model.merge(once, patch) == once


@given(target=objects)
def test_an_empty_patch_is_the_identity(target: Any) -> None:
    assert model.merge(target, {}) == target


@given(target=objects, patch=objects)
def test_members_that_a_patch_does_not_name_stay_and_nulls_are_gone(target: Any, patch: Any) -> None:
    merged = model.merge(target, patch)

    assert {k: merged[k] for k in target.keys() - patch.keys()} == {
        k: target[k] for k in target.keys() - patch.keys()
    }
    assert not {k for k, v in patch.items() if v is None} & merged.keys()
    assert not has_null_member({k: merged[k] for k in patch.keys() & merged.keys() if k not in target})


@given(target=objects, patch=objects)
def test_the_merge_leaves_its_arguments_alone(target: Any, patch: Any) -> None:
    before = repr(target), repr(patch)

    model.merge(target, patch)

    assert (repr(target), repr(patch)) == before


@given(metadata=objects, patch=objects)
def test_a_change_is_silent_exactly_when_the_merge_is(metadata: Any, patch: Any) -> None:
    before = a_campaign(metadata=metadata)

    after = model.change(before, {"metadata": patch}, now=LATER)

    assert (after is before) == (repr_of(model.merge(metadata, patch)) == repr_of(metadata))
    assert after.version == (1 if after is before else 2)


def repr_of(value: Any) -> str:
    """Types and values, whatever the order of members."""
    if isinstance(value, dict):
        return f"{{{sorted((name, repr_of(each)) for name, each in value.items())}}}"
    return repr([repr_of(each) for each in value]) if isinstance(value, list) else repr(value)
