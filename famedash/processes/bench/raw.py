"""A connection to Redis without a client: bytes out, replies in. What a client costs is left out."""

import socket
from typing import Any
from urllib.parse import urlsplit

from hiredis import Reader

RECEIVED_BYTES = 1 << 20


class Raw:
    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = Reader()
        if address.password:
            self.ask("AUTH", address.password)
        if number := address.path.strip("/"):
            self.ask("SELECT", number)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def reply(self) -> Any:
        """The next one. Raises what Redis answers as an error."""
        while (found := self._reader.gets()) is False:
            received = self._socket.recv(RECEIVED_BYTES)
            if not received:
                raise ConnectionError("Redis closed the connection")
            self._reader.feed(received)
        if isinstance(found, Exception):
            raise found
        return found

    def ask(self, *parts: str | int | bytes) -> Any:
        self.send(command(*parts))
        return self.reply()


def command(*parts: str | int | bytes) -> bytes:
    texts = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    return b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%b\r\n" % (len(text), text) for text in texts)
