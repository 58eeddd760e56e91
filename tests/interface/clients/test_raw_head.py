"""Heads of HTTP/1 requests: cut off, bounded, split into their parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.interface.clients.head import BadRequest
from zmqlayer.interface.clients.raw_head import blank_size, cut_head, read_raw_head
from zmqlayer.interface.options import ServerOptions

OPTIONS = ServerOptions(max_url_size=100, max_header_size=1_000, max_headers=5)
NAMES = st.from_regex(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,20}", fullmatch=True).filter(
    lambda name: name.lower() not in (b"content-length", b"transfer-encoding", b"connection", b"upgrade")
)
VALUES = st.from_regex(rb"([\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff\t]{0,30}[\x21-\x7e\x80-\xff])?)?", fullmatch=True)


def head(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> bytes:
    """Return a head of *lines*."""
    return b"".join(line + b"\r\n" for line in (start, *lines, b""))


def refusal(data: bytes, options: ServerOptions = OPTIONS) -> tuple[int, str]:
    """Return how *data* is refused, which must happen."""
    with pytest.raises(BadRequest) as caught:
        cut = cut_head(data, options)
        assert cut is not None, "more was waited for"
        read_raw_head(cut[0], options)
    return caught.value.status, caught.value.fault


def test_a_head_is_split_into_its_parts() -> None:
    """As the client sent them."""
    raw = read_raw_head(head(b"Host: a", b"X-Empty:", b"X-B:  c "), OPTIONS)

    assert (raw.line, raw.method, raw.target, raw.http_version) == (b"GET / HTTP/1.1", b"GET", b"/", "1.1")
    assert [(name, value.strip()) for name, value in raw.fields] == [(b"Host", b"a"), (b"X-Empty", b""), (b"X-B", b"c")]


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5))
def test_any_fields_come_out_as_they_went_in(fields: list[tuple[bytes, bytes]]) -> None:
    """Each in its place, empty ones too."""
    raw = read_raw_head(head(*(name + b": " + value for name, value in fields)), OPTIONS)

    assert [(name, value.strip(b" \t")) for name, value in raw.fields] == fields


@given(st.binary(max_size=100), st.integers(0, 100))
def test_a_head_is_cut_where_it_ends(follows: bytes, size: int) -> None:
    """What comes behind it is not looked at."""
    data = head(b"Host: a")

    assert cut_head(data + follows, OPTIONS) == (data, follows)
    if size < len(data) and size:
        assert cut_head(data[:size], OPTIONS) is None


def test_a_head_with_an_upgrade_ends_like_any_other() -> None:
    """llhttp would take its body for what follows the upgrade."""
    raw = read_raw_head(head(b"Connection: upgrade", b"Upgrade: h2c", b"Content-Length: 3"), OPTIONS)

    assert (b"Content-Length", b"3") in raw.fields


@pytest.mark.parametrize(
    "data",
    [
        head(b"X-A : b"),
        head(b"X-A: b", b" folded"),
        head(b"X-A: b\nX-C: d"),
        head(b"X-A: b\rX-C: d"),
        head(b"X-A: b\r\r"),
        head(b"X-A: \x00"),
        head(b"X-A: \x0b"),
        head(b"X-A: \x0c"),
        head(b"X-A: \x1c"),
        head(b"X-A: \x1d"),
        head(b"X-A: \x1e"),
        head(b"X-A: \x7f"),
        head(b"X\x0bA: b"),
        head(b"X\x85A: b"),
        head(b": b"),
        head(b"X A: b"),
        head(b"no colon"),
        head(b"Content-Length: 1", b"Content-Length: 1"),
        head(b"Content-Length: 1, 1"),
        head(b"Content-Length: +1"),
        head(b"Content-Length: 99999999999999999999"),
        head(b"Content-Length: 1", b"Transfer-Encoding: chunked"),
        head(b"Transfer-Encoding: chunked", b"Content-Length: 1"),
        head(b"Transfer-Encoding: gzip"),
        head(b"Transfer-Encoding: xchunked"),
        head(b"Transfer-Encoding: \x0bchunked"),
        head(b"Transfer-Encoding: chunked, identity"),
        head(start=b"GET  / HTTP/1.1"),
        head(start=b"GET / HTTP/1.1 "),
        head(start=b"GET /\x85 HTTP/1.1"),
        head(start=b"GET /a b HTTP/1.1"),
        head(start=b"GET\t/ HTTP/1.1"),
        head(start=b"GET / ICE/1.0"),
        head(start=b" GET / HTTP/1.1"),
    ],
)
def test_a_malformed_head_is_a_400(data: bytes) -> None:
    """Whoever reads such a thing in another way can be made to see another request."""
    assert refusal(data) == (400, "malformed head")


@pytest.mark.parametrize(
    "target", [b"/\xc3\xa4", b"/\x85", b"shop", b"http:/shop", "http://b\xfccher.example/".encode()]
)
def test_a_target_that_is_no_url_is_called_so(target: bytes) -> None:
    """And how to write it, for who forgot to encode it; nothing is wrong with the headers."""
    with pytest.raises(BadRequest, match=r"request line .* percent-encode"):
        read_raw_head(head(start=b"GET " + target + b" HTTP/1.1"), OPTIONS)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (head(start=b"GET / HTTP/2.0"), 505),
        (head(start=b"GET / HTTP/0.9"), 505),
        (head(start=b"GET / HTTP/1.2"), 505),
        (b"GET /\r\n", 505),
        (head(start=b"BREW / HTTP/1.1"), 501),
        (head(start=b"get / HTTP/1.1"), 501),
        (head(*6 * [b"X-A: b"]), 431),
        (head(b"X-A: " + 1_000 * b"b"), 431),
        (head(start=b"GET /" + 100 * b"a" + b" HTTP/1.1"), 414),
        (head(start=b"GET /" + 2_000 * b"a" + b" HTTP/1.1"), 414),
        (b"GET /" + 100 * b"a", 414),
        (b"GET / HTTP/1.1\r\nX-A: " + 1_000 * b"b", 431),
        (b"\x16\x03\x01", 400),
        (b"\x00", 400),
        (b"A" * 40, 400),
        (b"GET / HTTP/1.1\r\nX-A: b\nX", 400),
        (b"GET / HTTP/1.1\r\nX-A: b\rX", 400),
        (b"GET\r\n", 400),
    ],
)
def test_what_will_never_do_is_found_out_early(data: bytes, status: int) -> None:
    """Each with its own status, and where possible before the head is complete."""
    assert refusal(data)[0] == status


@given(st.binary(min_size=1, max_size=300), st.binary(max_size=20))
def test_any_bytes_are_a_head_or_refused(data: bytes, start: bytes) -> None:
    """Nothing else is raised."""
    for candidate in (data, b"GET / HTTP/1.1\r\n" + data + b"\r\n\r\n", start + b" / HTTP/1.1\r\n\r\n"):
        try:
            cut = cut_head(candidate, OPTIONS)
            if cut is not None:
                read_raw_head(cut[0], OPTIONS)
        except BadRequest as exc:
            assert exc.status in (400, 414, 431, 501, 505)


def test_some_blank_lines_may_stand_before_a_request() -> None:
    """RFC 9112, 2.2; they may come alone."""
    assert blank_size(8 * b"\r\n" + head()) == 16
    assert blank_size(b"\r\n\r") == 2
    assert blank_size(head()) == 0


@pytest.mark.parametrize("before", [0, 2, 16])
def test_blank_lines_are_bounded(before: int) -> None:
    """They cost nothing to send; those that came earlier count."""
    with pytest.raises(BadRequest) as caught:
        blank_size((18 - before) * b"\r\n", before)

    assert (caught.value.status, caught.value.fault) == (400, "blank lines")
