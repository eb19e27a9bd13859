"""The limit of `api`: a FastAPI route that validates a body of the same size and answers `{}`.

`python -m famedash.processes.bench.empty_api PORT`; served exactly as `famedash api` serves.
"""

import sys
from datetime import datetime
from decimal import Decimal
from typing import Any

import uvloop
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from famedash.infra.loop import Stop
from famedash.processes.http_server import serve


class Budget(BaseModel):
    amount: Decimal
    currency: str | None = None


class Campaign(BaseModel):
    """The fields of `POST /campaigns`, with pydantic's own validation only."""

    model_config = ConfigDict(extra="forbid")

    name: str
    status: str = "draft"
    brand: str | None = None
    product: str | None = None
    goal: str | None = None
    platforms: list[str] | None = None
    budget: Budget | None = None
    startsAt: datetime | None = None  # noqa: N815 - as JSON names it
    endsAt: datetime | None = None  # noqa: N815
    influencerIds: list[str] | None = None  # noqa: N815
    metadata: dict[str, Any] | None = None


app = FastAPI()


@app.post("/campaigns", status_code=201)
async def create(body: Campaign) -> dict[str, str]:
    return {}


if __name__ == "__main__":

    async def main() -> None:
        await serve(app, host="127.0.0.1", port=int(sys.argv[1]), stop=Stop().listen())

    uvloop.run(main())
