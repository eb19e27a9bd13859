"""Ports for the embedded servers: free now, and not where the kernel takes ports for outgoing connections.

A client that reconnects to a dead server's port *inside* the ephemeral range (32768.. on Linux, 49152.. on
macOS) can be given that very port as its own, connect to itself, and so keep the server from coming back.
"""

import random
import socket

LOWEST, HIGHEST = 20_000, 32_000


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    for port in random.sample(range(LOWEST, HIGHEST), k=200):
        if is_free("127.0.0.1", port):
            return port
    raise OSError(f"No free port between {LOWEST} and {HIGHEST}.")


def is_free(host: str, port: int) -> bool:
    """Could a server listen there now?"""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
