"""Requests whose bodies are too long for one message: raw bytes in, pieces out, and what can go wrong between."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.connections import NODE, Client, Site, get, post, split_response
from zmqlayer.exceptions import LayerClosed
from zmqlayer.interface.options import ServerOptions
from zmqlayer.messages import Message

SiteMaker = Callable[..., Site]

BODY = f"http.request.body?{NODE}1"


@pytest.fixture
def small(make_site: SiteMaker) -> Site:
    """A site with messages of up to ten bytes of a body, and pieces of four."""
    return make_site(body_inline_size=10, body_chunk_size=4)


def upload(site: Site, arrived: bytes, length: int = 30) -> Client:
    """Return a client that has sent the beginning of a body."""
    return site.request(post(bytes(length), "/up")[:-length] + arrived)


def request_of(site: Site) -> Message:
    """Take what was sent, which is a request, and return it."""
    return site.layer.take_one("http.request")


def pieces_of(site: Site) -> list[tuple[bytes, bool, int]]:
    """Take what was sent, which are pieces of a body."""
    taken = site.layer.take()
    assert {channel for channel, _ in taken} <= {BODY}
    return [(message["content"], message["more_content"], message["order"]) for _, message in taken]


def test_a_body_that_fits_waits_for_its_end(small: Site) -> None:
    """A slow client costs no worker."""
    client = upload(small, b"12345", 10)
    assert small.layer.take() == []

    client.send(b"67890")

    request = request_of(small)
    assert request["body"] == b"1234567890"
    assert "body_channel" not in request


def test_a_longer_one_goes_on_in_pieces(small: Site) -> None:
    """The message has the beginning and says where the rest is."""
    client = upload(small, b"0123456789a", 15)
    (_, request), (_, piece) = small.layer.take()
    assert (request["body"], request["body_channel"]) == (b"0123456789", BODY)
    assert (piece["content"], piece["more_content"], piece["order"]) == (b"a", True, 0)

    client.send(b"bcde")

    assert pieces_of(small) == [(b"bcde", True, 1), (b"", False, 2)]


@given(cuts=st.lists(st.integers(1, 9), min_size=1, max_size=20), is_chunked=st.booleans())
def test_bodies_arrive_whole(cuts: list[int], is_chunked: bool) -> None:
    """However they are cut, and framed."""
    site = Site(ServerOptions(body_inline_size=10, body_chunk_size=4))
    parts = [bytes([65 + number]) * size for number, size in enumerate(cuts)]
    body = b"".join(parts)
    framing = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % len(body)
    client = site.request(get("/", framing, method="PUT"))

    for part in parts:
        client.send(b"%x\r\n%s\r\n" % (len(part), part) if is_chunked else part)
    if is_chunked:
        client.send(b"0\r\n\r\n")

    (_, request), *rest = site.layer.take()
    assert request["body"] + b"".join(message["content"] for _, message in rest) == body
    assert all(len(message["content"]) <= 4 for _, message in rest)
    assert not rest or [message["more_content"] for _, message in rest] == [True] * (len(rest) - 1) + [False]
    site.close()


def test_a_slow_view_holds_back_the_client(small: Site) -> None:
    """A full channel pauses the connection; what was read already is kept, and goes first."""
    client = upload(small, b"x" * 11)
    small.layer.take()
    small.layer.fill(BODY)

    client.send(b"abcdef")
    assert client.transport.producerState == "paused"
    client.send(b"ghi")
    assert small.layer.take() == []
    small.layer.make_room(BODY)

    assert client.transport.producerState == "producing"
    assert b"".join(content for content, _, _ in pieces_of(small)) == b"abcdefghi"


def test_the_next_piece_may_be_one_too_many(small: Site) -> None:
    """Then the client waits on."""
    client = upload(small, b"x" * 11)
    small.layer.fill(BODY)
    client.send(b"abcdef")

    waiting, small.layer.wishes = small.layer.wishes, []
    waiting[0].make()

    assert len(small.layer.wishes) == 1
    assert client.transport.producerState == "paused"


def test_a_view_that_reads_has_all_the_time(make_site: SiteMaker) -> None:
    """The timeout begins anew with each piece that arrives, and each that the worker takes."""
    site = make_site(body_inline_size=10, body_chunk_size=4, http_timeout_s=3.0, body_timeout_s=100.0, body_min_rate=0)
    client = upload(site, b"x" * 11)
    for _ in range(3):
        site.clock.advance(2.9)
        client.send(b"x" * 4)
    site.layer.fill(BODY)
    client.send(b"x" * 7)
    site.clock.advance(2.9)
    site.layer.make_room(BODY)
    site.clock.advance(2.9)
    assert client.read() == b""

    site.clock.advance(0.1)

    assert split_response(client.read())[0] == 503


def test_an_early_answer(small: Site) -> None:
    """The view need not read the body; the rest of it is thrown away, and the worker not told."""
    client = upload(small, b"x" * 12)
    small.layer.take()

    small.layer.reply.push({"status": 413, "content": b"no"})
    client.send(b"y" * 18)

    assert split_response(client.read())[0] == 413
    assert small.layer.dropped == [BODY]
    assert small.layer.take() == []


def test_an_early_answer_to_a_client_that_is_held_back(small: Site) -> None:
    """It is read on, so that it can read the answer."""
    client = upload(small, b"x" * 11)
    small.layer.fill(BODY)
    client.send(b"y" * 5)

    small.layer.reply.push({"status": 200})

    assert client.transport.producerState == "producing"
    small.layer.make_room(BODY)


def test_a_response_may_begin_before_the_body_ends(small: Site) -> None:
    """Both go on."""
    client = upload(small, b"x" * 12, 16)
    small.layer.take()
    small.layer.reply.push({"status": 200, "content": b"a", "more_content": True})

    client.send(b"1234")

    assert pieces_of(small) == [(b"1234", True, 1), (b"", False, 2)]
    small.layer.reply.push({"content": b"b"})
    assert split_response(client.read())[2] == b"ab"


def test_a_client_that_leaves_midway(small: Site) -> None:
    """What nobody has read is dropped, and the reader hears that nothing follows."""
    client = upload(small, b"x" * 12)
    small.layer.take()
    small.layer.unread.add("http.disconnect")

    client.leave()

    assert small.layer.dropped == [BODY]
    assert small.layer.take() == [(BODY, {"closed": True})]


def test_a_client_that_leaves_while_it_is_held_back(small: Site) -> None:
    """Room that comes later is nobody's."""
    client = upload(small, b"x" * 11)
    small.layer.fill(BODY)
    client.send(b"y" * 5)
    small.layer.errors.clear()
    small.layer.take()

    client.leave()
    small.layer.make_room(BODY)

    assert [channel for channel, _ in small.layer.take()] == [BODY, "http.disconnect"]


