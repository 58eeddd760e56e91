"""The way of a WebSocket's messages to the workers: one at a time, in order, through full channels, to one worker."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from support.connections import CLOSE, NODE, TEXT, Client, Site, close_frame, frame, split_frames, upgrade
from zmqlayer.ports import Loss

SiteMaker = Callable[..., Site]

EVENTS = f"specific.{NODE}!7"


def say(client: Client, *texts: str) -> None:
    """Let *client* send messages, all at once."""
    client.send(b"".join(frame(TEXT, text.encode()) for text in texts))


def heard(site: Site) -> list[str]:
    """Return what the workers heard since the last call: texts, and the name of any other message."""
    return [message.get("text") or message.get("type") or channel for channel, message in site.layer.take()]


def code_of(client: Client) -> int:
    """Return the code of the close frame, the last that the server sent."""
    opcode, payload = split_frames(client.read())[-1]
    assert opcode == CLOSE
    return int.from_bytes(payload[:2], "big")


def test_the_next_message_waits_for_the_consumer_of_the_last(site: Site) -> None:
    """Whatever the client has sent already; reading stops meanwhile."""
    client = site.open_websocket(consumed=0)

    say(client, "1", "2", "3")
    assert heard(site) == ["1"]
    assert client.transport.producerState == "paused"
    site.layer.reply.push({"consumed": 1})
    assert heard(site) == ["2"]
    site.layer.reply.push({"text": "answer", "consumed": 2})
    assert heard(site) == ["3"]
    assert client.transport.producerState == "producing"
    assert split_frames(client.read()) == [(TEXT, b"answer")]


def test_an_accept_before_the_end_of_its_consumer(site: Site) -> None:
    """Sent with ``immediately``: the socket is open, and its first message waits."""
    client = site.open_websocket(consumed=-1)

    say(client, "1")
    assert heard(site) == []
    site.layer.reply.push({"consumed": 0})
    assert heard(site) == ["1"]


def test_consumers_that_do_not_tell_get_messages_as_they_come(site: Site) -> None:
    """As in 2016."""
    client = site.open_websocket()

    say(client, "1", "2", "3")

    assert heard(site) == ["1", "2", "3"]


def test_parallel_is_a_choice(make_site: SiteMaker) -> None:
    """For those who want it so."""
    site = make_site(websocket_parallel=True)
    client = site.open_websocket(consumed=0)

    say(client, "1", "2", "3")

    assert heard(site) == ["1", "2", "3"]


def test_messages_say_that_those_before_are_consumed(site: Site) -> None:
    """So workers that keep messages in order themselves, as was needed in 2016, have nothing to do."""
    client = site.open_websocket(consumed=0)
    told: list[object] = []

    say(client, "1", "2")
    told += [message.get("consumed") for _, message in site.layer.take()]
    site.layer.reply.push({"consumed": 1})
    told += [message.get("consumed") for _, message in site.layer.take()]
    client.leave()
    site.layer.reply.push({"consumed": 2})
    told += [message.get("consumed") for _, message in site.layer.take()]

    assert told == [0, 1, 2]


@pytest.mark.parametrize(("is_parallel", "accept"), [(True, {"consumed": 0}), (False, {})])
def test_messages_that_do_not_wait_say_nothing(make_site: SiteMaker, is_parallel: bool, accept: dict[str, int]) -> None:
    """Nobody knows which of those before are consumed."""
    site = make_site(websocket_parallel=is_parallel)
    client = site.open_websocket(**accept)

    say(client, "1", "2")

    assert [message.get("consumed") for _, message in site.layer.take()] == [None, None]


def test_a_lost_message_does_not_hold_up_the_next(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Its worker is gone; at most once means that it is not sent again."""
    client = site.open_websocket(consumed=0)
    say(client, "1", "2")
    assert heard(site) == ["1"]

    with caplog.at_level(logging.DEBUG, "zmqlayer"):
        site.layer.lose("websocket.receive")

    assert heard(site) == ["2"]
    assert "a message of the WebSocket at /chat/ was lost: the node that took it is gone" in caplog.text


