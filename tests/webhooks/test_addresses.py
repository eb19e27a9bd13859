"""Which addresses a webhook may reach: whatever spelling or tunnel they hide in."""

import asyncio
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from famedash.webhooks import lookups
from famedash.webhooks.addresses import (
    Forbidden,
    Lookup,
    Place,
    look_up,
    parse_networks,
    place_of,
    resolve,
)
from famedash.webhooks.lookups import Lookups

PUBLIC, PUBLIC_IPV6 = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
FORBIDDEN_IPV4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
]
FORBIDDEN_IPV6 = [
    "::/96",
    "::ffff:0:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "200::/7",
    "2001:2::/48",
    "2001:db8::/32",
    "3fff::/20",
    "4000::/3",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]
TUNNELS = {
    "v4-mapped": lambda v4: 0xFFFF << 32 | v4,
    "v4-compatible": lambda v4: v4,
    "v4-translated": lambda v4: 0xFFFF << 48 | v4,
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "Teredo client": lambda v4: 0x20010000 << 96 | int(IPv4Address(PUBLIC)) << 64 | (v4 ^ 0xFFFFFFFF),
    "Teredo server": lambda v4: 0x20010000 << 96 | v4 << 64 | (int(IPv4Address(PUBLIC)) ^ 0xFFFFFFFF),
    "NAT64": lambda v4: 0x0064FF9B << 96 | v4,
    "local NAT64 /96": lambda v4: 0x0064FF9B0001 << 80 | v4,
    "local NAT64 /48": lambda v4: 0x0064FF9B0001 << 80 | v4 >> 16 << 64 | (v4 & 0xFFFF) << 40,
}


def wrapped(tunnel: str, v4: str) -> str:
    return str(IPv6Address(TUNNELS[tunnel](int(IPv4Address(v4)))))


def names(**found: list[str]) -> Lookup:
    """A name server that knows these names, dots written as `_`, and none else."""

    async def lookup(host: str, port: int) -> list[str]:
        if host.replace(".", "_") not in found:
            raise OSError("no such name")
        return found[host.replace(".", "_")]

    return lookup


async def nobody_asks(host: str, port: int) -> list[str]:
    raise AssertionError(f"a look-up of {host}")


async def refusal(url: str, allowed: str = "", lookup: Lookup = look_up) -> str:
    """What the client is told."""
    with pytest.raises(Forbidden) as caught:
        await Lookups(parse_networks(allowed), lookup).check(url, "acme")
    return str(caught.value)


def inside(networks: list[str]) -> st.SearchStrategy[str]:
    """Any address of any of these networks, the first and the last one among the likely ones."""

    def of(network: IPv4Network | IPv6Network) -> st.SearchStrategy[str]:
        first, last = int(network[0]), int(network[-1])
        within = st.integers(first, last) | st.sampled_from([first, last])
        make = IPv4Address if network.version == 4 else IPv6Address
        return within.map(lambda number: str(make(number)))

    return st.sampled_from([ip_network(network) for network in networks]).flatmap(of)


@given(inside(FORBIDDEN_IPV4 + FORBIDDEN_IPV6), st.booleans())
@example("169.254.169.254", True)
@example("fd00:ec2::254", True)
@example("100.100.100.200", True)
@example("::1", True)
@example("::", False)
def test_no_address_of_a_forbidden_network_is_reached(address: str, tls: bool) -> None:
    """PROMISE: nobody makes us talk to our own network. Breaks if `is_global` alone decides."""
    for host, lookup in ((address, nobody_asks), ("hook.test", names(hook_test=[address]))):
        with pytest.raises(Forbidden, match="private or reserved") as caught:
            asyncio.run(resolve(host, 443, (), tls=tls, lookup=lookup))

        assert caught.value.address == address


