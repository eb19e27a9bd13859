"""Which addresses a webhook may reach: public ones, and the private networks that the operator allowed.

It judges; who connects takes one of the addresses that `resolve` gave and asks no name server again.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) to its addresses; raises OSError where it has none."""

SETTING = "FAMEDASH_WEBHOOK_ALLOW_PRIVATE"

_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_IPV6 = ip_network("2000::/3")
_MORE_THAT_ARE_NOT_PUBLIC = (  # `ipaddress` calls them global, all or some of its versions
    ip_network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata
    ip_network("192.88.99.0/24"),  # relays of 6to4
    ip_network("168.63.129.16/32"),  # Azure's metadata
    ip_network("3fff::/20"),  # documentation
)


class Forbidden(Exception):
    """The text is a sentence for the client; `address` (which it does not name) is for the log."""

    def __init__(self, text: str, address: str | None = None) -> None:
        super().__init__(text)
        self.address = address


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: the host as name servers and certificates spell it, not yet looked up."""

    host: str
    port: int
    tls: bool


def parse_networks(text: str) -> Networks:
    """`10.0.0.0/8, ::1`: networks or single addresses. The text of its ValueError says what is wrong."""
    try:
        return tuple(ip_network(part) for part in re.split(r"[,\s]+", text) if part)
    except ValueError as reason:
        raise ValueError(f"must be networks such as 10.0.0.0/8,::1/128 ({reason})") from None


def place_of(url: str) -> Place:
    """Raises `Forbidden` for what cannot be posted to, whatever its address."""
    if re.search(r"[\s\x00-\x1f\x7f\\]", url):  # urlsplit takes some of these away in silence
        raise Forbidden("The URL must not hold spaces, control characters or backslashes.")
    try:
        parts = urlsplit(url)
        name, given = parts.hostname or "", parts.port
    except ValueError:
        raise Forbidden("The URL cannot be read: check its brackets, and its port (1 to 65535).") from None
    if parts.scheme not in ("http", "https"):
        raise Forbidden("The URL must begin with https://.")
    if given == 0:
        raise Forbidden("There is no port 0: name a port from 1 to 65535, or none.")
    tls = parts.scheme == "https"
    return Place(_host(name), given or (443 if tls else 80), tls)


def _host(name: str) -> str:
    if not name:
        raise Forbidden("The URL names no host.")
    if "%" in name:
        raise Forbidden("The host must not hold a zone or any other %: write the name or the plain address.")
    if _literal(name):
        return name
    try:
        host = name.encode("idna").decode()
    except UnicodeError:
        host = ""
    if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", host) or len(host) > 253:
        raise Forbidden(
            "The host is no name: parts of 1 to 63 letters, digits and hyphens, with one dot between them and"
            " none at the end, 253 characters in all."
        )
    return host


async def look_up(host: str, port: int) -> list[str]:
    """What the system's resolver knows; it reads 127.1, 0x7f.1 and 2130706433 as addresses, too."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def resolve(
    host: str, port: int, allowed: Networks, *, tls: bool = True, lookup: Lookup = look_up
) -> list[str]:
    """All addresses of a host, each of them checked: connect to these, and do not look up again.

    Raises `Forbidden` if a single one may not be reached (without TLS: if it is not in an allowed network),
    OSError where the host has no address.
    """
    addresses = [host] if _literal(host) else await lookup(host, port)
    if not addresses:
        raise OSError(f"{host} has no address")
    for text in addresses:
        address = ip_address(text)
        if _is_allowed(address, allowed):
            continue
        if not _is_public(address):
            raise Forbidden(
                "The host has an address that is private or reserved. Name a host with only public addresses,"
                f" or ask the operator to allow the network with {SETTING}.",
                text,
            )
        if not tls:
            raise Forbidden(
                "Plain http reaches only networks that the operator allowed. Write https:// instead, or ask"
                f" the operator to allow the network with {SETTING}.",
                text,
            )
    return list(addresses)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_allowed(address: Address, allowed: Networks) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any(address in network or (mapped is not None and mapped in network) for network in allowed)


def _is_public(address: Address) -> bool:
    """Could anybody on the internet be meant, through whatever tunnel?

    `ipaddress.is_global` alone lets multicast, site-local and most tunnels through, and what it says
    differs between the releases of Python. The IPv4 address inside v4-compatible (::/96) and local-use NAT64
    (64:ff9b:1::/48) ones need not be read: nothing outside 2000::/3 is public.
    """
    if isinstance(address, IPv6Address):
        inner = _inside(address)
        if inner:
            return all(map(_is_public, inner))
        if address not in _GLOBAL_IPV6:
            return False
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved or address.is_unspecified)
        and not any(address in network for network in _MORE_THAT_ARE_NOT_PUBLIC)
    )


def _inside(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that a packet to this one ends at, or passes (Teredo's server)."""
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.sixtofour:
        return (address.sixtofour,)
    if address.teredo:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    return ()
