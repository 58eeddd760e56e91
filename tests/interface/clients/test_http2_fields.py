"""The header fields of HTTP/2."""

from collections.abc import Sequence

import pytest
from hpack import NeverIndexedHeaderTuple
from hypothesis import given
from hypothesis import strategies as st

from support.http2_client import GET, Field, fields_of
from zmqlayer.interface.clients.head import BadRequest
from zmqlayer.interface.clients.http2_fields import (
    Malformed,
    check_size,
    check_trailers,
    content_length,
    read_request,
    request_line,
    response_fields,
)
from zmqlayer.interface.options import ServerOptions

METHOD, SCHEME, PATH, AUTHORITY = GET


def refusal_of(fields: Sequence[Field]) -> BadRequest:
    """Return why *fields* are no request."""
    with pytest.raises(BadRequest) as caught:
        read_request(fields)
    return caught.value


def test_a_request() -> None:
    """Pseudo-headers become the parts of a head; the authority becomes Host, and stands first."""
    head = read_request(fields_of("PUT", "/a%20b?c=d", (b"accept", b"*/*"), (b"te", b"trailers")))

    assert (head.http_version, head.method, head.path, head.query_string) == ("2", "PUT", "/a b", b"c=d")
    assert head.fields == ((b"host", b"localhost"), (b"accept", b"*/*"), (b"te", b"trailers"))


def test_host_in_place_of_the_authority() -> None:
    """A request that a proxy made of HTTP/1.1 may have a Host header alone, and it stays where it is."""
    head = read_request([METHOD, SCHEME, PATH, (b"accept", b"*/*"), (b"host", b"example.com")])

    assert head.fields == ((b"accept", b"*/*"), (b"host", b"example.com"))


def test_authority_and_host_agree() -> None:
    """Where both are there they say the same, and one of them is left (RFC 9113, 8.3.1)."""
    assert read_request([*GET, (b"host", b"LOCALHOST")]).fields == ((b"host", b"localhost"),)


def test_cookie_crumbs() -> None:
    """Crumbs of cookies become one field again (RFC 9113, 8.2.3)."""
    crumbs = fields_of("GET", "/", (b"cookie", b"a=b"), (b"x", b"y"), (b"cookie", b"c=d"))

    assert read_request(crumbs).fields[1:] == ((b"cookie", b"a=b; c=d"), (b"x", b"y"))


def test_an_asterisk() -> None:
    """OPTIONS may ask about the server as a whole; other methods may not."""
    asterisk = [SCHEME, (b":path", b"*"), AUTHORITY]

    assert read_request([(b":method", b"OPTIONS"), *asterisk]).path == "*"
    assert refusal_of([METHOD, *asterisk]).status == 400


@pytest.mark.parametrize(
    "fields",
    [
        [SCHEME, PATH, AUTHORITY],
        [METHOD, PATH, AUTHORITY],
        [METHOD, SCHEME, AUTHORITY],
        [METHOD, SCHEME, PATH],
        [METHOD, SCHEME, (b":path", b""), AUTHORITY],
        [METHOD, SCHEME, (b":path", b"http://localhost/"), AUTHORITY],
        *(
            [METHOD, SCHEME, (b":path", path), AUTHORITY]
            for path in (b"/a b", b"/\x01", b"/\x7f", b"/\xc3\xa9", b"/\t")
        ),
        [METHOD, (b":scheme", b"ftp"), PATH, AUTHORITY],
        [METHOD, SCHEME, PATH, (b":authority", b"")],
        [METHOD, SCHEME, PATH, (b":authority", b"user@localhost")],
        [METHOD, SCHEME, PATH, (b":authority", b"local host")],
        [METHOD, SCHEME, PATH, (b":authority", b"localhost:99999")],
        [*GET, (b":path", b"/")],
        [*GET, (b":status", b"200")],
        [*GET, (b":protocol", b"websocket")],
        [*GET, (b":unknown", b"")],
        [METHOD, SCHEME, PATH, (b"accept", b"*/*"), AUTHORITY],
        [*GET, (b"host", b"example.com")],
        [*GET, (b"host", b"localhost"), (b"host", b"localhost")],
        [*GET, (b"", b"x")],
        [*GET, (b"Accept", b"*/*")],
        [*GET, (b"a b", b"x")],
        [*GET, (b"a:b", b"x")],
        [*GET, (b"a\x7f", b"x")],
        [*GET, (b"\xe4", b"x")],
        [*GET, (b"a", b"x\r\nb: c")],
        [*GET, (b"a", b"x\0")],
        [*GET, (b"a", b" x")],
        [*GET, (b"a", b"x\t")],
        [*GET, (b"connection", b"close")],
        [*GET, (b"keep-alive", b"timeout=5")],
        [*GET, (b"proxy-connection", b"close")],
        [*GET, (b"transfer-encoding", b"chunked")],
        [*GET, (b"upgrade", b"websocket")],
        [*GET, (b"te", b"gzip")],
    ],
)
def test_malformed(fields: list[Field]) -> None:
    """What RFC 9113, 8.2 and 8.3 forbid is malformed: the stream is to be reset."""
    refusal = refusal_of(fields)

    assert isinstance(refusal, Malformed)
    assert (refusal.status, refusal.fault) == (400, "malformed head")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (fields_of("GET", "/%"), 400),
        (fields_of("GET", "/%ff"), 400),
        (fields_of("G(T"), 400),
        (fields_of("GET", "/", (b"a", b"\x0b")), 400),
        (fields_of("GET", "/", (b"expect", b"more")), 417),
        ([METHOD, SCHEME, PATH, (b"host", b"a b")], 400),
        ([(b":method", b"CONNECT"), AUTHORITY], 501),
        ([(b":method", b"connect"), *GET[1:]], 501),
    ],
)
def test_not_in_order(fields: list[Field], status: int) -> None:
    """What any version of HTTP would be refused for is refused, and the stream needs no reset."""
    refusal = refusal_of(fields)

    assert not isinstance(refusal, Malformed)
    assert refusal.status == status


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=6))
def test_any_fields(fields: list[Field]) -> None:
    """Any fields behind those of a request are read, with names in lower case, or refused with a sentence."""
    try:
        head = read_request([*GET, *fields])
    except BadRequest as exc:
        assert exc.sentence.endswith(".")
    else:
        assert {name for name, _ in head.fields} <= {b"host", *(name for name, _ in fields)}


