"""JSON answers that skip FastAPI's own serialisation."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from famedash.infra import json


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` (`infra.json.encode`) as an `application/json` answer."""
    return Response(json.encode(value), status_code=status, headers=headers, media_type="application/json")