def test_a_body_that_breaks_its_framing(small: Site) -> None:
    """The worker hears that the rest does not come."""
    client = small.request(get("/", b"Transfer-Encoding: chunked", method="PUT"))
    client.send(b"c\r\n0123456789ab\r\n")
    small.layer.take()

    client.send(b"no chunk\r\n")

    assert split_response(client.read())[0] == 400
    assert (BODY, {"closed": True}) in small.layer.take()


def test_a_body_over_the_limit(make_site: SiteMaker) -> None:
    """Also where its length was not announced, and a worker has the beginning."""
    site = make_site(body_inline_size=10, max_body_size=20)
    client = site.request(get("/", b"Transfer-Encoding: chunked", method="PUT"))
    client.send(b"b\r\n0123456789a\r\n")
    site.layer.take()

    client.send(b"b\r\n0123456789a\r\n")

    assert split_response(client.read())[0] == 413
    assert site.layer.take() == [(BODY, {"closed": True})]
    assert site.faults.counts == {"long body": 1}


def test_a_body_over_the_limit_when_the_response_has_begun(make_site: SiteMaker) -> None:
    """It is cut off."""
    site = make_site(body_inline_size=10, max_body_size=20)
    client = site.request(get("/", b"Transfer-Encoding: chunked", method="PUT") + b"b\r\n0123456789a\r\n")
    site.layer.reply.push({"status": 200, "more_content": True})

    client.send(b"b\r\n0123456789a\r\n")

    assert client.transport.is_aborted


def test_a_layer_that_closes_under_a_body(small: Site) -> None:
    """The server is about to end."""
    client = upload(small, b"x" * 11)
    small.layer.errors[BODY] = LayerClosed()

    client.send(b"y")

    assert split_response(client.read())[0] == 503


def test_expectations_are_met_at_once(small: Site) -> None:
    """The client is invited to send."""
    client = small.request(get("/", b"Content-Length: 3", b"Expect: 100-continue", method="PUT"))

    assert client.read() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc")
    assert request_of(small)["body"] == b"abc"
