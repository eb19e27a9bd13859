"""Retrieval through the real encoder and the real database: it finds what it should, nothing of others."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from famedash.briefs.knowledge import pipeline, queries, service
from famedash.briefs.knowledge.embedder import MiniLM
from famedash.briefs.knowledge.model import Offered, Vectors
from famedash.briefs.knowledge.pipeline import Sources
from famedash.briefs.model import Passage, Platform
from famedash.infra.database import Database
from famedash.infra.errors import NotFound, Unavailable
from tests.briefs.knowledge.shelf import QUESTIONS, SNIPPETS, fill


class Renamed:
    """The same encoder under another id, as if it were a newer one; `shorter` drops dimensions."""

    def __init__(self, minilm: MiniLM, id: str, *, shorter: int = 384) -> None:
        self.id = id
        self.dimensions = shorter
        self._minilm = minilm

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return (await self._minilm.embed(texts))[:, : self.dimensions]


class Away:
    id, dimensions = "away", None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        raise Unavailable("The embeddings server does not answer as it should.")


def named(passages: Sequence[Passage], names: dict[str, str]) -> list[str]:
    return [names[passage.document_id] for passage in passages]


async def ask(sources: Sources, query: str, *, workspace: str = "acme", **about: object) -> list[Passage]:
    about = {"brand": None, "platform": None, **about}
    return await pipeline.retrieve(sources, workspace, query=query, **about)  # type: ignore[arg-type]


async def test_the_right_snippet_is_among_the_first_three(sources: Sources) -> None:
    """PROMISE: R@3 >= 0.95 over 24 paraphrased questions, and nothing of a workspace with the same texts."""
    names = await fill(sources, "acme")
    await fill(sources, "rival")
    found = {query: await ask(sources, query) for query in QUESTIONS}

    hits = [query for query, passages in found.items() if QUESTIONS[query] in named(passages, names)]

    assert len(SNIPPETS) == 30
    assert len(QUESTIONS) == 24
    assert len(hits) / len(QUESTIONS) >= 0.95, set(QUESTIONS) - set(hits)


async def test_a_brief_rests_on_its_own_brand_and_on_what_is_for_all(sources: Sources) -> None:
    """PROMISE: what belongs to another brand, or to another workspace, is never quoted."""
    names = await fill(sources, "acme")
    await fill(sources, "rival")

    for query in QUESTIONS:
        passages = await ask(sources, query, brand="Nimbus", limit=30, least_score=-1)
        assert {name.split("-")[0] for name in named(passages, names)} == {"nimbus", "all"}


@pytest.mark.parametrize(
    "brand", ["dr. reddy’s  & co", " DR. REDDY’S & CO", "Ｄr. Reddy’s & Co", "Dr.\u200b Reddy’s & Co"]
)
async def test_a_brand_is_the_same_however_it_is_written(sources: Sources, brand: str) -> None:
    await pipeline.add(sources, "acme", Offered("Voice", "Speak softly.", "Dr. Reddy’s & Co"))

    assert [each.text for each in await ask(sources, "tone", brand=brand, least_score=-1)] == [
        "Speak softly."
    ]


async def test_a_brand_that_only_begins_alike_is_another_one(sources: Sources) -> None:
    await pipeline.add(sources, "acme", Offered("Voice", "Speak softly.", "Lumio"))

    assert await ask(sources, "tone", brand="Lumio Pro", least_score=-1) == []


async def test_a_guideline_for_one_platform_is_not_used_on_another(sources: Sources) -> None:
    await pipeline.add(sources, "acme", Offered("Cuts", "Cut every second.", "Lumio", Platform.TIKTOK))
    await pipeline.add(sources, "acme", Offered("Light", "Candle light.", "Lumio"))

    tiktok = await ask(sources, "film", brand="Lumio", platform=Platform.TIKTOK, least_score=-1)
    youtube = await ask(sources, "film", brand="Lumio", platform=Platform.YOUTUBE, least_score=-1)

    assert {each.title for each in tiktok} == {"Cuts", "Light"}
    assert {each.title for each in youtube} == {"Light"}


async def test_a_deleted_document_is_not_found_again(sources: Sources) -> None:
    """PROMISE: what was deleted is never cited."""
    document, _ = await pipeline.add(sources, "acme", Offered("Reef", SNIPPETS["solea-reef"][1], "Solea"))
    await pipeline.add(sources, "rival", Offered("Reef", SNIPPETS["solea-reef"][1], "Solea"))
    assert await ask(sources, "coral") != []

    async with sources.database.transaction() as tx:
        await service.delete(tx, "acme", document.id)

    assert await ask(sources, "coral", least_score=-1) == []
    assert (
        await sources.database.fetchval("select count(*) from knowledge_chunks where workspace_id = 'acme'")
        == 0
    )
    assert len(await ask(sources, "coral", workspace="rival")) == 1


async def test_what_another_embedder_read_is_not_compared(sources: Sources, minilm: MiniLM) -> None:
    await pipeline.add(sources, "acme", Offered("Reef", SNIPPETS["solea-reef"][1], "Solea"))
    newer = replace(sources, embedder=Renamed(minilm, "newer"))

    assert await ask(newer, "coral", least_score=-1) == []


async def test_vectors_of_other_dimensions_are_not_compared(sources: Sources, minilm: MiniLM) -> None:
    """Breaks, with an error of the database, if the distance is taken before the dimensions are looked at."""
    long, short = (replace(sources, embedder=Renamed(minilm, "same", shorter=size)) for size in (384, 100))
    await pipeline.add(long, "acme", Offered("Reef", SNIPPETS["solea-reef"][1], "Solea"))
    await pipeline.add(short, "acme", Offered("Tube", SNIPPETS["solea-tube"][1], "Solea"))

    assert [each.title for each in await ask(short, "coral", least_score=-1)] == ["Tube"]
    assert [each.title for each in await ask(long, "coral", least_score=-1)] == ["Reef"]


async def test_a_document_sent_again_is_read_by_the_new_embedder(sources: Sources, minilm: MiniLM) -> None:
    offered = Offered("Reef", SNIPPETS["solea-reef"][1], "Solea")
    before, _ = await pipeline.add(sources, "acme", offered)
    newer = replace(sources, embedder=Renamed(minilm, "newer"))

    after, is_new = await pipeline.add(newer, "acme", offered)

    assert (after.id, is_new) == (before.id, False)
    assert [each.document_id for each in await ask(newer, "coral")] == [str(before.id)]
    assert await ask(sources, "coral", least_score=-1) == []


async def test_a_vector_that_the_caller_has_is_not_made_again(sources: Sources) -> None:
    await pipeline.add(sources, "acme", Offered("Reef", SNIPPETS["solea-reef"][1], "Solea"))
    vector = (await sources.embedder.embed(["coral"]))[0]
    away = replace(sources, embedder=Renamed.__new__(Renamed))
    away.embedder.id = sources.embedder.id  # type: ignore[misc]

    assert len(await ask(away, "coral", vector=vector)) == 1


async def test_what_has_nothing_to_do_with_the_question_is_left_out(sources: Sources) -> None:
    await fill(sources, "acme")

    assert await ask(sources, "quarterly tax return for a dairy cooperative", least_score=0.35) == []


async def test_the_score_is_the_cosine(sources: Sources) -> None:
    await pipeline.add(sources, "acme", Offered("Reef", "No harm to coral.", "Solea"))

    (passage,) = await ask(sources, "ocean", least_score=-1)

    one, other = await sources.embedder.embed(["ocean", "Reef\nNo harm to coral."])
    assert passage.score == pytest.approx(float(np.dot(one, other)), abs=1e-5)


async def test_every_change_raises_the_version_of_its_workspace_alone(sources: Sources) -> None:
    """PROMISE: a cached brief is not used once the knowledge is another; see `queries.version`."""
    database = sources.database
    assert await queries.version(database, "acme") == 0

    document, _ = await pipeline.add(sources, "acme", Offered("Reef", "No harm to coral."))
    added = await queries.version(database, "acme")
    await pipeline.add(sources, "acme", Offered("Reef again", "No harm to coral."))
    same = await queries.version(database, "acme")
    async with database.transaction() as tx:
        await service.delete(tx, "acme", document.id)
    deleted = await queries.version(database, "acme")

    assert 0 < added == same < deleted
    assert await queries.version(database, "rival") == 0


async def test_a_change_that_fails_leaves_the_version_alone(sources: Sources) -> None:
    document, _ = await pipeline.add(sources, "acme", Offered("Reef", "No harm to coral."))
    before = await queries.version(sources.database, "acme")

    with pytest.raises(NotFound):
        async with sources.database.transaction() as tx:
            await service.delete(tx, "rival", document.id)

    assert await queries.version(sources.database, "acme") == before
    assert await queries.version(sources.database, "rival") == 0
    assert await queries.get(sources.database, "acme", document.id) is not None


async def test_nothing_is_kept_when_the_embedder_is_away(database: Database) -> None:
    with pytest.raises(Unavailable):
        await pipeline.add(Sources(database, Away()), "acme", Offered("Reef", "No harm to coral."))

    assert await queries.newest(database, "acme", limit=1) == []
    assert await queries.version(database, "acme") == 0


async def learn(sources: Sources, text: str, *, workspace: str = "acme") -> None:
    await pipeline.learn(
        sources, workspace, "b1", brand="Solea", platform=Platform.TIKTOK, title="Summer", text=text
    )


async def test_a_brief_that_was_edited_again_takes_the_place_of_what_it_said(sources: Sources) -> None:
    await learn(sources, "First words.")
    await learn(sources, "First words.", workspace="rival")
    first = await queries.version(sources.database, "acme")

    await learn(sources, "Better words.")

    found = await ask(sources, "words", brand="solea", platform=Platform.TIKTOK, least_score=-1)
    assert [each.text for each in found] == ["Better words."]
    assert await queries.version(sources.database, "acme") > first
    rivals = await ask(sources, "words", workspace="rival", least_score=-1)
    assert [each.text for each in rivals] == ["First words."]


async def test_a_brief_learned_twice_changes_nothing(sources: Sources) -> None:
    await learn(sources, "First words.")
    before = await queries.version(sources.database, "acme")

    await learn(sources, "First words.")

    assert await queries.version(sources.database, "acme") == before


async def test_a_forgotten_brief_is_not_found_again(sources: Sources) -> None:
    await learn(sources, "First words.")
    await learn(sources, "First words.", workspace="rival")

    gone = [await pipeline.forget(sources, "acme", "b1") for _ in range(2)]

    assert gone == [True, False]
    assert await ask(sources, "words", least_score=-1) == []
    assert len(await ask(sources, "words", workspace="rival", least_score=-1)) == 1


async def test_a_brief_may_say_what_a_guideline_says(sources: Sources) -> None:
    await learn(sources, "First words.")

    await pipeline.add(sources, "acme", Offered("Summer", "First words.", "Solea", Platform.TIKTOK))

    assert len(await queries.newest(sources.database, "acme", limit=5)) == 2
