"""An endpoint's own headers, sealed: they may hold a token of the receiver's."""

import msgspec

from famedash.infra.sealing import Seal

Headers = tuple[tuple[str, str], ...]

_decoder = msgspec.json.Decoder(Headers)


def headers_of(seal: Seal, sealed: bytes | None) -> Headers:
    """Raises `Unsealable`."""
    return () if sealed is None else _decoder.decode(seal.open(sealed))


def seal_headers(seal: Seal, headers: Headers) -> bytes | None:
    return seal.close(msgspec.json.encode(headers)) if headers else None
