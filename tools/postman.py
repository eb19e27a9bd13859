"""docs/famedash.postman_collection.json: made from the OpenAPI document, checked against it, and run.

    python tools/postman.py            write it
    python tools/postman.py --check    exit 1 where the committed file is out of step
    python tools/postman.py --run      run it with newman against a fresh `famedash up`, or say SKIP

Nothing in it is written by hand: a route that is added gets its request, its example body and its test.
Only live streams are left out.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from pydantic.alias_generators import to_camel
from redis.asyncio import Redis

from famedash.infra.embedded import free_port
from famedash.infra.http.problems import MEDIA_TYPE
from famedash.processes.api import Resources, create_app
from famedash.processes.settings import Settings

Json = dict[str, Any]

COLLECTION = Path(__file__).parent.parent / "docs" / "famedash.postman_collection.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
VARIABLES = {
    "baseUrl": "http://127.0.0.1:8000",
    "token": "",
    "campaignId": "",
    "importId": "",
    "briefId": "",
    "documentId": "",
    "endpointId": "default",
    "replayId": "",
    "letterId": "nobody",
    "receiverUrl": "http://127.0.0.1:8081/campaign",
}
ABOUT = """Made from the OpenAPI document by `tools/postman.py`. Set `token` to what `make token` prints, then
run the folders from top to bottom: what one request creates is used by those after it."""
HEADERS = {"Idempotency-Key": "{{$guid}}", "If-Match": '"1"', "If-None-Match": '"1"'}
MAKES = {"/generate-brief": ("briefId", "meta.id")}
"""What is created under another path than its own: the variable, and where the answer names it."""
POINTS = {"https://example.com/famedash": "{{receiverUrl}}"}
"""What an example names that a run must be able to reach."""
MAY_BE_MISSING = {"{letter_id}"}
"""Ids that no request creates: without one the answer is 404."""
SAMPLES = {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}
READY_SECONDS = 60


def document() -> Json:
    """The OpenAPI document of the API. Needs no server: nothing is opened."""
    nothing = Resources(cast(Any, None), Redis(), cast(Any, None), cast(Any, None))
    return create_app(Settings.model_construct(), nothing).openapi()


def collection(openapi: Json) -> Json:
    folders: dict[str, list[Json]] = {tag["name"]: [] for tag in openapi["tags"]}
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            if is_stream(operation):
                continue
            folders[operation["tags"][0]].append(_request(openapi, path, method.upper(), operation))
    for requests in folders.values():
        requests.sort(key=lambda each: each["request"]["method"] == "DELETE")  # what was made is used first
    return {
        "info": {"name": openapi["info"]["title"], "description": ABOUT, "schema": SCHEMA},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": key, "value": value} for key, value in VARIABLES.items()],
        "item": [
            *({"name": name, "item": requests} for name, requests in folders.items() if requests),
            {"name": "refusals", "item": list(_refusals(openapi))},
        ],
    }


def is_stream(operation: Json) -> bool:
    """Such an answer does not end by itself, and a run of the collection would wait for it."""
    media_types = {
        media_type for answer in operation["responses"].values() for media_type in answer.get("content", {})
    }
    return "text/event-stream" in media_types and "application/json" not in media_types


def _request(openapi: Json, path: str, method: str, operation: Json) -> Json:
    """One request with its example and its test."""
    expected = int(next(status for status in operation["responses"] if status.startswith("2")))
    request: Json = {
        "method": method,
        "header": _headers(operation),
        "url": _url(path, operation),
        "description": operation.get("description", ""),
    }
    if "security" not in operation:
        request["auth"] = {"type": "noauth"}
    if "requestBody" in operation:
        media_type, content = next(iter(operation["requestBody"]["content"].items()))
        request["header"].insert(0, {"key": "Content-Type", "value": media_type})
        example = _example(openapi, content["schema"])
        is_json = media_type == "application/json"
        request["body"] = {
            "mode": "raw",
            "raw": _reachable(json.dumps(example, indent=2)) if is_json else example,
            "options": {"raw": {"language": "json" if is_json else "text"}},
        }
    script = [_answers(expected, path)]
    script += _chain(openapi, path, method)
    return _item(operation["summary"], request, script)


def _answers(expected: int, path: str) -> str:
    if not any(name in path for name in MAY_BE_MISSING):
        return f"pm.test('answers {expected}', () => pm.response.to.have.status({expected}));"
    return (
        f"pm.test('answers {expected}, or 404 where there is none',"
        f" () => pm.expect(pm.response.code).to.be.oneOf([{expected}, 404]));"
    )


def _reachable(body: str) -> str:
    for example, ours in POINTS.items():
        body = body.replace(example, ours)
    return body


def _item(name: str, request: Json, script: list[str]) -> Json:
    test = {"listen": "test", "script": {"type": "text/javascript", "exec": script}}
    return {"name": name, "event": [test], "request": request, "response": []}


def _chain(openapi: Json, path: str, method: str) -> list[str]:
    """What is created is what the following requests name: POST /xs sets the variable of /xs/{x_id}."""
    if (method, path) in {("POST", made) for made in MAKES}:
        variable, place = MAKES[path]
        return [f"pm.collectionVariables.set('{variable}', pm.response.json().{place});"]
    ids = [other.removeprefix(f"{path}/{{")[:-1] for other in openapi["paths"] if _is_item_of(other, path)]
    if method != "POST" or not ids:
        return []
    return [f"pm.collectionVariables.set('{to_camel(ids[0])}', pm.response.json().id);"]


def _is_item_of(other: str, path: str) -> bool:
    return other.startswith(f"{path}/{{") and other.endswith("}") and other.count("/") == path.count("/") + 1


def _headers(operation: Json) -> list[Json]:
    """A key for repeats is always sent; the conditions are there to be switched on."""
    return [
        {
            "key": each["name"],
            "value": HEADERS.get(each["name"], ""),
            "disabled": each["name"] != "Idempotency-Key",
            "description": each.get("description", ""),
        }
        for each in operation.get("parameters", [])
        if each["in"] == "header"
    ]


def _url(path: str, operation: Json) -> Json:
    parts = [f"{{{{{to_camel(part[1:-1])}}}}}" if part.startswith("{") else part for part in _parts(path)]
    query = [
        {
            "key": each["name"],
            "value": f"{{{{{each['name']}}}}}"
            if each["name"] in VARIABLES
            else str(each["schema"].get("default", SAMPLES["string"] if each.get("required") else "")),
            "disabled": each["name"] not in VARIABLES and not each.get("required"),
            "description": each.get("description", ""),
        }
        for each in operation.get("parameters", [])
        if each["in"] == "query"
    ]
    enabled = "&".join(f"{each['key']}={each['value']}" for each in query if not each["disabled"])
    raw = "/".join(["{{baseUrl}}", *parts]) + (f"?{enabled}" if enabled else "")
    return {"raw": raw, "host": ["{{baseUrl}}"], "path": parts, **({"query": query} if query else {})}


def _parts(path: str) -> list[str]:
    return path.strip("/").split("/")


def _example(openapi: Json, schema: Json) -> Any:
    """The schema's own example, else the smallest body that it takes."""
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return _example(openapi, schema["anyOf"][0])
    if "example" in schema:
        return schema["example"]
    if schema.get("type") == "object":
        return {name: _example(openapi, schema["properties"][name]) for name in schema.get("required", [])}
    return SAMPLES[schema["type"]]


