"""Which request heads are in order, and what they say."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.interface.clients.head import BadRequest, Head, read_fields, read_head

HOST = (b"Host", b"localhost")
TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-!#$%&'*+.^`|~", min_size=1, max_size=30)
VALUES = st.binary(max_size=60).filter(lambda value: not any(byte in value for byte in (*range(32), 0x7F, 0x85)))


def head_of(target: bytes, *fields: tuple[bytes, bytes], method: bytes = b"GET") -> Head:
    """Check a request for *target*."""
    return read_head(method, target, "1.1", [HOST, *fields])


def test_the_parts_of_a_request_are_told_apart() -> None:
    """Method, path, query and version come out as messages need them."""
    head = read_head(b"get", b"/a%20b?x=%20&y", "1.0", [HOST])

    assert head == Head("1.0", "GET", "/a b", b"x=%20&y", ((b"host", b"localhost"),))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_survives_in_a_path(text: str) -> None:
    """What a client percent-encodes as UTF-8 arrives as the same text."""
    head = head_of(b"/" + quote(text).encode())

    assert head.path == "/" + text


@given(st.binary())
def test_any_target_is_read_or_refused(target: bytes) -> None:
    """Garbage gives a head, or a sentence for the client."""
    try:
        head = head_of(target)
    except BadRequest as exc:
        assert exc.status == 400
    else:
        assert head.path.startswith("/")


@pytest.mark.parametrize(
    "target",
    [
        b"/%ff",
        b"/%e2%82",
        b"/\xff",
        b"/%",
        b"/%4",
        b"/%zz",
        b"nonsense",
        b"*",
        b"ftp://host/",
        b"http:///",
        b"",
        b"/a#b",
        b"/%00",
    ],
)
def test_a_target_that_is_no_path_is_refused(target: bytes) -> None:
    """Bad UTF-8, bad percent signs and other schemes are the client's fault."""
    with pytest.raises(BadRequest):
        head_of(target)


def test_options_may_ask_about_the_whole_server() -> None:
    """The target ``*`` is for OPTIONS alone."""
    assert head_of(b"*", method=b"OPTIONS").path == "*"


def test_an_absolute_target_decides_the_host() -> None:
    """RFC 9112, 3.2.2: the Host header is ignored where the target names the authority."""
    head = head_of(b"http://other:81?q")

    assert (head.path, head.query_string, head.values(b"host")) == ("/", b"q", [b"other:81"])


@pytest.mark.parametrize("fields", [[], [HOST, HOST]])
def test_a_request_has_one_host(fields: list[tuple[bytes, bytes]]) -> None:
    """None or two Host headers can mean different sites to different readers."""
    with pytest.raises(BadRequest, match="exactly one Host"):
        read_head(b"GET", b"/", "1.1", fields)


def test_http_1_0_needs_no_host() -> None:
    """The older protocol does not know the header."""
    assert read_head(b"GET", b"/", "1.0", []).fields == ()


@given(st.lists(st.tuples(TOKENS.map(str.encode), VALUES)))
def test_fields_keep_order_and_repetitions(fields: list[tuple[bytes, bytes]]) -> None:
    """Only the case of names changes, and the blanks around values go."""
    assert read_fields(fields) == tuple((name.lower(), value.strip(b" \t")) for name, value in fields)


def test_a_name_with_an_underscore_is_left_out() -> None:
    """A worker could take it for the same name with a hyphen, which a proxy may vouch for (CVE-2015-0219)."""
    assert read_fields([(b"X_User", b"root"), (b"X-User", b"guest")]) == ((b"x-user", b"guest"),)


@pytest.mark.parametrize("byte", [0x00, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x7F, 0x85])
def test_bytes_that_end_a_line_for_some_parser_are_refused(byte: int) -> None:
    """They could smuggle a header past one reader to the next (CVE-2026-44546)."""
    with pytest.raises(BadRequest, match="control character"):
        read_fields([(b"X-A", b"one" + bytes([byte]) + b"Upgrade: websocket")])


@pytest.mark.parametrize("name", [b"", b"a b", b"a\x0b", b"a:", b"\xe4", b"a\n"])
def test_a_name_that_is_no_token_is_refused(name: bytes) -> None:
    """RFC 9110, 5.1."""
    with pytest.raises(BadRequest, match="token"):
        read_fields([(name, b"")])


def test_a_method_that_is_no_token_is_refused() -> None:
    """RFC 9110, 9.1."""
    with pytest.raises(BadRequest, match="method"):
        head_of(b"/", method=b"G\xcbT")


def test_the_members_of_a_list_field_are_found_in_every_line() -> None:
    """One header with two members says the same as two headers with one."""
    head = head_of(b"/", (b"Connection", b"keep-alive , Upgrade"), (b"connection", b"x"))

    assert head.tokens(b"connection") == {b"keep-alive", b"upgrade", b"x"}


@pytest.mark.parametrize(("version", "expected"), [("1.1", True), ("1.0", False)])
def test_an_upgrade_needs_http_1_1(version: str, expected: bool) -> None:
    """RFC 6455, 4.2.1."""
    head = read_head(b"GET", b"/", version, [HOST, (b"Upgrade", b"WebSocket")])

    assert head.is_websocket is expected


GOOD_HOSTS = [b"", b"localhost", b"LOCALHOST:", b"a-b_c.example:8000", b"10.0.0.9:65535", b"[::1]"]
GOOD_HOSTS += [b"[2001:db8::1.2.3.4]:80", b"a%20b", b"a~!$&'()*+,;=b"]


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_a_host_is_a_name_or_an_address(host: bytes) -> None:
    """With a port or without (RFC 9110, 4.2.1 and 7.2); an empty one says that there is none."""
    assert read_head(b"GET", b"/", "1.1", [(b"Host", host)]).values(b"host") == [host]


BAD_HOSTS = [b"a b", b"a\tb", b"a/b", b"a?b", b"a#b", b"user@x", b"x:abc", b"x:65536", b"x:8:8", b"[::1", b"::1"]
BAD_HOSTS += [b"[::1]x", b"<script>", b"a%2", b"\xe4", b":80", b"a\\b", b"x:000000080"]


@pytest.mark.parametrize("host", BAD_HOSTS)
@pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
def test_a_host_that_is_none_is_refused(host: bytes, version: str) -> None:
    """Two readers could see two different sites in it."""
    with pytest.raises(BadRequest, match="Host"):
        read_head(b"GET", b"/", version, [(b"Host", host)])


@pytest.mark.parametrize(
    "authority", [b"a:99999", b"a:b", b"a%", b"user@a", b"user:pw@a", b"@a", b"a@", b"good@evil@a", b"[::1", b":80"]
)
def test_an_authority_that_is_no_host_is_refused(authority: bytes) -> None:
    """Whom a name before an ``@`` means, nobody should have to guess (RFC 9110, 4.2.4)."""
    with pytest.raises(BadRequest, match="Host"):
        head_of(b"http://" + authority + b"/x")


@pytest.mark.parametrize("method", [b"CONNECT", b"connect", b"Connect"])
def test_this_is_no_proxy(method: bytes) -> None:
    """However the method is spelt: workers get it in capitals."""
    with pytest.raises(BadRequest) as caught:
        head_of(b"/", method=method)

    assert caught.value.status == 501
