"""The sentence encoder all-MiniLM-L6-v2 as a forward pass in numpy: token ids in, vectors of length 1 out.

A BERT of 6 layers and 12 heads (Devlin et al., 2019), the mean over its tokens, brought to length 1: what
sentence-transformers computes, to 4 digits. Pure, but for the file it maps.
"""

import ctypes
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384
MOST_TOKENS = 256
LAYERS = 6
HEADS = 12

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

_epsilon = np.float32(1e-12)


def open_weights(path: Path) -> Mapping[str, Floats]:
    """The tensors of a safetensors file, mapped and not read: processes share them, and only what is used.

    The format: 8 bytes of length, a JSON header with type, shape and place of each tensor, the tensors.
    """
    content = np.asarray(np.memmap(path, np.uint8, mode="r"))
    start = 8 + int(content[:8].view("<u8")[0])
    header = json.loads(bytes(content[8:start]))
    return {
        name: content[start + each["data_offsets"][0] : start + each["data_offsets"][1]]
        .view("<f4")
        .reshape(each["shape"])
        for name, each in header.items()
        if each.get("dtype") == "F32"
    }


def use_one_thread() -> None:
    """Tell the OpenBLAS of numpy's wheels to multiply on the calling thread, in all of this process.

    Its threads spin while they wait for one another: measured on 2 busy cores, a query took 32 ms on one
    thread, and on two threads 21 ms at best and a second at worst. Another BLAS is left as it is.
    """
    for path in Path(np.__file__).parents[1].glob("numpy.libs/*openblas*"):
        library = ctypes.CDLL(str(path))
        for name in ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads"):
            if hasattr(library, name):
                getattr(library, name)(1)


class Encoder:
    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._weights = weights

    def encode(self, ids: Ids, mask: Ids) -> Floats:
        """A row of length 1 for each row of token ids; `mask` is 1 at a token and 0 at padding."""
        hidden = self._embedded(ids)
        bias = np.where(mask[:, None, None, :], np.float32(0), np.float32(-1e9))
        for number in range(LAYERS):
            hidden = self._layer(f"encoder.layer.{number}", hidden, bias)
        summed = (hidden * mask[:, :, None].astype(np.float32)).sum(axis=1)
        vectors: Floats = summed / np.linalg.norm(summed, axis=1, keepdims=True)
        return vectors

    def _embedded(self, ids: Ids) -> Floats:
        weights = self._weights
        hidden = weights["embeddings.word_embeddings.weight"][ids]
        hidden = hidden + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        return self._normal("embeddings", hidden + weights["embeddings.token_type_embeddings.weight"][0])

    def _layer(self, name: str, hidden: Floats, bias: Floats) -> Floats:
        attended = self._dense(f"{name}.attention.output.dense", self._attend(name, hidden, bias))
        hidden = self._normal(f"{name}.attention.output", hidden + attended)
        inner = _gelu(self._dense(f"{name}.intermediate.dense", hidden))
        return self._normal(f"{name}.output", hidden + self._dense(f"{name}.output.dense", inner))

    def _attend(self, name: str, hidden: Floats, bias: Floats) -> Floats:
        query, key, value = (
            self._heads(f"{name}.attention.self.{part}", hidden) for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) * np.float32((DIMENSIONS // HEADS) ** -0.5) + bias
        weighed: Floats = (_softmax(scores) @ value).swapaxes(1, 2).reshape(hidden.shape)
        return weighed

    def _heads(self, name: str, hidden: Floats) -> Floats:
        """(text, token, dimension) becomes (text, head, token, dimension of a head)."""
        texts, tokens, _ = hidden.shape
        split: Floats = self._dense(name, hidden).reshape(texts, tokens, HEADS, -1).swapaxes(1, 2)
        return split

    def _dense(self, name: str, hidden: Floats) -> Floats:
        flat = hidden.reshape(-1, hidden.shape[-1]) @ self._weights[f"{name}.weight"].T
        shaped: Floats = (flat + self._weights[f"{name}.bias"]).reshape(*hidden.shape[:-1], -1)
        return shaped

    def _normal(self, name: str, hidden: Floats) -> Floats:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _epsilon)
        weight, bias = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        normal: Floats = centred / spread * weight + bias
        return normal


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _gelu(x: Floats) -> Floats:
    """x times the normal distribution's integral up to x (Hendrycks and Gimpel, 2016)."""
    smooth: Floats = x * np.float32(0.5) * (np.float32(1) + _erf(x * np.float32(2**-0.5)))
    return smooth


def _erf(x: Floats) -> Floats:
    """Abramowitz and Stegun, formula 7.1.26: off by at most 1.5e-7, which is float32's own precision."""
    size = np.abs(x)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * size)
    series: Floats = np.full_like(t, 1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = series * t + np.float32(factor)
    whole: Floats = np.copysign(np.float32(1) - series * t * np.exp(-size * size), x)
    return whole
