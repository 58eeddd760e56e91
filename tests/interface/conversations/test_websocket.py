"""One WebSocket: what becomes of the handshake, of frames, and of a worker's messages."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.connections import (
    ACCEPT,
    BINARY,
    CLOSE,
    TEXT,
    Client,
    Site,
    close_frame,
    frame,
    split_frames,
    split_response,
    upgrade,
)
from zmqlayer.exceptions import LayerClosed, MessageTooLarge
from zmqlayer.ports import Loss

SiteMaker = Callable[..., Site]


def ask(site: Site) -> Client:
    """Return a client whose handshake waits for a worker."""
    client = site.request(upgrade())
    site.layer.take_one("websocket.connect")
    return client


def closed_with(data: bytes) -> int:
    """Return the code of the close frame that ends *data*."""
    opcode, payload = split_frames(data)[-1]
    assert opcode == CLOSE
    return int(struct.unpack("!H", payload[:2])[0])


def disconnect_of(site: Site) -> tuple[int, int]:
    """Return code and order of the disconnect message, which is all that was sent."""
    message = site.layer.take_one("websocket.disconnect")
    return message["code"], message["order"]


def test_a_handshake_becomes_a_message_and_waits(site: Site) -> None:
    """All that the client sent is there to decide by."""
    client = site.request(upgrade("/room/%C3%A4?q=1", b"Cookie: a=b", b"Sec-WebSocket-Protocol: x, y"))

    message = site.layer.take_one("websocket.connect")
    assert (message["path"], message["query_string"], message["order"]) == ("/room/ä", b"q=1", 0)
    assert message["headers"][-2:] == [[b"cookie", b"a=b"], [b"sec-websocket-protocol", b"x, y"]]
    assert message["reply_channel"] == site.layer.reply.name
    assert client.read() == b""


def test_accepting_completes_the_handshake(site: Site) -> None:
    """With the key's answer of RFC 6455, and no header that gives the server away."""
    client = ask(site)

    site.layer.reply.push({"accept": True})

    status, fields, content = split_response(client.read())
    assert (status, content) == (101, b"")
    assert dict(fields)[b"Sec-WebSocket-Accept"] == ACCEPT
    assert b"Server" not in dict(fields)
    assert site.access_log[0].split('"')[1:3] == ["GET /chat/ HTTP/1.1", " 101 - "]


def test_content_accepts_by_itself(site: Site) -> None:
    """And is the first frame."""
    client = ask(site)

    site.layer.reply.push({"text": "hällo"})

    head, _, frames = client.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert split_frames(frames) == [(TEXT, "hällo".encode())]


@pytest.mark.parametrize("answer", [{"accept": False}, {"close": True}, {"close": 4000}])
def test_a_worker_may_refuse(site: Site, answer: dict[str, Any]) -> None:
    """403; the worker, who knows, is told no more."""
    client = ask(site)

    site.layer.reply.push(answer)

    assert split_response(client.read())[0] == 403
    assert client.is_closed_by_server
    client.leave()
    assert site.layer.take() == []


@pytest.mark.parametrize(("status", "word"), [(404, b"refused"), (499, b"refused"), (500, b"failed"), (503, b"again")])
def test_a_worker_may_say_why_it_refuses(site: Site, status: int, word: bytes) -> None:
    """The handshake is answered with the worker's status."""
    client = ask(site)

    site.layer.reply.push({"close": 1011, "status": status})

    answered, _, content = split_response(client.read())
    assert answered == status
    assert word in content
    client.leave()
    assert site.layer.take() == []


