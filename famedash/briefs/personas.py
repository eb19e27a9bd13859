"""Who a post is for: the nearest of our labelled examples decide, and say how sure they are. Pure numpy."""

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from famedash.briefs.model import Persona, Platform

Vectors = NDArray[np.float32]

_NEIGHBOURS = 8
_SHARPNESS = 3
_FAR, _NEAR = 0.15, 0.5
LEAST_CONFIDENCE = 0.3
GENERALISTS = "generalists"
_NUDGE = 0.03
_AT_HOME = {
    Platform.LINKEDIN: ("business", "education", "finance", "tech"),
    Platform.TWITCH: ("gaming", "music"),
    Platform.PINTEREST: ("home", "fashion", "food"),
}
"""Topics that a platform leans to: worth a hair's breadth, for ties."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    description: str
    topic: str
    examples: tuple[str, ...]


class Labelled(NamedTuple):
    text: str
    persona: str


def _read() -> dict[str, Profile]:
    file = resources.files("famedash.briefs") / "personas.json"
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Profile])


EMBEDDED = Path(__file__).with_name("personas_minilm.npz")
PROFILES = _read()
LABELLED = [Labelled(text, key) for key, profile in PROFILES.items() for text in profile.examples]


def fingerprint() -> str:
    """Of the labelled texts in their order: what was embedded is compared with it."""
    return hashlib.sha256("\0".join(one.text for one in LABELLED).encode()).hexdigest()


def embedded(embedder_id: str) -> Vectors | None:
    """The vectors of `LABELLED` that ship with us (tools/embed_personas.py), if this embedder made them."""
    if not EMBEDDED.is_file():
        return None
    with np.load(EMBEDDED) as kept:
        if (str(kept["embedder"]), str(kept["texts"])) != (embedder_id, fingerprint()):
            return None
        vectors = kept["vectors"].astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)  # type: ignore[no-any-return]


class Classifier:
    """`vectors`: one unit vector per line of `LABELLED`, in its order, from the embedder that asks later."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def classify(self, vector: Vectors, platform: Platform) -> Persona:
        return classify(vector, self._vectors, platform)


def classify(vector: Vectors, labelled_vectors: Vectors, platform: Platform) -> Persona:
    """The persona that the eight nearest examples vote for, each with the third power of its cosine.

    confidence = share of the vote x closeness; closeness is the winner's nearest cosine, from 0 at 0.15
    (unrelated texts) to 1 at 0.5 (the same subject). Below `LEAST_CONFIDENCE` it is the generalists.
    """
    key, confidence = _vote(labelled_vectors @ vector, platform)
    if confidence < LEAST_CONFIDENCE:
        key = GENERALISTS
    profile = PROFILES[key]
    return Persona(profile.name, profile.description, profile.topic, round(confidence, 3))


def _vote(cosines: Vectors, platform: Platform) -> tuple[str, float]:
    leaning = np.clip(cosines + _nudges(platform), 0.0, 1.0)
    nearest = np.argsort(-leaning, kind="stable")[:_NEIGHBOURS]
    votes: dict[str, float] = {}
    for each in nearest.tolist():
        key = LABELLED[each].persona
        votes[key] = votes.get(key, 0.0) + float(leaning[each]) ** _SHARPNESS
    winner = max(votes, key=votes.__getitem__)
    total = sum(votes.values())
    if total <= 0:
        return GENERALISTS, 0.0
    best = max(float(cosines[each]) for each in nearest.tolist() if LABELLED[each].persona == winner)
    closeness = min(1.0, max(0.0, (best - _FAR) / (_NEAR - _FAR)))
    return winner, votes[winner] / total * closeness


@cache
def _nudges(platform: Platform) -> Vectors:
    at_home = _AT_HOME.get(platform, ())
    return np.array(
        [_NUDGE if PROFILES[one.persona].topic in at_home else 0.0 for one in LABELLED], np.float32
    )
