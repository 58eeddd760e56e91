"""One HTTP exchange: what the worker says, what the client reads, and everything that can go wrong between."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.connections import Client, Site, get, post, split_response
from zmqlayer.exceptions import LayerClosed, MessageTooLarge

SiteMaker = Callable[..., Site]

KEYS = st.sampled_from(["status", "headers", "content", "more_content", "closed"])
FIELDS = st.lists(st.lists(st.binary(max_size=3), max_size=3), max_size=3)
VALUES = st.none() | st.booleans() | st.integers(100, 700) | st.binary(max_size=9) | FIELDS


def ask(site: Site, data: bytes = b"") -> Client:
    """Return a client whose request waits for a worker."""
    client = site.request(data or get())
    site.layer.take_one("http.request")
    return client


def test_a_response_in_one_message(site: Site) -> None:
    """Status, headers in order with their spelling, content."""
    client = ask(site)

    headers = [[b"X-B", b"1"], [b"content-length", b"2"], [b"Set-Cookie", b"a"], [b"x-c", b""], [b"Set-Cookie", b"b"]]
    site.layer.reply.push({"status": 404, "headers": headers, "content": b"no"})

    status, fields, content = split_response(client.read())
    assert (status, content) == (404, b"no")
    assert fields[:5] == [(name, value) for name, value in headers]
    assert fields[5:] == [(b"Date", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"Server", b"zmqlayer")]


@given(pieces=st.lists(st.binary(max_size=200), min_size=1, max_size=10))
def test_a_streamed_response_arrives_piece_by_piece(pieces: list[bytes]) -> None:
    """Each piece is written when it comes; empty ones do not end the response."""
    site = Site()
    client = ask(site)
    read = b""

    for number, piece in enumerate(pieces):
        first: dict[str, Any] = {"status": 200} if number == 0 else {}
        site.layer.reply.push({**first, "content": piece, "more_content": number < len(pieces) - 1})
        assert piece in client.transport.value()
        read += client.read()

    assert split_response(read)[2] == b"".join(pieces)
    site.close()


def test_a_worker_may_bring_its_own_date(site: Site) -> None:
    """A response has one."""
    client = ask(site)

    site.layer.reply.push({"status": 200, "headers": [[b"date", b"then"]]})

    assert [value for name, value in split_response(client.read())[1] if name.lower() == b"date"] == [b"then"]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_some_responses_have_no_content(site: Site, method: str, status: int) -> None:
    """What the worker sends all the same is dropped, whatever its Content-Length; the connection stays usable."""
    client = ask(site, get(method=method))

    headers = [[b"content-length", b"5"]]
    site.layer.reply.push({"status": status, "headers": headers, "content": b"abc", "more_content": True}, {})

    read_status, fields, content = split_response(client.read())
    assert (read_status, content) == (status, b"")
    assert b"Transfer-Encoding" not in dict(fields)
    assert not client.is_closed_by_server


def test_http_1_0_ends_a_response_by_closing(site: Site) -> None:
    """There are no chunks, and no second request."""
    client = ask(site, get(version="1.0"))

    site.layer.reply.push({"status": 200, "content": b"abc", "more_content": True}, {"content": b"def"})

    data = client.read()
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert data.endswith(b"\r\n\r\nabcdef")
    assert client.is_closed_by_server


def test_a_connection_is_kept_for_the_next_request(site: Site) -> None:
    """Each request has its own reply channel."""
    client = ask(site)
    site.layer.reply.push({"status": 200})
    client.read()

    client.send(post(b"second", "/2"))

    assert site.layer.take_one("http.request")["body"] == b"second"
    site.layer.reply.push({"status": 201})
    assert split_response(client.read())[0] == 201
    assert len({reply.name for reply in site.layer.replies}) == 2


def test_a_client_may_ask_to_close(site: Site) -> None:
    """The response says so, and the connection ends with it."""
    client = ask(site, get("/", b"Connection: close"))

    site.layer.reply.push({"status": 200})

    assert (b"connection", b"close") in [(name.lower(), value) for name, value in split_response(client.read())[1]]
    assert client.is_closed_by_server


def test_pipelined_requests_are_answered_one_after_the_other(site: Site) -> None:
    """The second waits until the first response is complete."""
    client = site.request(get("/1") + get("/2") + get("/3"))

    for path in ("/1", "/2", "/3"):
        assert site.layer.take_one("http.request")["path"] == path
        site.layer.reply.push({"status": 200, "content": path.encode()})
        assert split_response(client.read())[2] == path.encode()


def test_many_refused_requests_in_one_segment_need_no_deep_stack(site: Site) -> None:
    """A full channel answers each at once, inside the parser's own loop."""
    site.layer.fill("http.request")

    client = site.request(get() * 2000)

    assert client.read().count(b"HTTP/1.1 503 ") == 2000


