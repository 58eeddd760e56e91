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


def test_pings_of_a_slow_client_do_not_pile_up(site: Site) -> None:
    """Only the last one must be answered (RFC 6455, 5.5.3): a client that reads nothing fills no memory."""
    client = site.open_websocket()
    client.set_slow()

    for number in range(1000):
        client.send(frame(PING, b"%d" % number))
    assert client.read() == b""
    client.set_fast()

    assert split_frames(client.read()) == [(PONG, b"999")]


def test_a_client_that_takes_nothing_is_cut_off(make_site: SiteMaker) -> None:
    """Although it still talks."""
    site = make_site(write_timeout_s=60.0, ping_interval_s=0.0)
    client = site.open_websocket()

    client.set_slow()
    site.clock.pump([30.0, 29.9])
    client.send(frame(PONG))
    assert not client.transport.is_aborted
    site.clock.advance(0.2)

    assert client.transport.is_aborted
    assert site.faults.counts == {"a WebSocket client that takes nothing of what is sent to it": 1}


def test_a_client_that_reads_slowly_is_borne(make_site: SiteMaker) -> None:
    """As long as it takes something; and while a close frame waits behind all that as well."""
    site = make_site(ping_interval_s=0)
    client = site.open_websocket()
    client.transport.dataBuffer = bytes(2_000)
    client.set_slow()

    def read_slowly() -> None:
        for _ in range(500):
            client.transport.dataBuffer = client.transport.dataBuffer[1:]
            site.clock.advance(1)

    read_slowly()
    client.send(close_frame(1000))
    read_slowly()

    assert client.is_closed_by_server
    assert not client.transport.is_aborted


def test_a_client_that_is_not_heard_is_not_given_up(make_site: SiteMaker) -> None:
    """Its pong waits behind a message that waits for its turn; then it has its time again."""
    site = make_site(ping_interval_s=20.0, ping_timeout_s=30.0)
    client = site.open_websocket(consumed=0)
    client.send(frame(TEXT, b"1") + frame(TEXT, b"2"))

    site.clock.pump([10.0] * 10)
    assert not client.is_closed_by_server
    site.layer.reply.push({"consumed": 1})
    site.clock.pump([19.0, 2.0])
    assert split_frames(client.read()) == [(PING, b"")]
    site.clock.pump([29.0, 2.0])
    assert client.transport.is_aborted


def test_a_client_that_talks_is_not_pinged(make_site: SiteMaker) -> None:
    """It is there."""
    site = make_site(ping_interval_s=20.0)
    client = site.open_websocket()

    for _ in range(10):
        site.clock.advance(15.0)
        client.send(frame(PONG))

    assert client.read() == b""


def test_pings_without_a_deadline(make_site: SiteMaker) -> None:
    """They keep a path open, and nothing else."""
    site = make_site(ping_interval_s=20.0, ping_timeout_s=0.0)
    client = site.open_websocket()

    site.clock.pump([20.0] * 5)

    assert split_frames(client.read()) == [(PING, b"")] * 5


def test_a_close_waits_for_the_answer_to_what_was_said_before(site: Site) -> None:
    """The client hears all that it asked for; then the close is answered."""
    client = site.open_websocket(consumed=0)

    client.send(frame(TEXT, b"1") + close_frame(1000))
    assert client.read() == b""
    site.layer.reply.push({"text": "answer", "consumed": 1})

    assert split_frames(client.read()) == [(TEXT, b"answer"), (CLOSE, struct.pack("!H", 1000))]
    assert client.is_closed_by_server


def test_the_reason_of_a_close_is_passed_on(site: Site) -> None:
    """As the client said it. Where nobody closed in order, there is none."""
    leaving, cut = site.open_websocket(), site.open_websocket()

    leaving.send(frame(CLOSE, struct.pack("!H", 4005) + "tschüß".encode()))
    for client in (leaving, cut):
        client.leave()

    told = [message for _, message in site.layer.take()]
    assert [(message["code"], message.get("reason")) for message in told] == [(4005, "tschüß"), (1006, None)]


def test_a_mistake_waits_likewise(site: Site) -> None:
    """It spoils nothing that came before."""
    client = site.open_websocket(consumed=0)

    client.send(frame(TEXT, b"1") + frame(3) + frame(TEXT, b"2"))
    site.layer.reply.push({"text": "answer", "consumed": 1})

    frames = split_frames(client.read())
    assert [opcode for opcode, _ in frames] == [TEXT, CLOSE]
    assert [message["text"] for _, message in site.layer.take()] == ["1"]


def test_a_message_larger_than_what_clients_may_send_can_be_sent(make_site: SiteMaker) -> None:
    """The limit is for one direction."""
    site = make_site(websocket_max_message_size=10)
    client = site.open_websocket()

    site.layer.reply.push({"text": "*" * 1000})

    assert split_frames(client.read()) == [(TEXT, b"*" * 1000)]


def test_a_server_does_not_wait_for_ever_to_say_goodbye(make_site: SiteMaker) -> None:
    """A client that does not take the close frame is cut off."""
    site = make_site(write_timeout_s=60.0)
    client = site.open_websocket()
    client.transport.dataBuffer = bytes(100)
    client.send(close_frame(1000))
    assert not client.transport.is_aborted

    site.clock.pump([1.0] * 60)

    assert client.transport.is_aborted


def test_many_small_frames_in_one_read(site: Site) -> None:
    """Each is passed on; Autobahn is given them little by little, since it copies its input for each."""
    client = site.open_websocket()

    client.send(frame(TEXT, b"x") * 9_000)

    assert len(site.layer.take()) == 9_000


def test_a_text_with_a_mistake_is_never_passed_on(site: Site) -> None:
    """Also where the close must wait for the answer to what came before."""
    client = site.open_websocket(consumed=0)

    client.send(frame(TEXT, b"1") + frame(TEXT, b"\xff"))
    site.layer.reply.push({"consumed": 1})

    assert failed_with(client) == 1007
    client.leave()
    assert [message.get("text") for _, message in site.layer.take()] == ["1", None]


def test_a_slow_client_that_shuts_down_its_side_is_sent_nothing_new(site: Site) -> None:
    """What was written before is still taken; then the socket ends, however much more workers have to say."""
    client = site.open_websocket()
    client.set_slow()

    client.end()

    assert client.transport.producer is None  # which a transport asks for more, instead of closing
    assert client.is_closed_by_server
    site.layer.reply.push({"text": "too late"})
    assert client.read() == b""
