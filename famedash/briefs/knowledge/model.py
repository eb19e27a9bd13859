"""The nouns of knowledge, and what makes two of them the same. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from famedash.briefs.knowledge.chunks import Chunk
from famedash.briefs.model import Platform

Vector = NDArray[np.float32]
"""One text's place in the space of an embedder, of length 1."""

Vectors = NDArray[np.float32]
"""A row for each text."""

MOST_CHARACTERS = 200_000
MOST_TITLE_CHARACTERS = 200

_unseen = frozenset({"Cc", "Cf"})
_blanks = re.compile(r"\s+")


class Kind(StrEnum):
    GUIDELINE = "guideline"
    PAST_BRIEF = "past_brief"


@dataclass(frozen=True, slots=True)
class Offered:
    """A document that somebody wants known. No brand: of the whole workspace; no platform: of each.

    `origin` names what it was made from (`brief:…`): a later one of the same origin takes its place.
    """

    title: str
    text: str
    brand: str | None = None
    platform: Platform | None = None
    kind: Kind = Kind.GUIDELINE
    origin: str | None = None

    @property
    def brand_key(self) -> str | None:
        return None if self.brand is None else key_of(self.brand)

    @property
    def fingerprint(self) -> bytes:
        """The same for the same text about the same brand and platform, whatever it is called."""
        about = "\0".join((self.kind, self.brand_key or "", self.platform or ""))
        return sha256(f"{about}\0{self.text}".encode()).digest()


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is kept; `text` is None where a list leaves it out."""

    id: UUID
    title: str
    brand: str | None
    platform: Platform | None
    kind: Kind
    chunks: int
    characters: int
    created_at: datetime
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """The chunks of a document with their vectors, and which embedder made those."""

    chunks: Sequence[Chunk]
    vectors: Vectors
    embedder: str


def key_of(brand: str) -> str:
    """Brands are the same when their keys are: upper and lower case, width, blanks and marks unseen apart."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", brand).casefold())
    blanked = _blanks.sub(" ", folded).strip()
    return "".join(each for each in blanked if unicodedata.category(each) not in _unseen)


def embeddable(title: str, chunk: Chunk) -> str:
    """What is embedded for a chunk: it is found by the title and the headings above it, too."""
    return "\n".join(part for part in (title, chunk.heading, chunk.text) if part)


def as_text(vector: Vector) -> str:
    """A vector as pgvector reads it."""
    return f"[{','.join(f'{value:.8g}' for value in vector.tolist())}]"
