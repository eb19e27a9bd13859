"""The limit of `briefs`: a FastAPI route that validates a request for a brief and answers `{}`.

`python -m famedash.processes.bench.empty_briefs PORT`; served exactly as `famedash api` serves.
"""

import sys
from decimal import Decimal

import uvloop
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from famedash.infra.loop import Stop
from famedash.processes.http_server import serve


class Budget(BaseModel):
    amount: Decimal
    currency: str | None = None


class Request(BaseModel):
    """The fields of `POST /generate-brief`, with pydantic's own validation only."""

    model_config = ConfigDict(extra="forbid")

    brand: str
    product: str
    goal: str
    platform: str
    campaignId: str | None = None  # noqa: N815 - as JSON names it
    audience: str | None = None
    language: str | None = None
    budget: Budget | None = None
    mustMention: list[str] | None = None  # noqa: N815
    mustAvoid: list[str] | None = None  # noqa: N815


app = FastAPI()


@app.post("/generate-brief")
async def generate_brief(body: Request) -> dict[str, str]:
    return {}


if __name__ == "__main__":

    async def main() -> None:
        await serve(app, host="127.0.0.1", port=int(sys.argv[1]), stop=Stop().listen())

    uvloop.run(main())
