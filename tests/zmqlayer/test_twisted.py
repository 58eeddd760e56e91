"""The face for a reactor: deliveries on its thread, in order, and only while the connection wants them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from support.doubles import FakeReactor, fake_node
from support.network import STRANGER
from zmqlayer.exceptions import ChannelFull, InvalidName
from zmqlayer.names import encode_node_id
from zmqlayer.ports import Loss
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer
from zmqlayer.twisted import ReactorLayer


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture
def layer(reactor: FakeReactor) -> Iterator[ReactorLayer]:
    """A layer for a server on a node without sockets, with three messages of capacity."""
    layer = ReactorLayer(SyncLayer(NodeSlot(partial(fake_node, capacity=3))), reactor)
    yield layer
    if not layer.layer.node.is_closed:
        layer.layer.node.ask(lambda mesh, now: mesh.flush(now))
        layer.layer.close()


def test_messages_are_delivered_on_the_reactor(layer: Any, reactor: FakeReactor) -> None:
    """Sending only asks the reactor; the delivery happens in its own turn."""
    got: list[Any] = []
    channel = layer.open_channel("http.response!", got.append)
    layer.send(channel.name, {"n": 1})
    before = list(got)

    reactor.turn()

    assert (before, got) == ([], [{"n": 1}])
    assert channel.name.startswith(f"http.response.{encode_node_id(layer.layer.node_id)}!")


def test_each_connection_gets_its_own_in_order(layer: Any, reactor: FakeReactor) -> None:
    """Channels that share a prefix share a watcher, not messages."""
    got: dict[str, list[int]] = {"a": [], "b": []}
    a = layer.open_channel("x!", lambda message: got["a"].append(message["n"]))
    b = layer.open_channel("x!", lambda message: got["b"].append(message["n"]))
    for n in range(3):
        layer.send(a.name, {"n": n})
        layer.send(b.name, {"n": 10 + n})

    reactor.turn()

    assert got == {"a": [0, 1, 2], "b": [10, 11, 12]}


def test_messages_from_other_threads_arrive(layer: Any, reactor: FakeReactor) -> None:
    """Workers in threads of the same process answer like any others."""
    got: list[Any] = []
    channel = layer.open_channel("x!", got.append)
    sender = threading.Thread(target=layer.layer.send, args=(channel.name, {"n": 1}))
    sender.start()
    sender.join(5)

    reactor.turn()

    assert got == [{"n": 1}]


def test_a_paused_connection_fills_its_channel(layer: Any, reactor: FakeReactor) -> None:
    """Not taking is the backpressure: the sender hears ChannelFull, and resuming delivers what waited."""
    got: list[int] = []
    channel = layer.open_channel("x!", lambda message: got.append(message["n"]))
    channel.pause()
    for n in range(3):
        layer.send(channel.name, {"n": n})
    reactor.turn()
    with pytest.raises(ChannelFull):
        layer.send(channel.name, {"n": 3})
    paused = list(got)

    channel.resume()
    at_once = list(got)
    reactor.turn()

    assert (paused, at_once, got) == ([], [], [0, 1, 2])


def test_a_connection_that_pauses_while_it_reads_gets_no_more(layer: Any, reactor: FakeReactor) -> None:
    """A pause takes effect after the message that caused it."""
    got: list[int] = []

    def deliver(message: dict[str, int]) -> None:
        got.append(message["n"])
        channel.pause()

    channel = layer.open_channel("x!", deliver)
    for n in range(3):
        layer.send(channel.name, {"n": n})
    reactor.turn()
    first = list(got)

    channel.resume()
    channel.resume()
    reactor.turn()

    assert (first, got) == ([0], [0, 1])


def test_a_closed_channel_delivers_nothing_more(layer: Any, reactor: FakeReactor) -> None:
    """What waited is dropped and counted; closing twice, pausing and resuming do nothing."""
    got: list[Any] = []
    channel = layer.open_channel("x!", got.append)
    layer.send(channel.name, {"n": 1})

    for _ in range(2):
        channel.close()
    channel.pause()
    channel.resume()
    reactor.turn()

    assert got == []
    assert layer.layer.statistics()["dropped: channel closed"] == 1


def test_a_channel_closed_by_its_own_message_ends_there(layer: Any, reactor: FakeReactor) -> None:
    """A message may end the connection that reads it."""
    got: list[Any] = []

    def deliver(message: dict[str, int]) -> None:
        got.append(message["n"])
        channel.close()

    channel = layer.open_channel("x!", deliver)
    for n in range(3):
        layer.send(channel.name, {"n": n})

    reactor.turn()

    assert got == [0]


def test_late_messages_for_a_closed_channel_are_dropped(layer: Any, reactor: FakeReactor) -> None:
    """A worker may answer a browser that is gone; that fills nothing."""
    channel = layer.open_channel("x!", lambda message: None)
    channel.close()

    for n in range(10):
        layer.send(channel.name, {"n": n})
        reactor.turn()

    assert layer.layer.statistics()["in_flight"] == 0
    assert layer.layer.statistics()["dropped: channel closed"] == 10


def test_a_message_that_is_none_is_passed_over(layer: Any, reactor: FakeReactor) -> None:
    """The next one is delivered."""
    got: list[Any] = []
    channel = layer.open_channel("x!", got.append)
    layer.layer.node.ask(lambda mesh, now: mesh.send(channel.name, b"\xc1", now))
    layer.send(channel.name, {"n": 1})

    reactor.turn()

    assert got == [{"n": 1}]


def test_connections_may_outlive_the_layer(layer: Any, reactor: FakeReactor) -> None:
    """A server that stops closes its layer; connections that end after it end quietly."""
    channel, paused = (layer.open_channel("x!", lambda message: None) for _ in range(2))
    paused.pause()
    layer.send(channel.name, {"n": 1})
    layer.layer.close()

    paused.resume()
    reactor.turn()
    channel.close()

    assert layer.layer.node.is_closed


def test_a_bad_pattern_is_refused(layer: Any) -> None:
    """A channel is made from a pattern."""
    with pytest.raises(InvalidName):
        layer.open_channel("no pattern", lambda message: None)


def test_readers_are_known(layer: Any) -> None:
    """Whoever looked for a message of a named channel reads it; after the end of the layer nobody does."""
    before = layer.has_reader("jobs")
    layer.layer.receive(["jobs"])
    after = layer.has_reader("jobs")
    layer.layer.close()

    assert (before, after, layer.has_reader("jobs")) == (False, True, False)


def test_a_body_channel_is_dropped(layer: Any) -> None:
    """What waits in a channel with one reader can be thrown away, also after the end of the layer."""
    channel = layer.new_channel("http.request.body?")
    layer.send(channel, {"content": b"", "more_content": False})

    layer.drop(channel)
    in_flight = layer.layer.statistics()["in_flight"]
    layer.layer.close()
    layer.drop(channel)

    assert in_flight == 0
    assert channel.startswith("http.request.body?")


def fill(layer: Any, channel: str) -> None:
    """Send until the channel is full."""
    with pytest.raises(ChannelFull):
        for n in range(4):
            layer.send(channel, {"n": n})


def test_room_is_told_in_a_turn_of_its_own(layer: Any, reactor: FakeReactor) -> None:
    """Neither inside the wish, nor on the thread that made the room."""
    calls: list[str] = []
    fill(layer, "jobs")
    layer.when_room("jobs", lambda: calls.append("first"))
    reactor.turn()
    layer.layer.receive(["jobs"])
    layer.when_room("mails", lambda: calls.append("at once"))
    before = list(calls)

    reactor.turn()

    assert (before, calls) == ([], ["first", "at once"])


def test_who_asked_first_gets_the_room(layer: Any, reactor: FakeReactor) -> None:
    """The next one is called when there is room again."""
    calls: list[int] = []

    channel = layer.layer.new_channel("x!")

    def send(n: int) -> None:
        calls.append(n)
        layer.send(channel, {"n": n})

    fill(layer, channel)
    for n in (10, 11, 12):
        layer.when_room(channel, partial(send, n))
    layer.layer.receive([channel])
    reactor.turn()
    first = list(calls)
    layer.layer.receive([channel])
    reactor.turn()

    assert (first, calls) == ([10], [10, 11])


def test_two_threads_wait_on_one_node(layer: Any, reactor: FakeReactor) -> None:
    """A server and a worker in one process: each is called on its own reactor, for what it asked for itself."""
    there = FakeReactor()
    other = ReactorLayer(layer.layer, there)
    calls: list[str] = []
    for n in range(3):
        layer.send("jobs", {"n": n})
    channel = layer.open_channel("x!", lambda message: None)
    layer.when_room("jobs", lambda: calls.append("ours"))
    other.when_room("jobs", lambda: calls.append("theirs"))
    other.follow(channel.name, lambda: calls.append("gone"))

    for _ in range(2):
        layer.layer.receive(["jobs"])
    channel.close()
    reactor.turn()
    here, calls[:] = list(calls), []
    there.turn()

    assert (here, sorted(calls)) == (["ours"], ["gone", "theirs"])


def test_who_stops_hears_no_more(layer: Any, reactor: FakeReactor) -> None:
    """Its reactor is not called; the others on the node are."""
    there = FakeReactor()
    other = ReactorLayer(layer.layer, there)
    channel = layer.open_channel("x!", lambda message: None)
    calls: list[str] = []
    layer.follow(channel.name, lambda: calls.append("ours"))
    other.follow(channel.name, lambda: calls.append("theirs"))

    other.stop()
    channel.close()
    reactor.turn()

    assert calls == ["ours"]
    assert not there.getDelayedCalls()


def test_a_wish_that_is_cancelled_is_not_called(layer: Any, reactor: FakeReactor) -> None:
    """Before it was told, and after, while the call is on its way; cancelling twice changes nothing."""
    calls: list[str] = []
    fill(layer, "jobs")
    wishes = [layer.when_room("jobs", partial(calls.append, name)) for name in "abc"]
    wishes[0].cancel()
    layer.layer.receive(["jobs"])
    wishes[1].cancel()
    wishes[1].cancel()

    reactor.turn()
    wishes[2].cancel()

    assert calls == ["c"]


def test_a_call_that_fails_holds_up_nobody(layer: Any, reactor: FakeReactor, caplog: pytest.LogCaptureFixture) -> None:
    """The fault of one connection is logged; the next one is called."""
    calls: list[str] = []
    layer.when_room("jobs", lambda: 1 / 0)
    layer.when_room("jobs", lambda: calls.append("next"))

    reactor.turn()

    assert calls == ["next"]
    assert "ZeroDivisionError" in caplog.text


def test_much_room_is_given_in_several_turns(layer: Any, reactor: FakeReactor) -> None:
    """Thousands that wait for what has room again do not hold the reactor for long."""
    calls: list[int] = []
    fill(layer, "jobs")
    layer.when_room("jobs", lambda: reactor.callLater(0, calls.append, -1))
    for n in range(250):
        layer.when_room("jobs", partial(calls.append, n))
    layer.layer.receive(["jobs"])

    reactor.turn()

    assert calls == [*range(99), -1, *range(99, 250)]


def test_a_loss_is_told(layer: Any, reactor: FakeReactor) -> None:
    """What is thrown away unread, in a turn of its own; not what was forgotten, even on its way."""
    losses: list[Any] = []
    entrusted = [layer.entrust("jobs", {"n": n}, lambda loss, n=n: losses.append((n, loss))) for n in range(3)]
    entrusted[0].forget()
    layer.layer.flush()
    before = list(losses)
    entrusted[1].forget()

    reactor.turn()

    assert (before, losses) == ([], [(2, Loss.EXPIRED)])


def test_a_message_may_be_withdrawn(layer: Any, reactor: FakeReactor) -> None:
    """Nobody reads it then, and its loss is not told; after it was forgotten that changes nothing."""
    losses: list[Any] = []
    forgotten, withdrawn, _ = (layer.entrust("jobs", {"n": n}, losses.append) for n in range(3))
    forgotten.forget()

    for entrusted in (forgotten, withdrawn, withdrawn):
        entrusted.withdraw()

    received = [layer.layer.receive(["jobs"])[1] for _ in range(3)]
    assert received == [{"n": 0}, {"n": 2}, None]
    assert layer.layer.statistics()["dropped: withdrawn"] == 1
    reactor.turn()
    assert losses == []


def test_an_entrusted_message_counts_like_any(layer: Any) -> None:
    """It fills the channel, and is tallied."""
    for n in range(3):
        layer.entrust("jobs", {"n": n}, lambda loss: None)
    with pytest.raises(ChannelFull):
        layer.entrust("jobs", {"n": 3}, lambda loss: None)

    tallied = layer.layer.channel_statistics("jobs")

    assert (tallied["messages_count"], tallied["channel_full_count"]) == (3, 1)


def test_the_end_of_a_channel_is_told(layer: Any, reactor: FakeReactor) -> None:
    """At once for an owner that nobody met, in a turn of its own; a name without an owner is refused."""
    calls: list[str] = []
    channel = f"x.{encode_node_id(STRANGER)}!1"
    layer.layer.send_group("nobody", {})  # waits until the node has joined
    layer.follow(channel, lambda: calls.append("gone"))
    layer.follow(channel, lambda: calls.append("cancelled")).cancel()
    before = list(calls)

    reactor.turn()

    assert (before, calls) == ([], ["gone"])
    with pytest.raises(InvalidName):
        layer.follow("jobs", lambda: None)


def test_wishes_may_outlive_the_layer(layer: Any, reactor: FakeReactor) -> None:
    """What is asked for, cancelled or on its way after the end is quiet."""
    calls: list[str] = []
    wish = layer.when_room("jobs", lambda: calls.append("too late"))
    fill(layer, "mails")
    other = layer.when_room("mails", lambda: calls.append("never"))
    layer.layer.flush()
    layer.layer.close()

    reactor.turn()
    other.cancel()
    wish.cancel()
    layer.when_room("jobs", lambda: calls.append("never"))
    reactor.turn()

    assert calls == []


class Asker:
    """Who asks for calls, and keeps what it got for it, as connections do."""

    def __init__(self) -> None:
        self.kept: Any = None

    def hear(self, *args: object) -> None:
        """Be called."""


def close_channel(layer: ReactorLayer, reactor: FakeReactor, asker: Asker) -> None:
    """Close a channel that was opened."""
    asker.kept = layer.open_channel("x!", asker.hear)
    asker.kept.close()


def cancel_call(layer: ReactorLayer, reactor: FakeReactor, asker: Asker) -> None:
    """Cancel what was asked for."""
    asker.kept = layer.follow(f"x.{encode_node_id(layer.layer.node_id)}!y", asker.hear)
    asker.kept.cancel()


def make_call(layer: ReactorLayer, reactor: FakeReactor, asker: Asker) -> None:
    """Have the call made that was asked for."""
    channel = layer.new_channel("x!")
    asker.kept = layer.follow(channel, asker.hear)
    layer.drop(channel)


@pytest.mark.parametrize("end", [close_channel, cancel_call, make_call])
def test_what_is_over_does_not_keep_who_asked(layer: Any, reactor: FakeReactor, end: Any) -> None:
    """Else each of the two would keep the other, until the collector comes by."""
    asker = Asker()
    end(layer, reactor, asker)
    reactor.turn()

    kept = weakref.ref(asker)
    del asker

    assert kept() is None
