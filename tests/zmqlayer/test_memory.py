"""The network in memory itself: that it does what it is told, and behaves like the real one where that matters."""

from __future__ import annotations

import pytest

from support.network import joined, numbered, send_numbers
from zmqlayer.frames import Kind
from zmqlayer.memory import MemoryClock, MemoryNetwork, MemoryNode


def story(seed: int) -> list[object]:
    """Run the same events and return what can be seen of them."""
    network, a, b = joined("a", "b", seed=seed)
    channel = b.new_channel()
    send_numbers(a, channel, range(5))
    network.cut(a, b)
    network.run(2.0)
    return [a.node_id, network.random.random(), numbered(b, channel), [type(event).__name__ for event in a.events]]


def test_the_same_seed_gives_the_same_run() -> None:
    """Node ids, delays and all that follows from them depend on the seed only."""
    assert story(7) == story(7)
    assert story(7) != story(8)


def test_time_passes_only_when_told() -> None:
    """Virtual time stands still between calls of run, and ends exactly where it was told to."""
    network, a, b = joined("a", "b")
    channel, start = b.new_channel(), network.now
    a.send(channel, {"n": 1})
    at_once = b.take(channel)

    network.run(0.25)

    assert at_once is None
    assert network.now == start + 0.25
    assert numbered(b, channel) == [1]


def test_frames_take_the_delay() -> None:
    """A frame between two nodes travels as long as was said, and at most twice that."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    network.delay(a, b, 0.1)
    a.send(channel, {"n": 1})

    network.run(0.099)
    early = b.take(channel)
    network.run(0.101)

    assert early is None
    assert b.take(channel) == {"n": 1}


def test_a_slow_frame_is_not_overtaken() -> None:
    """One pipe keeps its order, even if the network becomes faster meanwhile."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    network.delay(a, b, 0.5)
    a.send(channel, {"n": 0})
    network.delay(a, b, 0.0001)

    a.send(channel, {"n": 1})
    network.run(2.0)

    assert numbered(b, channel) == [0, 1]


def test_pipes_to_different_nodes_are_independent() -> None:
    """What is slow on its way to one node does not delay another."""
    network, a, b, c = joined("a", "b", "c")
    network.delay(a, b, 0.5)
    channels = b.new_channel(), c.new_channel()
    a.send(channels[0], {"n": 0})
    a.send(channels[1], {"n": 1})

    network.run(0.01)

    assert (numbered(b, channels[0]), numbered(c, channels[1])) == ([], [1])


def test_a_partition_delays_and_a_cut_loses() -> None:
    """As with TCP: what is sent into a partition arrives after it; what was in flight at a cut never does."""
    network, a, b = joined("a", "b")
    parted, cut = b.new_channel(), b.new_channel()
    network.partition(a, b)
    a.send(parted, {"n": 1})
    network.run(1.0)
    network.heal(a, b)
    network.run(0.2)
    a.send(cut, {"n": 2})
    network.cut(a, b)
    network.run(1.0)

    assert (numbered(b, parted), numbered(b, cut)) == ([1], [])


@pytest.mark.parametrize("after_s", [0.013, 0.07, 0.2])
def test_a_healed_partition_keeps_the_order(after_s: float) -> None:
    """What waited arrives in the order in which it was sent, whenever the network heals."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    network.partition(a, b)
    for n in range(5):
        a.send(channel, {"n": n})
        network.run(after_s)

    network.heal(a, b)
    network.run(0.2)

    assert numbered(b, channel) == [0, 1, 2, 3, 4]


def test_a_death_is_not_noticed_through_a_partition() -> None:
    """A machine that is unplugged says nothing: only its silence tells."""
    network, a, b = joined("a", "b")
    network.partition(a, b)
    network.kill(b)

    network.run(2.0)
    soon = a.sees(b)
    network.run(8.0)

    assert (soon, a.sees(b)) == ("ready", None)


def test_a_stopped_node_does_nothing() -> None:
    """It takes nothing in and sends nothing; what arrives meanwhile is taken in order when it goes on."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    network.stop(b)
    send_numbers(a, channel, range(3))
    network.run(1.0)
    while_stopped = b.mesh.in_flight, b.mesh.next_deadline() < network.now

    network.resume(b)
    network.run(0.001)

    assert while_stopped == (0, True)
    assert numbered(b, channel) == [0, 1, 2]