def test_a_full_channel_is_a_503(site: Site) -> None:
    """With Retry-After; the connection can be used again."""
    site.layer.fill("http.request")

    client = site.request(get())

    status, fields, content = split_response(client.read())
    assert (status, b"waiting for a worker" in content) == (503, True)
    assert (b"Retry-After", b"1") in fields
    assert not client.is_closed_by_server


def test_a_request_over_the_layers_limit_is_a_413(site: Site) -> None:
    """Body and headers together can be what does not fit."""
    site.layer.errors["http.request"] = MessageTooLarge("http.request", 1_048_700, 1_048_576)

    client = site.request(post(b"body"))

    status, _, content = split_response(client.read())
    assert (status, b"1,048,576 bytes" in content) == (413, True)


def test_a_closed_layer_is_a_503(site: Site) -> None:
    """The server is about to stop."""
    site.layer.errors["http.request"] = LayerClosed()

    assert split_response(site.request(get()).read())[0] == 503


def test_no_answer_in_time_is_a_503(make_site: SiteMaker) -> None:
    """What a worker says afterwards is dropped."""
    site = make_site(http_timeout_s=3.0)
    client = ask(site)

    site.clock.advance(2.9)
    assert client.read() == b""
    site.clock.advance(0.1)

    status, _, content = split_response(client.read())
    assert (status, b"within 3 seconds" in content) == (503, True)
    site.layer.reply.push({"status": 200})
    assert client.read() == b""


def test_a_response_that_has_begun_has_no_timeout(make_site: SiteMaker) -> None:
    """Nor does its age harm any other request."""
    site = make_site(http_timeout_s=3.0)
    client = ask(site)
    site.layer.reply.push({"status": 200, "more_content": True})
    streaming = site.layer.reply
    other = ask(site, get("/other"))
    client.read()

    site.clock.pump([1.0] * 10)

    assert split_response(other.read())[0] == 503
    streaming.push({"content": b"late"})
    assert client.read() == b"4\r\nlate\r\n0\r\n\r\n"


def test_a_client_that_leaves_while_waiting_is_reported(site: Site) -> None:
    """The reply channel is closed, so that the worker's answer is dropped."""
    client = ask(site, get("/a%20b"))

    client.leave()

    assert site.layer.reply.is_closed
    assert site.layer.take_one("http.disconnect") == {"reply_channel": site.layer.reply.name, "path": "/a b"}


def test_a_client_that_leaves_midway_is_reported(site: Site) -> None:
    """What was on its way is dropped."""
    client = ask(site)
    site.layer.reply.push({"status": 200, "content": b"a", "more_content": True})

    client.leave()

    site.layer.take_one("http.disconnect")
    site.layer.reply.push({"content": b"b"})


def test_a_client_that_leaves_afterwards_is_not(site: Site) -> None:
    """The exchange is complete."""
    client = ask(site)
    site.layer.reply.push({"status": 200})

    client.leave()

    assert site.layer.take() == []


def test_a_client_that_leaves_with_half_a_request_is_not(site: Site) -> None:
    """No worker has heard of it."""
    client = site.request(post(b"abc")[:-1])

    client.leave()

    assert site.layer.take() == []


