"""Frames on the wire: fragments, limits, pings, mistakes."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from support.connections import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Client,
    Site,
    close_frame,
    frame,
    split_frames,
)

SiteMaker = Callable[..., Site]


def failed_with(client: Client) -> int:
    """Return the code of the one close frame that the server sent."""
    ((opcode, payload),) = split_frames(client.read())
    assert opcode == CLOSE
    return int(struct.unpack("!H", payload[:2])[0])


def test_fragments_are_put_together(site: Site) -> None:
    """Even where a character is cut in two, and a ping comes between."""
    client = site.open_websocket()

    client.send(frame(TEXT, b"h\xc3", is_final=False) + frame(PING, b"?") + frame(CONTINUATION, b"\xa4"))

    assert site.layer.take_one("websocket.receive")["text"] == "hä"
    assert split_frames(client.read()) == [(PONG, b"?")]


def test_a_frame_may_arrive_byte_by_byte(site: Site) -> None:
    """TCP segments mean nothing."""
    client = site.open_websocket()

    for byte in frame(BINARY, bytes(300)):
        client.send(bytes([byte]))

    assert site.layer.take_one("websocket.receive")["bytes"] == bytes(300)


def test_a_message_up_to_the_limit_is_passed_on(make_site: SiteMaker) -> None:
    """The limit itself is allowed."""
    site = make_site(websocket_max_message_size=1000)
    client = site.open_websocket()

    client.send(frame(BINARY, bytes(1000)))

    assert len(site.layer.take_one("websocket.receive")["bytes"]) == 1000


@pytest.mark.parametrize(
    "data",
    [
        frame(BINARY, bytes(1001)),
        frame(BINARY, bytes(1001))[:14],
        frame(BINARY, bytes(600), is_final=False) + frame(CONTINUATION, bytes(401)),
    ],
)
def test_a_message_over_the_limit_closes_the_socket(make_site: SiteMaker, data: bytes) -> None:
    """1009, as soon as the frame's head says so."""
    site = make_site(websocket_max_message_size=1000)
    client = site.open_websocket()

    client.send(data)

    assert failed_with(client) == 1009
    assert site.layer.take() == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"\xff"), 1007),
        (frame(3, b""), 1002),
        (frame(CONTINUATION, b"x"), 1002),
        (frame(PING, bytes(126)), 1002),
        (bytes([0x81, 1]) + b"x", 1002),
        (bytes([0xC1, 0x80]) + bytes(4), 1002),
        (close_frame(1005), 1002),
    ],
)
def test_a_broken_frame_closes_the_socket(site: Site, data: bytes, code: int) -> None:
    """Bad UTF-8, unknown opcodes, unmasked frames, reserved bits, close codes that nobody may send."""
    client = site.open_websocket()

    client.send(data)

    assert failed_with(client) == code
    assert site.layer.take() == []


def test_a_quiet_client_is_pinged(make_site: SiteMaker) -> None:
    """Its pong keeps it alive, again and again."""
    site = make_site(ping_interval_s=20.0, ping_timeout_s=30.0)
    client = site.open_websocket()

    for _ in range(3):
        site.clock.advance(20.0)
        ((opcode, payload),) = split_frames(client.read())
        assert opcode == PING
        client.send(frame(PONG, payload))

    assert not client.is_closed_by_server


def test_a_client_that_answers_no_ping_is_cut_off(make_site: SiteMaker) -> None:
    """The workers learn that it is gone."""
    site = make_site(ping_interval_s=20.0, ping_timeout_s=30.0)
    client = site.open_websocket()

    site.clock.pump([20.0, 29.9])
    assert not client.is_closed_by_server
    site.clock.advance(0.2)

    assert client.transport.is_aborted
    client.leave()
    assert site.layer.take_one("websocket.disconnect")["code"] == 1006


def test_no_pings_where_they_are_switched_off(make_site: SiteMaker) -> None:
    """0 is never."""
    site = make_site(ping_interval_s=0.0)
    client = site.open_websocket()

    site.clock.advance(10_000.0)

    assert client.read() == b""


def test_no_timer_is_left_of_a_closing_handshake(site: Site) -> None:
    """The client leaves before the server cuts it off."""
    client = site.open_websocket()
    site.layer.reply.push({"close": True})

    client.leave()

    assert not site.clock.getDelayedCalls()
