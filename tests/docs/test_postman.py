"""The Postman collection: complete, chained, in step with the API."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import postman  # noqa: E402 - tools/ is a folder of scripts

COLLECTION: dict[str, Any] = json.loads(postman.COLLECTION.read_text())


def requests() -> Iterator[dict[str, Any]]:
    for folder in COLLECTION["item"]:
        yield from folder["item"]


def written(name: str) -> str:
    """The test script of a request."""
    return "\n".join(next(one for one in requests() if one["name"] == name)["event"][0]["script"]["exec"])


def test_the_collection_holds_every_operation_of_the_api() -> None:
    openapi = postman.document()
    operations = {
        (method.upper(), re.sub(r"{(\w+)}", lambda found: f"{{{{{to_camel(found[1])}}}}}", path))
        for path, item in openapi["paths"].items()
        for method, operation in item.items()
        if not postman.is_stream(operation)
    }

    held = {(one["request"]["method"], "/" + "/".join(one["request"]["url"]["path"])) for one in requests()}

    assert operations <= held
    assert len(operations) >= 12


def test_each_request_tests_the_status_of_its_answer() -> None:
    """Only for an id that nothing in the collection makes, a 404 will do as well."""
    lenient = []
    for one in requests():
        script = one["event"][0]["script"]["exec"][0]
        lenient += [one["name"]] if "oneOf([" in script else []
        assert one["name"] in lenient or "pm.response.to.have.status(" in script, one["name"]
    assert lenient == ["Replay Dead Letter"]


def test_what_is_made_is_deleted_last_and_points_where_a_run_can_reach() -> None:
    made = next(one for one in requests() if one["name"] == "Create Endpoint")["request"]["body"]["raw"]

    assert json.loads(made)["url"] == "{{receiverUrl}}"
    for folder in COLLECTION["item"]:
        methods = [one["request"]["method"] for one in folder["item"]]
        assert "DELETE" not in methods or methods.index("DELETE") >= len(methods) - methods.count("DELETE")


def test_the_campaign_that_is_created_is_the_one_that_the_others_name() -> None:
    assert "pm.collectionVariables.set('campaignId', pm.response.json().id);" in written("Create Campaign")
    assert "pm.collectionVariables.set('endpointId', pm.response.json().id);" in written("Create Endpoint")
    assert "pm.collectionVariables.set('briefId', pm.response.json().meta.id);" in written("Generate Brief")


def test_a_body_that_is_no_json_is_sent_as_it_is() -> None:
    body = next(one for one in requests() if one["name"] == "Start Import")["request"]["body"]

    assert body["raw"].splitlines()[0] == "campaignId,influencerId,views,likes,comments,shares"
    assert "pm.collectionVariables.set('importId', pm.response.json().id);" in written("Start Import")


def test_every_variable_of_a_request_is_defined() -> None:
    defined = {one["key"] for one in COLLECTION["variable"]}

    for one in requests():
        for part in one["request"]["url"]["path"]:
            assert not part.startswith("{{") or part.strip("{}") in defined, one["name"]


def test_a_collection_that_is_out_of_step_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    stale = tmp_path / "docs" / "old.json"
    stale.write_text(postman.text().replace("/campaigns", "/campaign"))
    monkeypatch.setattr(postman, "COLLECTION", stale)

    assert postman.complaints() == ["docs/old.json is out of step: python tools/postman.py"]


def test_the_committed_collection_is_in_step_and_made_the_same_each_time() -> None:
    assert postman.complaints() == []
    assert postman.text() == postman.text()