@pytest.mark.parametrize(
    ("values", "length"), [([], None), ([b"0"], 0), ([b"12"], 12), ([b"12", b"12"], 12), ([b"007"], 7)]
)
def test_content_length(values: list[bytes], length: int | None) -> None:
    """The length of a body is what the head says; saying it twice is no contradiction."""
    assert content_length([(b"content-length", value) for value in values]) == length


@pytest.mark.parametrize("values", [[b"1", b"2"], [b""], [b"-1"], [b"+1"], [b"1,1"], [b"0x1"], [b"9" * 19]])
def test_bad_content_length(values: list[bytes]) -> None:
    """Anything but one number is malformed."""
    with pytest.raises(Malformed):
        content_length([(b"content-length", value) for value in values])


def test_trailers() -> None:
    """Trailers are ordinary fields; pseudo-headers and fields about the connection are none (RFC 9113, 8.1)."""
    check_trailers([(b"x-checksum", b"abc")])

    for wrong in (METHOD, (b":status", b"200"), (b"X", b"y"), (b"connection", b"close")):
        with pytest.raises(Malformed):
            check_trailers([wrong])


@pytest.mark.parametrize(
    ("fields", "status", "fault"),
    [
        (fields_of("GET", "/" + 99 * "x"), 414, "URL too long"),
        (fields_of("GET", "/", *[(b"a", b"b")] * 4), 431, "too many headers"),
        (fields_of("GET", "/", (b"a", bytes(300))), 431, "headers too large"),
    ],
)
def test_limits(fields: list[Field], status: int, fault: str) -> None:
    """A head over a limit is refused as HTTP/1's is."""
    options = ServerOptions(max_url_size=99, max_headers=3, max_header_size=500)
    check_size(fields_of("GET", "/" + 98 * "x", *[(b"a", b"b")] * 3), options)

    with pytest.raises(BadRequest) as caught:
        check_size(fields, options)

    assert (caught.value.status, caught.value.fault) == (status, fault)


def test_request_line() -> None:
    """The access log shows method and path, or dashes where there are none."""
    assert request_line(fields_of("GET", "/a?b")) == b"GET /a?b HTTP/2"
    assert request_line([(b"x", b"y")]) == b"- - HTTP/2"


def test_response() -> None:
    """A response's names are lowered, fields about the connection left out, and cookies kept out of any table."""
    fields = [(b"Content-Type", b"text/html "), (b"Transfer-Encoding", b"chunked"), (b"Set-Cookie", b"a=b")]

    encoded = response_fields(200, fields)

    assert encoded == [(b":status", b"200"), (b"content-type", b"text/html"), (b"set-cookie", b"a=b")]
    assert [isinstance(field, NeverIndexedHeaderTuple) for field in encoded] == [False, False, True]
