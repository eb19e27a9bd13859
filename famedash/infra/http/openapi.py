"""What FastAPI cannot know for its OpenAPI document: each route's scope, and that errors are problems."""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from famedash.infra.http.bearer import Requires
from famedash.infra.http.problems import MEDIA_TYPE

PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "An error (RFC 9457). `type` is stable; `detail` is for people.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["/problems/not-found"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string", "examples": ["budget.amount"]},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
_not_ours = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI) -> None:
    """Complete `app`'s document each time it is built."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        document = build()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in schemas:
            schemas["Problem"] = PROBLEM
            for name in _not_ours:
                schemas.pop(name, None)
            _complete(app, document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(app: FastAPI, document: dict[str, Any]) -> None:
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _describe(operation, _scopes(getattr(route, "dependant", None)))


def _describe(operation: dict[str, Any], scopes: list[str]) -> None:
    responses = operation["responses"]
    if scopes:
        needed = ", ".join(f"`{scope}`" for scope in scopes)
        about = operation.get("description", "")
        operation["description"] = f"{about}\n\nNeeds a token with the scope {needed}.".strip()
        operation["security"] = [dict.fromkeys(each, scopes) for each in operation["security"]]
        responses.setdefault("401", {"description": "No token, or one that is not to be trusted"})
        responses.setdefault("403", {"description": "The token lacks the scope"})
    responses.setdefault("default", {"description": "Any other error"})
    if "422" in responses:
        responses["422"] = {"description": "A field is not valid"}
    for status, response in responses.items():
        if status >= "400":  # "default" too
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _scopes(dependant: Dependant | None) -> list[str]:
    """What a route asks for, however deep its dependencies."""
    if dependant is None:
        return []
    own = dependant.call.scopes if isinstance(dependant.call, Requires) else []
    return sorted({*own, *(scope for each in dependant.dependencies for scope in _scopes(each))})