def test_a_killed_node_does_nothing() -> None:
    """It neither sends nor takes, and whoever was connected to it notices."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()

    network.kill(b)
    a.send(channel, {"n": 1})
    network.run(1.0)

    assert b.mesh.in_flight == 0
    assert a.sees(b) is None


def test_methods_take_and_give_messages() -> None:
    """A node here is used like a layer: dicts in, dicts out, copied on the way."""
    network, a, b = joined("a", "b")
    channel = b.new_channel("prefix")
    message = {"text": "ä", "bytes": b"\xff", "list": [1, 2.5, None]}
    a.send(channel, message)
    message["list"].append("later")  # type: ignore[attr-defined]  # it is a list
    network.run(0.1)

    assert channel.startswith("prefix.")
    assert b.take(channel) == {"text": "ä", "bytes": b"\xff", "list": [1, 2.5, None]}
    assert b.take(channel) is None


def test_a_network_that_never_rests_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop of ours that goes on for ever without time passing fails a test instead of hanging it."""
    monkeypatch.setattr("zmqlayer.memory.MAX_STEPS", 1000)
    network = MemoryNetwork()

    def again() -> None:
        network.after(0, again)

    again()

    with pytest.raises(AssertionError, match="1,000 steps"):
        network.run(1.0)


def test_nodes_in_one_network_are_told_of_each_other() -> None:
    """A node is told of those that live when it starts, and of no dead ones."""
    network, a, b = joined("a", "b")
    network.kill(a)

    c: MemoryNode = network.add("c")
    network.run(0.1)

    assert [peer.node_id for peer in c.mesh.peers()] == [b.node_id]


def test_delays_may_differ_by_direction() -> None:
    """The way to a node may be slow while the way back is fast."""
    network, a, b = joined("a", "b")
    network.delay(a, b, 0.2, is_one_way=True)
    a.send(b_channel := b.new_channel(), {"n": 1})
    b.send(a_channel := a.new_channel(), {"n": 2})

    network.run(0.1)

    assert (numbered(a, a_channel), numbered(b, b_channel)) == ([2], [])


def test_a_partition_may_hold_one_direction_only() -> None:
    """What goes from one node to the other waits, and the other way round everything passes."""
    network, a, b = joined("a", "b")
    network.partition(a, b, is_one_way=True)
    a.send(b_channel := b.new_channel(), {"n": 1})
    b.send(a_channel := a.new_channel(), {"n": 2})
    network.run(0.1)
    meanwhile = numbered(a, a_channel), numbered(b, b_channel)

    network.heal(a, b)
    network.run(0.1)

    assert meanwhile == ([2], [])
    assert numbered(b, b_channel) == [1]


def test_one_connection_may_break_alone() -> None:
    """The connection that carries work breaks, and what is addressed still arrives; the loss is counted by kind."""
    network, a, b = joined("a", "b")
    b.wait("jobs")
    network.run(0.1)
    work = next(pipe for pipe in network.pipes(a, b) if pipe.address == b.pull)
    a.send("jobs", {"n": 1})
    a.send(channel := b.new_channel(), {"n": 2})

    network.sever(work)
    network.run(0.1)

    assert (numbered(b, "jobs"), numbered(b, channel)) == ([], [2])
    assert network.lost == {Kind.WORK: 1}


def test_a_broken_connection_may_go_unnoticed() -> None:
    """The subscriber connects again before the publisher knows; the publisher sees no change, and frames are lost."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    subscription = next(pipe for pipe in network.pipes(a, b) if pipe.owner is b and pipe.address == a.pub)

    network.sever(subscription, noticed_after_s=1.0)
    a.send(channel, {"n": 1})
    network.run(0.5)
    a.send(channel, {"n": 2})
    network.run(1.5)

    assert numbered(b, channel) == [2]
    assert network.lost[Kind.DIRECT] == 1
    assert [state.value for state in a.changes(b)] == ["ready"]


def test_every_node_may_have_a_clock_of_its_own() -> None:
    """A node whose clock began elsewhere and goes slow still lets messages expire, by its own time."""
    network = MemoryNetwork()
    a = network.add("a")
    b = network.add("b", clock=MemoryClock(rate=0.5, offset_s=-900.0), expiry=4)
    network.run(1.0)
    b.send(a_channel := a.new_channel(), {"n": 1})
    b.send("jobs", {"n": 2})

    network.run(7.0)
    early = b.mesh.in_flight
    network.run(4.0)

    assert (early, b.mesh.in_flight) == (1, 0)
    assert numbered(a, a_channel) == []


def test_a_node_may_be_told_of_some_others_only() -> None:
    """Discovery names those that the test says; the rest is learned from them."""
    network, a, b = joined("a", "b")

    alone, c = network.add("alone", hints=()), network.add("c", hints=[b])
    network.run(1.0)

    assert alone.mesh.peers() == []
    assert (c.sees(a), c.sees(b)) == ("ready", "ready")
