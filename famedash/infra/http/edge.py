"""What a feature's router is given: the database, and a way to say which scope a route needs."""

from dataclasses import dataclass
from typing import Protocol

from famedash.infra.database import Database
from famedash.infra.http.bearer import Requires


class RequiresScopes(Protocol):
    """From scopes, one at least, to the dependency that asks for all of them."""

    def __call__(self, scope: str, *more: str) -> Requires: ...


@dataclass(frozen=True)
class Edge:
    """Built once by `processes.api`; every feature exports `router(edge) -> APIRouter`.

    `requires("campaigns:write")` is a FastAPI dependency that answers the caller's `Principal`
    or refuses with 401, 403 or 429.
    """

    database: Database
    requires: RequiresScopes
