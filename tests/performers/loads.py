"""Loading for tests: a file's text -> the load's outcome; and a ranking worked out in plain Python."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from famedash.infra.database import Database
from famedash.performers import pipeline, service
from famedash.performers.model import Loaded, Options, Progress
from famedash.performers.pipeline import File

HEAD = "campaignId,influencerId,views,likes,comments,shares\n"


class Post(NamedTuple):
    campaign: str
    creator: str
    views: int
    likes: int = 0
    comments: int = 0
    shares: int = 0


class Ranked(NamedTuple):
    campaign: str
    creator: str
    rate: float
    engagements: int
    views: int


def text_of(posts: Iterable[Post]) -> str:
    return HEAD + "".join(",".join(map(str, post)) + "\n" for post in posts)


async def load(
    database: Database,
    folder: Path,
    text: str | bytes,
    *,
    workspace: str = "acme",
    options: Options | None = None,
    name: str = "performance.csv",
) -> Loaded:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    options = options or Options()
    import_id = await service.begin(database, workspace, file_name=name, options=options)
    file = File(str(path), folder, folder / "rejects.csv", options)
    return await pipeline.load(database, workspace, import_id, file, Progress())


def ranking(posts: Iterable[Post], *, campaign: str | None = None) -> list[Ranked]:
    """The reference: (-rate, -engagements, creator, campaign) over the sums of each pair."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for post in posts:
        if campaign in (None, post.campaign):
            pair = sums[post.campaign, post.creator]
            pair[0] += post.views
            pair[1] += post.likes + post.comments + post.shares
    ranked = [
        Ranked(*pair, 100 * engagements / views, engagements, views)
        for pair, (views, engagements) in sums.items()
    ]
    return sorted(ranked, key=lambda each: (-each.rate, -each.engagements, each.creator, each.campaign))