@given(st.sampled_from(sorted(TUNNELS)), inside(FORBIDDEN_IPV4))
def test_no_tunnel_leads_into_a_forbidden_network(tunnel: str, address: str) -> None:
    """PROMISE: an IPv4 address hides in no IPv6 one. Breaks if a way of writing it in is not read."""
    with pytest.raises(Forbidden):
        asyncio.run(resolve("hook.test", 443, (), lookup=names(hook_test=[wrapped(tunnel, address)])))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        PUBLIC,
        "172.32.0.1",
        "223.255.255.255",
        PUBLIC_IPV6,
        *(wrapped(tunnel, PUBLIC) for tunnel in ("v4-mapped", "6to4", "Teredo client", "NAT64")),
    ],
)
async def test_a_public_address_is_reached_with_tls_only(address: str) -> None:
    lookup = names(hook_test=[address])

    assert await resolve("hook.test", 443, (), lookup=lookup) == [address]
    with pytest.raises(Forbidden, match="https://"):
        await resolve("hook.test", 80, (), tls=False, lookup=lookup)


@pytest.mark.parametrize("bad", ["10.0.0.1", "::1", wrapped("NAT64", "10.0.0.1")])
@pytest.mark.parametrize("bad_first", [True, False])
async def test_a_name_with_one_forbidden_address_is_refused_whole(bad: str, bad_first: bool) -> None:
    """Breaks if the forbidden ones are left out: who answers the name decides which one is tried."""
    found = [bad, PUBLIC] if bad_first else [PUBLIC, PUBLIC_IPV6, bad]

    with pytest.raises(Forbidden) as caught:
        await resolve("hook.test", 443, (), lookup=names(hook_test=found))

    assert caught.value.address == bad


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "fd00::5", wrapped("v4-mapped", "10.1.2.3"), wrapped("NAT64", "8.8.8.8")]
)
@pytest.mark.parametrize("tls", [True, False])
async def test_an_allowed_network_is_reached_with_tls_and_without(address: str, tls: bool) -> None:
    allowed = parse_networks("10.0.0.0/8, fd00::/8 64:ff9b::/96")

    assert await resolve("in.test", 80, allowed, tls=tls, lookup=names(in_test=[address])) == [address]


@pytest.mark.parametrize("address", ["11.0.0.1", "9.255.255.255", "fe00::1"])
async def test_what_lies_beside_an_allowed_network_gains_nothing(address: str) -> None:
    allowed = parse_networks("10.0.0.0/8,fd00::/8")

    with pytest.raises(Forbidden):
        await resolve("in.test", 80, allowed, tls=False, lookup=names(in_test=["10.0.0.1", address]))


