"""Who is behind a proxy."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.exceptions import ConfigError
from zmqlayer.interface.clients.head import read_head
from zmqlayer.interface.clients.proxies import Proxies, Seen
from zmqlayer.interface.clients.wire import Origin
from zmqlayer.interface.options import ServerOptions


def look(*fields: tuple[bytes, bytes], peer: str | None = "127.0.0.1", **options: Any) -> Seen:
    """Return a request with *fields*, as it is seen through the proxy at *peer*; None is a UNIX socket's."""
    proxies = Proxies.from_options(ServerOptions(proxy_headers=True, **options))
    assert proxies
    head = read_head(b"GET", b"/", b"HTTP/1.1", [(b"Host", b"inner"), *fields])
    client, server = ([peer, 4711], ["127.0.0.1", 8000]) if peer else (None, None)
    return proxies.look_behind(Seen(head, Origin(client, server), is_secure=False, root_path="/option"))


def client_of(forwarded: bytes, **options: Any) -> Any:
    """Return the client's address for one X-Forwarded-For."""
    client = look((b"X-Forwarded-For", forwarded), **options).origin.client
    return client and client[0]


def test_nobody_is_believed_unless_it_is_switched_on() -> None:
    """A server on the edge must not listen to headers."""
    assert Proxies.from_options(ServerOptions()) is None


def test_a_trusted_proxy_tells_everything() -> None:
    """Client, port, scheme and root path; the last is no header any more."""
    seen = look(
        (b"X-Forwarded-For", b"192.0.2.7"),
        (b"X-Forwarded-Port", b"443"),
        (b"X-Forwarded-Proto", b"https"),
        (b"Daphne-Root-Path", b"/caf%C3%A9"),
    )

    assert seen.origin == Origin(["192.0.2.7", 0], ["127.0.0.1", 443])
    assert (seen.is_secure, seen.root_path) == (True, "/café")
    assert not seen.head.values(b"daphne-root-path")


def test_a_stranger_tells_nothing() -> None:
    """Whatever its headers say; they stay what they are, headers."""
    fields = ((b"X-Forwarded-For", b"192.0.2.7"), (b"X-Forwarded-Proto", b"https"), (b"Daphne-Root-Path", b"/x"))

    seen = look(*fields, peer="198.51.100.1")

    assert seen.origin.client == ["198.51.100.1", 4711]
    assert (seen.is_secure, seen.root_path) == (False, "/option")
    assert seen.head.values(b"x-forwarded-for") == [b"192.0.2.7"]


@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", None])
def test_networks_and_unix_sockets_are_trusted(peer: str | None) -> None:
    """Also an IPv4 address that came by a socket for both families."""
    assert client_of(b"192.0.2.7", peer=peer, forwarded_allow_ips=("10.0.0.0/8", "2001:db8::/32")) == "192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (b"192.0.2.7", "192.0.2.7"),
        (b"1.1.1.1, 192.0.2.7", "192.0.2.7"),
        (b"1.1.1.1, 192.0.2.7, 10.0.0.1", "192.0.2.7"),
        (b"10.0.0.2, 10.0.0.1", "10.0.0.2"),
        (b"192.0.2.7:1234", "192.0.2.7"),
        (b"[2001:db8::7]:1234, 10.0.0.1", "2001:db8::7"),
        (b"2001:db8::7", "2001:db8::7"),
        (b"[fe80::7%eth0.1]", "fe80::7%eth0.1"),
        (b"[fe80::7%eth0 - -]", "127.0.0.1"),
        (b"[fe80::7%\x9b31m]", "127.0.0.1"),
        (b"192.0.2.7, unknown", "127.0.0.1"),
        (b"192.0.2.7, unknown, 10.0.0.1", "10.0.0.1"),
        (b"", "127.0.0.1"),
        (b"1.2.3.4.5", "127.0.0.1"),
        (b"<script>", "127.0.0.1"),
    ],
)
def test_the_client_is_the_first_stranger_from_the_right(forwarded: bytes, client: str) -> None:
    """What stands left of it, the client may have written itself."""
    assert client_of(forwarded, forwarded_allow_ips=("127.0.0.1", "10.0.0.0/8")) == client


def test_with_everybody_trusted_the_leftmost_counts() -> None:
    """As the operator said."""
    assert client_of(b"192.0.2.7, 198.51.100.1", peer="198.51.100.2", forwarded_allow_ips=("*",)) == "192.0.2.7"


def test_several_fields_are_one_list() -> None:
    """A proxy may add a field of its own."""
    seen = look((b"X-Forwarded-For", b"1.1.1.1"), (b"X-Forwarded-For", b"192.0.2.7"))

    assert seen.origin.client == ["192.0.2.7", 0]


@pytest.mark.parametrize(
    ("proto", "is_secure"), [(b"https", True), (b"HTTPS", True), (b"wss", True), (b"http", False), (b"x", False)]
)
def test_the_scheme_is_what_the_proxy_says(proto: bytes, is_secure: bool) -> None:
    """An unknown word changes nothing."""
    assert look((b"X-Forwarded-Proto", proto)).is_secure is is_secure


@pytest.mark.parametrize("port", [b"0", b"70000", b"-1", b"x", b"9" * 5000])
def test_a_port_that_is_none_changes_nothing(port: bytes) -> None:
    """However long it is."""
    assert look((b"X-Forwarded-Port", port)).origin.server == ["127.0.0.1", 8000]


def test_the_host_is_taken_only_if_the_operator_names_its_header() -> None:
    """Many proxies pass on what the client wrote there."""
    field = (b"X-Forwarded-Host", b"shop.example")

    assert look(field).head.values(b"host") == [b"inner"]
    assert look(field, proxy_headers_site="X-Forwarded-Host").head.values(b"host") == [b"shop.example"]


def test_a_host_that_is_none_changes_nothing() -> None:
    """It never was checked like a Host header."""
    seen = look((b"X-Forwarded-Host", b"a b/c"), proxy_headers_site="X-Forwarded-Host")

    assert seen.head.values(b"host") == [b"inner"]


def test_headers_may_have_other_names() -> None:
    """As Daphne's options have it; an empty name switches one off."""
    seen = look(
        (b"X-Real-IP", b"192.0.2.7"),
        (b"X-Forwarded-Proto", b"https"),
        proxy_headers_host="X-Real-IP",
        proxy_headers_proto="",
    )

    assert (seen.origin.client, seen.is_secure) == (["192.0.2.7", 0], False)


def test_a_root_path_that_is_no_text_changes_nothing() -> None:
    """The option counts."""
    assert look((b"Daphne-Root-Path", b"/%ff")).root_path == "/option"


def test_what_is_no_address_is_refused() -> None:
    """Before anything starts."""
    with pytest.raises(ConfigError, match=r"'proxy\.local' is neither an address nor a network nor"):
        Proxies.from_options(ServerOptions(proxy_headers=True, forwarded_allow_ips=("proxy.local",)))