def test_a_consumer_that_never_tells_is_not_waited_for_for_ever(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Two minutes."""
    client = site.open_websocket(consumed=0)
    say(client, "1", "2")
    assert heard(site) == ["1"]

    site.clock.advance(120.0)

    assert heard(site) == ["2"]
    assert "no worker told within 120 s" in caplog.text


def test_a_disconnect_waits_for_its_turn(site: Site) -> None:
    """No consumer hears that the client is gone while another one still reads what it said."""
    client = site.open_websocket(consumed=0)
    say(client, "1", "2")

    client.leave()
    assert heard(site) == ["1"]
    site.layer.reply.push({"consumed": 1})
    assert heard(site) == ["2"]
    site.layer.reply.push({"consumed": 2})
    assert heard(site) == ["websocket.disconnect"]
    assert site.layer.reply.is_closed


def test_what_waits_when_the_worker_closes_is_dropped(site: Site) -> None:
    """The worker has said goodbye."""
    client = site.open_websocket(consumed=0)
    say(client, "1", "2")
    assert heard(site) == ["1"]

    site.layer.reply.push({"close": True, "consumed": 1})
    client.send(close_frame(1000))
    client.leave()

    assert heard(site) == ["websocket.disconnect"]


def test_a_full_channel_holds_the_client_up(site: Site) -> None:
    """Until there is room; nothing is lost."""
    client = site.open_websocket()
    site.layer.fill("websocket.receive")

    say(client, "1", "2")
    assert heard(site) == []
    assert client.transport.producerState == "paused"
    site.layer.make_room("websocket.receive")
    assert heard(site) == ["1", "2"]
    assert client.transport.producerState == "producing"


def test_a_disconnect_waits_for_room(site: Site) -> None:
    """A thousand sockets may go at once, as when a proxy falls over: the workers hear of each in its turn."""
    client = site.open_websocket(consumed=0)
    site.layer.fill("websocket.disconnect")

    client.leave()
    assert heard(site) == []
    site.layer.make_room("websocket.disconnect")

    assert heard(site) == ["websocket.disconnect"]
    assert site.layer.reply.is_closed


def test_a_disconnect_does_not_wait_for_ever(site: Site) -> None:
    """What is kept for a socket that is gone ends, also where no worker reads."""
    client = site.open_websocket(consumed=0)
    site.layer.fill("websocket.disconnect")

    client.leave()
    site.clock.advance(121)

    assert heard(site) == []
    assert not site.layer.wishes[0].is_open
    assert site.layer.reply.is_closed


def test_a_server_that_stops_does_not_wait_with_a_disconnect(site: Site) -> None:
    """It tells who can be told."""
    client = site.open_websocket(consumed=0)
    site.layer.fill("websocket.disconnect")

    client.connection.stop()
    client.leave()

    assert not site.layer.wishes
    assert site.layer.reply.is_closed


def test_no_wish_is_left_of_a_socket_that_is_gone(site: Site) -> None:
    """With room the rest is told, and then nothing is kept."""
    client = site.open_websocket()
    site.layer.fill("websocket.receive")
    say(client, "1")

    client.leave()
    site.layer.make_room("websocket.receive")

    assert heard(site) == ["1", "websocket.disconnect"]
    assert not site.layer.wishes


def test_an_invitation_moves_the_rest_to_one_worker(site: Site) -> None:
    """Messages then flow as they come: one reader hears them in order. Each says what it is."""
    client = site.open_websocket(events_channel=EVENTS, consumed=0)

    say(client, "1", "2")
    client.leave()

    sent = site.layer.take()
    assert [channel for channel, _ in sent] == [EVENTS] * 3
    assert [message["type"] for _, message in sent] == ["websocket.receive"] * 2 + ["websocket.disconnect"]
    assert not any(call.is_open for call in site.layer.followed)


def test_a_worker_that_invited_and_goes_takes_the_websocket_with_it(site: Site) -> None:
    """1012, so that the client connects again."""
    client = site.open_websocket(events_channel=EVENTS)

    site.layer.end(EVENTS)

    assert code_of(client) == 1012
    client.leave()
    assert heard(site) == []


def test_a_worker_that_invited_and_goes_before_it_accepts(site: Site) -> None:
    """503, as if it had not answered at all."""
    client = site.request(upgrade())
    site.layer.take()
    site.layer.reply.push({"events_channel": EVENTS})
    assert client.read() == b""

    site.layer.end(EVENTS)

    assert client.read().startswith(b"HTTP/1.1 503 ")
    client.leave()
    assert heard(site) == []


def test_a_slow_worker_holds_up_its_own_client(site: Site) -> None:
    """A disconnect waits too: the worker keeps something for each connection."""
    client = site.open_websocket(events_channel=EVENTS)
    site.layer.fill(EVENTS)

    say(client, "1")
    client.leave()
    assert heard(site) == []
    site.layer.make_room(EVENTS)

    assert [message["type"] for _, message in site.layer.take()] == ["websocket.receive", "websocket.disconnect"]


def test_an_invitation_frees_what_waited(site: Site) -> None:
    """For its turn, or for room in the named channel."""
    client = site.open_websocket(consumed=0)
    say(client, "1", "2")
    assert heard(site) == ["1"]

    site.layer.reply.push({"events_channel": EVENTS})

    assert [(channel, message["text"]) for channel, message in site.layer.take()] == [(EVENTS, "2")]


def test_a_later_invitation_counts(site: Site) -> None:
    """The worker before may go."""
    client = site.open_websocket(events_channel=EVENTS)
    site.layer.reply.push({"events_channel": f"{EVENTS}8"})

    site.layer.end(EVENTS)
    say(client, "1")

    assert [channel for channel, _ in site.layer.take()] == [f"{EVENTS}8"]


def test_a_lost_connect_after_the_accept_frees_the_first_message(site: Site) -> None:
    """The worker accepted at once, and went before its consumer had ended."""
    client = site.open_websocket(consumed=-1)
    say(client, "1")

    site.layer.lose("websocket.connect", Loss.READER_GONE)

    assert heard(site) == ["1"]
