"""An identity provider: signs tokens with key pairs of its own and serves their public halves as a JWKS."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

MAKERS = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


class Provider:
    """Served at `url`; `broken` makes it answer 500, `hits` counts the fetches."""

    def __init__(self) -> None:
        self.url = ""
        self.hits = 0
        self.broken = False
        self.published: list[dict[str, Any]] = []
        self._private: dict[str, tuple[str, Any]] = {}

    def new_key(self, key_id: str, algorithm: str = "ES256", **members: Any) -> None:
        """Make a key pair and publish its public half."""
        private = MAKERS[algorithm]()
        self._private[key_id] = (algorithm, private)
        public = jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
        self.published.append({**public, "kid": key_id, "use": "sig", **members})

    def withdraw(self, key_id: str) -> None:
        self.published = [key for key in self.published if key["kid"] != key_id]

    def sign(self, claims: dict[str, Any], key_id: str, *, named: bool = True) -> str:
        algorithm, private = self._private[key_id]
        return jwt.encode(claims, private, algorithm, headers={"kid": key_id} if named else None)

    def public_pem(self, key_id: str) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

        public = self._private[key_id][1].public_key()
        return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    async def answer(self, _: web.Request) -> web.Response:
        self.hits += 1
        if self.broken:
            return web.Response(status=500)
        return web.Response(text=json.dumps({"keys": self.published}), content_type="application/json")


@asynccontextmanager
async def identity_provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_get("/jwks.json", provider.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    provider.url = f"http://{host}:{port}/jwks.json"
    try:
        yield provider
    finally:
        await runner.cleanup()
