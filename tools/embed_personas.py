"""Embed the labelled examples of famedash/briefs/personas.json with MiniLM into personas_minilm.npz.

Four seconds of a start that nobody has to wait for. Run it after a change of personas.json; a test compares.
"""

import asyncio

import numpy as np

from famedash.briefs import personas
from famedash.briefs.knowledge.embedder import MiniLM


async def main() -> None:
    embedder = MiniLM()
    vectors = await embedder.embed([labelled.text for labelled in personas.LABELLED])
    np.savez_compressed(
        personas.EMBEDDED,
        embedder=np.array(embedder.id),
        texts=np.array(personas.fingerprint()),
        vectors=np.round(vectors * 127).astype(np.int8),
    )
    print(f"{personas.EMBEDDED.name}: {len(vectors)} vectors, {personas.EMBEDDED.stat().st_size:,} bytes")


if __name__ == "__main__":
    asyncio.run(main())