@pytest.mark.parametrize("found", [[], None])
async def test_a_name_without_an_address_is_no_matter_of_permission(found: list[str] | None) -> None:
    with pytest.raises(OSError, match="no"):
        await resolve("x.test", 443, (), lookup=names(**({} if found is None else {"x_test": found})))


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "017700000001", "127.0.1", "0"],
)
async def test_a_number_is_judged_as_the_address_it_is_read_as(host: str) -> None:
    """Breaks if only dotted addresses are judged: the system's resolver reads all of these as ours."""
    assert all(ip_address(address) in ip_network("0.0.0.0/1") for address in await look_up(host, 443))
    for url in (f"http://{host}/hook", f"https://{host}:8443/"):
        assert "private or reserved" in await refusal(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begin with https://"),
        ("hooks.test/a", "begin with https://"),
        ("//hooks.test/a", "begin with https://"),
        ("ftp://hooks.test/", "begin with https://"),
        ("file:///etc/passwd", "begin with https://"),
        ("https://", "no host"),
        ("https:///hook", "no host"),
        ("https://:8443/", "no host"),
        ("https://hooks.test:0/", "port"),
        ("https://hooks.test:65536/", "port"),
        ("https://hooks.test:-1/", "port"),
        ("https://hooks.test:http/", "port"),
        ("https://[::1/", "brackets"),
        ("https://ada@hooks.test/", "in a header"),
        ("https://ada:secret@hooks.test/", "in a header"),
        ("https://:@hooks.test/", "in a header"),
        ("https://@hooks.test/", "in a header"),
        ("https://hooks.test\\@10.0.0.1/", "backslashes"),
        ("https://hooks.test /", "spaces"),
        ("https://hooks.\ttest/", "control"),
        ("https://hooks.test/\r\nX: y", "control"),
        ("https://hooks.test/\0", "control"),
        ("https://hooks\u2028.test/", "spaces"),
        ("https://[fe80::1%eth0]/", "zone"),
        ("https://[fe80::1%25eth0]/", "zone"),
        ("https://127%2e0%2e0%2e1/", "%"),
        ("https://hooks.test./", "none at the end"),
        ("https://127.0.0.1./", "none at the end"),
        ("https://./", "none at the end"),
        ("https://hooks..test/", "one dot between"),
        ("https://.hooks.test/", "one dot between"),
        (f"https://{'a' * 64}.test/", "1 to 63"),
        (f"https://{'ü' * 60}.test/", "1 to 63"),
        (f"https://{'a.' * 127}test/", "253"),
        (f"https://{'a' * 100_000}/", "1 to 63"),
        ("https://hooks,test/", "letters"),
        ("https://ho\U0001f600ks\ud800.test/", "letters"),
    ],
)
async def test_a_url_that_leads_nowhere_is_refused_before_any_look_up(url: str, words: str) -> None:
    assert words in await refusal(url, lookup=nobody_asks)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("HTTPS://Hooks.Test", Place("hooks.test", 443, True)),
        ("http://hooks_1.test:8080/a?b#c", Place("hooks_1.test", 8080, False)),
        ("https://bücher.test/", Place("xn--bcher-kva.test", 443, True)),
        ("https://bücher。test/", Place("xn--bcher-kva.test", 443, True)),
        ("https://①②⑦.⓪.⓪.①/", Place("127.0.0.1", 443, True)),
        ("https://[2606:2800::1]:444/", Place("2606:2800::1", 444, True)),
        ("https://ada:x@hooks.test/", Place("hooks.test", 443, True)),
    ],
)
def test_a_host_is_spelt_as_name_servers_and_certificates_do(url: str, place: Place) -> None:
    assert place_of(url) == place


@given(st.text() | st.text().map(lambda text: f"https://{text}/"))
def test_no_text_makes_more_than_a_refusal(url: str) -> None:
    with suppress(Forbidden):
        asyncio.run(Lookups((), names()).check(url, "acme"))


async def test_a_url_of_a_public_host_may_be_an_endpoint() -> None:
    lookup = names(hooks_test=[PUBLIC, PUBLIC_IPV6])

    await Lookups((), lookup).check("https://hooks.test/a?token=b", "acme")
    await Lookups((), nobody_asks).check(f"https://{PUBLIC}/", "acme")
    await Lookups(parse_networks("10.0.0.1"), nobody_asks).check("http://10.0.0.1:8080/", "acme")


async def test_a_refused_client_is_told_the_remedy_and_nothing_of_our_network() -> None:
    """PROMISE: names of our own cannot be read out. Breaks if the text names what a look-up found."""
    told = await refusal("https://db.test/", lookup=names(db_test=["10.20.30.40"]))
    assert "FAMEDASH_WEBHOOK_ALLOW_PRIVATE" in told
    assert "10.20.30.40" not in told

    told = await refusal("http://hooks.test/", lookup=names(hooks_test=[PUBLIC]))
    assert "https://" in told
    assert "FAMEDASH_WEBHOOK_ALLOW_PRIVATE" in told


async def test_a_name_that_nobody_knows_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(lookups, "CHECK_SECONDS", 0.05)

    for lookup in (names(), silent):
        assert "Check its name, or try again later." in await refusal("https://hooks.test/", lookup=lookup)


def test_networks_are_read_from_a_setting() -> None:
    assert parse_networks("") == parse_networks(" , ") == ()
    assert parse_networks("10.0.0.0/8, ::1\n192.168.1.5") == (
        ip_network("10.0.0.0/8"),
        ip_network("::1/128"),
        ip_network("192.168.1.5/32"),
    )


@pytest.mark.parametrize("text", ["loopback", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8,x", "10.*"])
def test_what_is_no_network_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be networks such as 10\.0\.0\.0/8"):
        parse_networks(text)