def test_a_status_that_refuses_nothing_is_a_mistake(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """As any malformed answer: 500, and the log says what is wrong."""
    client = ask(site)

    site.layer.reply.push({"close": True, "status": 200})

    assert split_response(client.read())[0] == 500
    assert "'status' is 200" in caplog.text


def test_an_answer_that_decides_nothing_keeps_the_handshake_waiting(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why nothing happens."""
    client = ask(site)

    site.layer.reply.push({"unknown": 1})

    assert client.read() == b""
    assert "neither accepts nor closes" in caplog.text


def test_no_answer_in_time_is_a_503(make_site: SiteMaker) -> None:
    """A worker that comes too late finds the socket gone, and a disconnect follows to tell it."""
    site = make_site(websocket_connect_timeout_s=2.0)
    client = ask(site)

    site.clock.advance(2.0)

    status, fields, content = split_response(client.read())
    assert (status, b"within 2 seconds" in content) == (503, True)
    assert (b"Retry-After", b"1") in fields
    assert site.layer.take() == []
    site.layer.reply.push({"accept": True})
    assert client.read() == b""
    assert disconnect_of(site) == (1006, 1)
    assert site.layer.reply.is_closed


def test_a_client_that_leaves_during_the_handshake_is_reported(site: Site) -> None:
    """Once the worker has answered: it may still add it to groups."""
    client = ask(site)

    client.leave()

    assert site.layer.take() == []
    site.layer.reply.push({"accept": True, "consumed": -1}, {"consumed": 0})
    assert disconnect_of(site) == (1006, 1)


@pytest.mark.parametrize("error", [None, LayerClosed()])
def test_a_connect_that_finds_no_room_is_a_503(site: Site, error: LayerClosed | None) -> None:
    """No worker has heard of it, so none is told that it ended."""
    site.layer.fill("websocket.connect")
    if error:
        site.layer.errors["websocket.connect"] = error

    client = site.request(upgrade())

    assert split_response(client.read())[0] == 503
    assert client.is_closed_by_server
    client.leave()
    assert site.layer.take() == []


def test_frames_become_messages_in_order(site: Site) -> None:
    """Text and bytes are kept apart, and every message counts on."""
    client = site.open_websocket()

    client.send(frame(TEXT, b"one") + frame(BINARY, b"\xff") + frame(TEXT))

    assert [
        (message["order"], message["text"], message["bytes"], message["path"]) for _, message in site.layer.take()
    ] == [(1, "one", None, "/chat/"), (2, None, b"\xff", "/chat/"), (3, "", None, "/chat/")]


@given(st.lists(st.text(max_size=50) | st.binary(max_size=300), max_size=5))
def test_messages_become_frames(payloads: list[str | bytes]) -> None:
    """Whatever a worker sends arrives as it was, empty messages too."""
    site = Site()
    client = site.open_websocket()

    for payload in payloads:
        site.layer.reply.push({"text" if isinstance(payload, str) else "bytes": payload})

    expected = [(TEXT, text.encode()) if isinstance(text, str) else (BINARY, text) for text in payloads]
    assert split_frames(client.read()) == expected
    site.close()


def test_both_kinds_of_content_at_once_are_ignored(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """With a warning; the socket stays open."""
    client = site.open_websocket()

    site.layer.reply.push({"text": "a", "bytes": b"b"}, {"text": "c"})

    assert split_frames(client.read()) == [(TEXT, b"c")]
    assert "has both 'text' and 'bytes'" in caplog.text


def test_a_worker_may_close(site: Site) -> None:
    """Content goes first, what comes later is dropped, and the disconnect has the code."""
    client = site.open_websocket()

    site.layer.reply.push({"text": "bye", "close": 4001}, {"text": "too late"})

    assert split_frames(client.read()) == [(TEXT, b"bye"), (CLOSE, struct.pack("!H", 4001))]
    client.send(close_frame(4001))
    client.leave()
    assert disconnect_of(site) == (4001, 1)


def test_a_client_that_does_not_answer_a_close_is_cut_off(site: Site) -> None:
    """After a second."""
    client = site.open_websocket()
    site.layer.reply.push({"close": True})

    site.clock.advance(1.0)

    assert client.transport.is_aborted
    client.leave()
    assert disconnect_of(site) == (1006, 1)


@pytest.mark.parametrize(("code", "told"), [(1000, 1000), (1001, 1001), (4999, 4999), (None, 1005)])
def test_a_client_may_close(site: Site, code: int | None, told: int) -> None:
    """Its close is answered, and the workers learn the code."""
    client = site.open_websocket()

    client.send(close_frame(code))

    assert split_frames(client.read())[-1][0] == CLOSE
    assert client.is_closed_by_server
    client.leave()
    assert disconnect_of(site) == (told, 1)


def test_a_client_that_vanishes_is_reported(site: Site) -> None:
    """1006: there was no closing handshake."""
    client = site.open_websocket()
    client.send(frame(TEXT, b"x"))
    site.layer.take()

    client.leave()

    assert disconnect_of(site) == (1006, 2)
    assert site.layer.reply.is_closed


def test_a_disconnect_that_cannot_be_sent_is_given_up(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Only the debug log tells."""
    client = site.open_websocket()
    site.layer.errors["websocket.disconnect"] = LayerClosed()

    with caplog.at_level(logging.DEBUG, "zmqlayer"):
        client.leave()

    assert "nobody is told" in caplog.text
    assert {record.levelname for record in caplog.records} == {"DEBUG"}


@pytest.mark.parametrize(
    ("error", "code"),
    [(MessageTooLarge("websocket.receive", 2000, 1000), 1009), (LayerClosed(), 1011)],
)
def test_a_frame_that_cannot_be_passed_on_closes_the_socket(
    site: Site, error: MessageTooLarge | LayerClosed, code: int
) -> None:
    """Dropping it in silence would break the order; later frames are dropped with it."""
    client = site.open_websocket()
    site.layer.errors["websocket.receive"] = error

    client.send(frame(TEXT, b"1") + frame(TEXT, b"2"))

    assert closed_with(client.read()) == code
    client.leave()
    assert disconnect_of(site) == (1006, 2)


@pytest.mark.parametrize("message", [{"text": b"x"}, {"close": 1005}])
def test_a_malformed_message_closes_the_socket(
    site: Site, caplog: pytest.LogCaptureFixture, message: dict[str, Any]
) -> None:
    """1011; the log names the mistake, once."""
    client = site.open_websocket()

    site.layer.reply.push(message, message)

    assert closed_with(client.read()) == 1011
    assert len(caplog.records) == 1


def test_a_malformed_answer_is_a_500(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """The client learns that it is not to blame."""
    client = ask(site)

    site.layer.reply.push({"accept": 1})

    assert split_response(client.read())[0] == 500
    assert "'accept' is of type int" in caplog.text


def test_the_sender_of_a_malformed_answer_hears_of_the_end(site: Site) -> None:
    """It takes the WebSocket for open."""
    ask(site)

    site.layer.reply.push({"accept": True, "headers": [[b"x a", b"b"]]})

    assert disconnect_of(site) == (1006, 1)


def test_a_slow_client_pauses_the_reply_channel(site: Site) -> None:
    """Messages wait at the mesh, where their senders feel it."""
    client = site.open_websocket()

    client.set_slow()
    site.layer.reply.push({"text": "a"}, {"text": "b"})
    assert client.read() == b""

    client.set_fast()
    site.layer.reply.flow()
    assert split_frames(client.read()) == [(TEXT, b"a"), (TEXT, b"b")]


def test_frames_after_a_close_are_not_passed_on(site: Site) -> None:
    """The worker has said goodbye."""
    client = site.open_websocket()
    site.layer.reply.push({"close": True})

    client.send(frame(TEXT, b"but"))

    assert site.layer.take() == []


def test_no_worker_at_all_is_told(make_site: SiteMaker) -> None:
    """The page of the 503 says so; nobody has to be told of the end of what nobody read."""
    site = make_site(websocket_connect_timeout_s=2.0)
    site.layer.unread.add("websocket.connect")
    client = ask(site)

    site.clock.advance(2.0)

    status, _, content = split_response(client.read())
    assert (status, b"No worker is running" in content) == (503, True)
    site.layer.lose("websocket.connect", Loss.EXPIRED)
    assert site.layer.take() == []
    assert site.layer.reply.is_closed


def test_a_worker_that_goes_before_it_answers_is_a_503(site: Site) -> None:
    """At once; another one may have been told of the connection, so it is told of its end."""
    client = ask(site)

    site.layer.lose("websocket.connect")

    assert split_response(client.read())[0] == 503
    assert disconnect_of(site) == (1006, 1)


def test_a_worker_chooses_among_the_subprotocols_offered(site: Site) -> None:
    """And adds headers to the answer."""
    client = site.request(upgrade("/", b"Sec-WebSocket-Protocol: a, b"))
    site.layer.take()

    site.layer.reply.push({"accept": True, "subprotocol": "b", "headers": [[b"Set-Cookie", b"s=1"]]})

    _, fields, _ = split_response(client.read())
    assert (b"Sec-WebSocket-Protocol", b"b") in fields
    assert (b"Set-Cookie", b"s=1") in fields


def test_a_subprotocol_that_was_not_offered_is_a_500(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """The client would have to fail the connection (RFC 6455, 4.1)."""
    client = site.request(upgrade("/", b"Sec-WebSocket-Protocol: a"))
    site.layer.take()

    site.layer.reply.push({"accept": True, "subprotocol": "b"})

    assert split_response(client.read())[0] == 500
    assert "'subprotocol' is 'b', which the client did not offer" in caplog.text


def test_the_server_chooses_where_the_worker_does_not(make_site: SiteMaker) -> None:
    """Its own preferences count."""
    site = make_site(ws_protocols=("c", "b", "a"))
    client = site.request(upgrade("/", b"Sec-WebSocket-Protocol: a, b"))
    site.layer.take()

    site.layer.reply.push({"accept": True})

    assert (b"Sec-WebSocket-Protocol", b"b") in split_response(client.read())[1]


def test_a_websocket_does_not_live_for_ever(make_site: SiteMaker) -> None:
    """1001: the client may open another one."""
    site = make_site(websocket_timeout_s=100.0, ping_interval_s=0.0)
    client = site.open_websocket()

    site.clock.advance(100.0)

    assert closed_with(client.read()) == 1001


def test_a_stop_closes_open_websockets(site: Site) -> None:
    """1001, and the workers are told at once, whatever they are doing."""
    client = site.open_websocket(consumed=0)
    client.send(frame(TEXT, b"1"))
    site.layer.take()

    site.factory.stop(10.0)
    assert closed_with(client.read()) == 1001
    client.send(close_frame(1001))
    client.leave()

    assert disconnect_of(site) == (1001, 2)


def test_a_stop_refuses_those_that_wait(site: Site) -> None:
    """503: another server may be there."""
    client = ask(site)

    site.factory.stop(10.0)

    assert split_response(client.read())[0] == 503
    assert disconnect_of(site) == (1006, 1)