def _refusals(openapi: Json) -> Iterator[Json]:
    """What every secured route does: no token is 401, an id that exists nowhere is 404."""
    problem = f"pm.test('is a problem', () => pm.response.to.have.header('Content-Type', '{MEDIA_TYPE}'));"
    for name, path, status, more in (
        ("No token", "campaigns", 401, {"auth": {"type": "noauth"}}),
        ("An id that exists nowhere", "campaigns/nowhere", 404, {}),
    ):
        url = {"raw": f"{{{{baseUrl}}}}/{path}", "host": ["{{baseUrl}}"], "path": path.split("/")}
        request = {"method": "GET", "header": [], "url": url, **more}
        test = f"pm.test('answers {status}', () => pm.response.to.have.status({status}));"
        yield _item(name, request, [test, problem])


def text() -> str:
    return json.dumps(collection(document()), indent=2, ensure_ascii=False) + "\n"


def complaints() -> list[str]:
    """For `check_docs`: one sentence where the committed file is out of step."""
    if COLLECTION.is_file() and COLLECTION.read_text() == text():
        return []
    return [f"{COLLECTION.relative_to(COLLECTION.parent.parent)} is out of step: python tools/postman.py"]


def run() -> int:
    """Newman's exit code; 0 with a visible SKIP where there is no newman."""
    newman = os.environ.get("NEWMAN") or shutil.which("newman")
    if not newman:
        print("SKIP Postman run: no newman here (npm install --global newman, or NEWMAN=/path/to/newman)")
        return 0
    with fresh_api() as variables:
        given = [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
        return subprocess.run([newman, "run", str(COLLECTION), *given], check=False).returncode


@contextmanager
def fresh_api() -> Iterator[dict[str, str]]:
    """The variables for an installation of its own, on free ports, that is gone afterwards."""
    port, practice_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="famedash-postman-") as folder:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FAMEDASH_")}
        ours = {"DATA_DIR": f"{folder}/data", "PORT": str(port), "PRACTICE_PORT": str(practice_port)}
        environment = inherited | {f"FAMEDASH_{name}": value for name, value in ours.items()}
        famedash = [sys.executable, "-m", "famedash"]
        with open(f"{folder}/output", "w") as output:
            up = subprocess.Popen(
                [*famedash, "up"], cwd=folder, env=environment, stdout=output, stderr=output
            )
        try:
            _wait(f"http://127.0.0.1:{port}/readyz", up)
            token = subprocess.check_output([*famedash, "token"], cwd=folder, env=environment, text=True)
            yield {
                "baseUrl": f"http://127.0.0.1:{port}",
                "token": token.strip(),
                "receiverUrl": f"http://127.0.0.1:{practice_port}/campaign",
            }
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(timeout=30)


def _wait(url: str, up: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and up.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own address
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("`famedash up` did not become ready")


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            COLLECTION.write_text(text())
            return 0
        case ["--check"]:
            print("\n".join(found := complaints()), end="\n" if found else "")
            return 1 if found else 0
        case ["--run"]:
            return run()
        case _:
            print(__doc__)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