def test_a_disconnect_that_finds_no_room_is_given_up(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It is a courtesy; only the debug log tells."""
    client = ask(site)
    site.layer.fill("http.disconnect")

    with caplog.at_level(logging.DEBUG):
        client.leave()

    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_a_slow_client_pauses_the_reply_channel(site: Site) -> None:
    """The worker feels it as ``ChannelFull``; nothing piles up here."""
    client = ask(site)
    site.layer.reply.push({"status": 200, "content": b"a", "more_content": True})

    client.set_slow()
    site.layer.reply.push({"content": b"b", "more_content": True}, {"content": b"c"})
    client.read()
    assert client.read() == b""

    client.set_fast()
    site.layer.reply.flow()
    assert client.read() == b"1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"


def test_a_client_that_is_slow_gets_no_next_answer(site: Site) -> None:
    """Pipelined requests cannot make the server pile up responses."""
    client = site.request(get("/1") + get("/2"))
    site.layer.take_one("http.request")
    client.set_slow()

    site.layer.reply.is_paused = False  # what was delivered before the pause arrives
    site.layer.reply.push({"status": 200})
    assert site.layer.take() == []

    client.set_fast()
    assert site.layer.take_one("http.request")["path"] == "/2"


def test_a_client_may_leave_while_it_is_slow(site: Site) -> None:
    """The pause dies with the connection."""
    client = ask(site)
    site.layer.reply.push({"status": 200, "more_content": True})
    client.set_slow()

    client.leave()

    assert site.layer.reply.is_closed


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({}, "'status' is missing"),
        ({"status": "200"}, "'status' is of type str"),
        ({"status": 200, "content": "text"}, "'content' is of type str"),
        ({"status": 200, "headers": [[b"a", b"b\r\nc"]]}, "'headers' holds a line end"),
        ({"status": 200, "headers": [[b"content-length", b"1"]], "content": b"ab"}, "1 bytes longer than"),
        ({"status": 200, "headers": [[b"content-length", b"3"]], "content": b"ab"}, "ends 1 bytes before"),
    ],
)
def test_a_malformed_response_is_a_500(
    site: Site, caplog: pytest.LogCaptureFixture, message: dict[str, Any], sentence: str
) -> None:
    """Nothing of it reaches the client; the log names the request and the mistake, once."""
    client = ask(site, get("/shop"))

    site.layer.reply.push(message, message)

    assert split_response(client.read())[0] == 500
    (record,) = caplog.records
    assert "GET /shop" in record.getMessage()
    assert sentence in record.getMessage()


@pytest.mark.parametrize("message", [{"content": "text"}, {"content": b"abc"}, {"content": b""}])
def test_a_response_that_turns_malformed_cuts_the_connection(
    site: Site, caplog: pytest.LogCaptureFixture, message: dict[str, Any]
) -> None:
    """The client must not take it for complete, nor its surplus for the next response."""
    client = ask(site)
    headers = [[b"content-length", b"3"]]
    site.layer.reply.push({"status": 200, "headers": headers, "content": b"a", "more_content": True})

    site.layer.reply.push(message)

    assert client.transport.is_aborted
    assert client.read().endswith(b"\r\n\r\na")
    assert len(caplog.records) == 1
    client.leave()
    assert site.layer.take() == []


def test_a_response_that_is_broken_off_cuts_the_connection(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """What came before stands; the client cannot take it for the whole."""
    client = ask(site)
    site.layer.reply.push({"status": 200, "content": b"one", "more_content": True})

    site.layer.reply.push({"content": b"", "more_content": False, "closed": True})

    assert client.transport.is_aborted
    assert client.read().endswith(b"\r\n3\r\none\r\n")
    assert [record.getMessage() for record in caplog.records] == ["the worker's response to GET / is broken off"]


def test_a_response_that_is_broken_off_before_it_began_is_a_500(site: Site) -> None:
    """Nothing was written, so there is room for a proper answer."""
    client = ask(site)

    site.layer.reply.push({"status": 200, "content": b"one", "closed": True})

    assert split_response(client.read())[0] == 500


@given(messages=st.lists(st.dictionaries(KEYS, VALUES), max_size=4))
def test_no_message_of_a_worker_breaks_the_server(messages: list[dict[str, Any]]) -> None:
    """Whatever it sends, the client gets a response or a cut, and the connection's state is cleaned up."""
    site = Site()
    client = ask(site)

    site.layer.reply.push(*messages)

    data = client.read()
    assert data == b"" or data.startswith(b"HTTP/1.1 ")
    site.close()
