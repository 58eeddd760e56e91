"""Notices: loss, room and ends are told on a mesh, under every fault, and never twice."""

from __future__ import annotations

from typing import Any

import pytest

from support.network import STRANGER, assert_conserved, assert_settled, control, inject, joined, numbered, read_one
from zmqlayer.codec import encode
from zmqlayer.events import Ended, Lost, Room
from zmqlayer.exceptions import ChannelFull, InvalidName
from zmqlayer.frames import Kind
from zmqlayer.limits import Limits
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.names import encode_node_id
from zmqlayer.ports import Loss

GONE, EXPIRED = Loss.READER_GONE, Loss.EXPIRED


def entrust(network: MemoryNetwork, node: MemoryNode, token: object, channel: str = "jobs") -> None:
    """Send one message whose loss is to be told."""
    node.mesh.entrust(channel, encode(channel, {"n": token}, 1_000), token, network.now)
    network.pump(node)


def losses(node: MemoryNode) -> list[tuple[object, Loss]]:
    """Return what a node was told of losses, in order."""
    return [(event.token, event.loss) for event in node.events if isinstance(event, Lost)]


def handed_over(**settings: Any) -> tuple[Any, MemoryNode, MemoryNode]:
    """Return (network, a, b): the message 1 of *a* is at *b*, unread."""
    network, a, b = joined("a", "b", **settings)
    b.wait("jobs")
    network.run(0.1)
    entrust(network, a, 1)
    network.run(0.1)
    return network, a, b


def joining(**settings: Any) -> tuple[MemoryNetwork, MemoryNode]:
    """Return (network, node): it was told of an address, and nobody has answered there yet."""
    network = MemoryNetwork(1)
    other = network.add("other")
    network.stop(other)
    return network, network.add("a", **settings)


def wait_for_room(network: MemoryNetwork, node: MemoryNode, channel: str, *tokens: object) -> None:
    """Stand in line."""
    for token in tokens:
        node.mesh.notices.rooms.wait(token, channel, network.now)
    network.pump(node)


def let_in(network: MemoryNetwork, node: MemoryNode) -> list[object]:
    """Look after each bound of which a node was told, and return who may send, without sending."""
    told = [event.bound for event in node.events if isinstance(event, Room)]
    node.events.clear()
    entered = []
    for bound in told:
        while (token := node.mesh.notices.rooms.let_in(bound, network.now)) is not None:
            entered.append(token)
    return entered


def ended(node: MemoryNode) -> list[object]:
    """Return whose channel ended."""
    return [event.token for event in node.events if isinstance(event, Ended)]


def fill(node: MemoryNode, channel: str) -> int:
    """Send until the channel is full, and return how many messages that took."""
    count = 0
    with pytest.raises(ChannelFull):
        while True:
            node.send(channel, {"n": count})
            count += 1
    return count


# Loss


def test_what_nobody_takes_in_time_is_told() -> None:
    """The sender hears within about a second of the expiry."""
    network, a = joined("a", expiry=5)
    entrust(network, a, 1)
    network.run(4.9)
    early = losses(a)
    network.run(1.2)

    assert (early, losses(a)) == ([], [(1, EXPIRED)])


def test_what_expires_as_it_is_handed_over_is_told() -> None:
    """Credit that comes after the end of a message finds it expired."""
    network, a, b = joined("a", "b", expiry=2)
    entrust(network, a, 1)
    network.run(1.999)
    b.wait("jobs")
    network.run(0.1)

    assert losses(a) == [(1, EXPIRED)]


def test_what_is_flushed_is_told_as_expired() -> None:
    """In the queue, and at a reader of the same node."""
    network, a = joined("a", prefetch=1)
    a.wait("mails")
    entrust(network, a, 1)
    entrust(network, a, 2, "mails")

    a.flush()
    network.run(0.1)

    assert sorted(losses(a)) == [(1, EXPIRED), (2, EXPIRED)]
    assert_conserved(a)


def test_a_killed_reader_is_told_before_and_after_it_read() -> None:
    """What it had not taken, and what it was working on: only the sender knows what was answered."""
    network, a, b = handed_over(prefetch=1)
    entrust(network, a, 2)
    network.run(0.1)
    taken = read_one(b, "jobs")
    network.run(1)
    quiet = losses(a)

    network.kill(b)
    network.run(1)

    assert (taken, quiet, losses(a)) == ([1], [], [(1, GONE), (2, GONE)])


def test_what_was_answered_is_no_loss() -> None:
    """After the sender forgot it, its reader may go."""
    network, a, b = handed_over()
    a.mesh.notices.forget(1)

    network.kill(b)
    network.run(1)

    assert losses(a) == []


def test_what_is_withdrawn_is_not_handed_over() -> None:
    """It leaves the queue, which has room again, and the books balance."""
    network, a, b = joined("a", "b", capacity=2)
    for n in (1, 2):
        entrust(network, a, n)
    wait_for_room(network, a, "jobs", "asker")

    a.mesh.withdraw("jobs", 1, network.now)
    network.pump(a)
    b.wait("jobs")
    network.run(0.1)

    assert (read_one(b, "jobs"), let_in(network, a), losses(a)) == ([2], ["asker"], [])
    assert a.mesh.counters.dropped == {"withdrawn": 1}
    assert_conserved(a)


def test_what_a_reader_has_cannot_be_withdrawn() -> None:
    """It is read, and its loss is not told any more; what nobody entrusted cannot be withdrawn either."""
    network, a, b = handed_over()
    a.send("jobs", {"n": 5})

    for token in (1, 5, 1):
        a.mesh.withdraw("jobs", token, network.now)
    a.mesh.withdraw("mails", 5, network.now)

    assert (read_one(b, "jobs"), a.mesh.counters.dropped) == ([1], {})
    network.kill(b)
    network.run(1)
    assert losses(a) == []


def test_a_goodbye_is_an_end_too() -> None:
    """What a leaving node took and did not answer is lost; what it did not start goes to another."""
    network, a, b, c = joined("a", "b", "c", prefetch=1)
    b.wait("jobs")
    network.run(0.1)
    for n in (1, 2):
        entrust(network, a, n)
    network.run(0.1)
    taken = read_one(b, "jobs")
    c.wait("jobs")
    b.unwait("jobs")
    b.leave()
    network.run(3)

    assert (taken, losses(a), read_one(c, "jobs")) == ([1], [(1, GONE)], [2])


def test_what_was_given_back_is_watched_at_the_next_reader() -> None:
    """The second reader's end is told, whoever had the message before."""
    network, a, b, c = joined("a", "b", "c")
    b.wait("jobs")
    network.run(0.1)
    entrust(network, a, 1)
    network.run(0.1)
    b.unwait("jobs")
    b.leave()
    network.run(3)
    c.wait("jobs")
    network.run(0.1)
    network.kill(c)
    network.run(1)

    assert losses(a) == [(1, GONE)]


def test_what_a_cut_swallowed_is_told_though_the_reader_lives() -> None:
    """A message in a connection that broke never came: its reader says so once it is linked again."""
    network, a, b = joined("a", "b", prefetch=3)
    b.wait("jobs")
    network.run(0.1)
    for n in (1, 2):
        entrust(network, a, n)
        network.run(0.1 if n == 1 else 0)
    network.cut(a, b)
    network.run(3)

    assert (losses(a), a.sees(b), numbered(b, "jobs")) == ([(2, GONE)], "ready", [1])


def test_a_reader_repeats_what_it_missed_until_its_sender_heard() -> None:
    """The report may be lost with another cut."""
    network, a, b = joined("a", "b", prefetch=3)
    b.wait("jobs")
    network.run(0.1)
    entrust(network, a, 1)
    network.cut(a, b)
    for _ in range(40):
        network.run(0.05)
        network.cut(a, b)
    network.run(3)
    gaps = b.mesh.account(a.node_id).work_gaps

    a.send("jobs", {"n": 2})
    network.run(3)

    assert losses(a) == [(1, GONE)]
    assert (gaps, b.mesh.account(a.node_id).work_gaps) == ([(1, 1)], [])


def test_a_silent_reader_has_lost_nothing() -> None:
    """One that stands still for a while, or whose link starts anew, may answer yet."""
    network, a, b = handed_over()
    network.stop(b)
    network.run(5)
    state = a.sees(b)
    network.resume(b)
    network.run(3)
    network.cut(a, b)
    network.run(3)

    assert (state, a.sees(b), losses(a), numbered(b, "jobs")) == ("silent", "ready", [], [1])


def test_a_reader_that_seemed_dead_is_told_once() -> None:
    """After a partition that outlived its patience the sender has been told, and hears no more of it."""
    network, a, b = handed_over()
    network.partition(a, b)
    network.run(15)
    told = losses(a)
    network.heal(a, b)
    network.run(15)

    assert (told, a.sees(b), losses(a)) == ([(1, GONE)], "ready", [(1, GONE)])
    assert_conserved(a, b)


def test_another_process_at_the_address_is_the_end_of_the_first() -> None:
    """A worker that is restarted has not what the one before took."""
    network, a, b = handed_over()
    network.kill(b)
    network.add("b")
    network.run(2)

    assert losses(a) == [(1, GONE)]


def test_a_reader_of_the_same_node_cannot_be_lost() -> None:
    """What it took stays with it; what it left unread expires."""
    network, a = joined("a", prefetch=2, expiry=5)
    a.wait("jobs")
    for n in (1, 2):
        entrust(network, a, n)
    taken = read_one(a, "jobs")
    network.run(6)
    rest = numbered(a, "jobs")

    assert (taken, rest, losses(a)) == ([1], [], [(2, EXPIRED)])


def test_what_another_expected_of_us_is_not_our_loss() -> None:
    """A message of a peer that expires unread here has its number from there."""
    network, a, b = joined("a", "b", prefetch=2, expiry=5)
    b.wait("jobs")
    network.run(0.1)
    a.send("jobs", {"n": 1})
    entrust(network, b, 1, "mails")
    b.mesh.notices.forget(1)
    entrust(network, b, 2, "nobody")
    network.run(3)
    b.mesh.notices.rooms.wait("x", "nobody", network.now)
    network.run(2.5)

    assert numbered(b, "jobs") == []
    assert losses(b) == [(2, EXPIRED)]


def test_only_as_many_as_the_limit_says_are_watched() -> None:
    """The next one is refused and counted; there is room, and that is told at once, when one is forgotten."""
    network, a = joined("a", limits=Limits(entrusted=2))
    for n in (1, 2):
        entrust(network, a, n)
    with pytest.raises(ChannelFull, match="2 messages whose loss"):
        entrust(network, a, 3)
    wait_for_room(network, a, "jobs", "x")
    before = let_in(network, a)
    a.mesh.notices.forget(1)
    network.pump(a)

    assert (before, let_in(network, a)) == ([], ["x"])
    assert (a.mesh.counters.refused, a.mesh.counters.accepted) == (1, 2)


def test_what_was_refused_is_not_watched() -> None:
    """A full channel leaves nothing behind."""
    network, a = joined("a", capacity=1)
    entrust(network, a, 1)

    with pytest.raises(ChannelFull):
        entrust(network, a, 2)

    assert len(a.mesh.notices.custody) == 1


def test_mail_cannot_be_entrusted() -> None:
    """Its owner is the only one who can read it: whoever cares follows the channel."""
    network, a, b = joined("a", "b")
    for channel in (a.new_channel(), b.new_channel(), f"body?{encode_node_id(b.node_id)}1"):
        with pytest.raises(InvalidName, match="its owner alone"):
            entrust(network, a, 1, channel)
    entrust(network, a, 1, f"body?{encode_node_id(a.node_id)}1")

    assert a.mesh.counters.accepted == 1


# Room


def test_a_queue_has_room_when_a_message_leaves_it() -> None:
    """Handed over: the first in line may send, and no other."""
    network, a, b = joined("a", "b", capacity=3)
    fill(a, "jobs")
    wait_for_room(network, a, "jobs", "x", "y")
    before = let_in(network, a)
    b.wait("jobs")
    network.run(0.1)
    told = [event for event in a.events if isinstance(event, Room)]
    first = a.mesh.notices.rooms.let_in("jobs", network.now)
    a.send("jobs", {"n": 9})

    assert (before, told, first) == ([], [Room("jobs")], "x")
    assert a.mesh.notices.rooms.let_in("jobs", network.now) is None


def test_a_queue_has_room_when_its_messages_expire() -> None:
    """Nobody reads, and yet who waits is told, within about a second."""
    network, a = joined("a", capacity=3, expiry=5)
    fill(a, "jobs")
    wait_for_room(network, a, "jobs", "x")
    network.run(6.1)

    assert let_in(network, a) == ["x"]


def test_a_queue_has_room_when_it_is_flushed_or_dropped() -> None:
    """Whatever empties it."""
    network, a = joined("a", capacity=3)
    body = f"body?{encode_node_id(a.node_id)}1"
    fill(a, "jobs")
    fill(a, body)
    wait_for_room(network, a, "jobs", "x")
    wait_for_room(network, a, body, "y")
    a.mesh.close_channel(body, network.now)
    network.pump(a)
    dropped = let_in(network, a)
    a.flush()

    assert (dropped, let_in(network, a)) == (["y"], ["x"])


@pytest.mark.parametrize("limit", [{"queued_messages": 5}, {"queued_bytes": 3_000}])
def test_all_queues_together_have_room_when_any_shrinks(limit: dict[str, int]) -> None:
    """Who waits because of all of them is told whichever it is."""
    network, a, b = joined("a", "b", capacity=1_000, max_message_size=1_000, limits=Limits(**limit))
    fill(a, "mails")
    wait_for_room(network, a, "jobs", "x")
    before = let_in(network, a)
    for _ in range(500):
        b.wait("mails")
    network.run(0.1)

    assert (before, let_in(network, a)) == ([], ["x"])


def test_a_process_channel_has_room_when_its_owner_reads() -> None:
    """Told with the report, within 50 ms."""
    network, a, b = joined("a", "b", capacity=4)
    channel = b.new_channel()
    fill(a, channel)
    wait_for_room(network, a, channel, "x")
    network.run(0.1)
    before = let_in(network, a)
    b.take(channel)
    network.run(0.1)

    assert (before, let_in(network, a)) == ([], ["x"])


def test_an_own_process_channel_has_room_when_it_is_read() -> None:
    """A node is its own peer."""
    network, a = joined("a", capacity=4)
    channel = a.new_channel()
    fill(a, channel)
    wait_for_room(network, a, channel, "x")
    a.take(channel)

    assert let_in(network, a) == ["x"]


@pytest.mark.parametrize("limit", [{"peer_messages": 3}, {"peer_bytes": 3_000}])
def test_a_peer_has_room_when_any_of_its_channels_is_read(limit: dict[str, int]) -> None:
    """Who waits because of all that the peer holds is told whichever it is."""
    network, a, b = joined("a", "b", capacity=1_000, max_message_size=1_000, **limit)
    full, other = b.new_channel(), b.new_channel()
    fill(a, full)
    wait_for_room(network, a, other, "x")
    network.run(0.1)
    before = let_in(network, a)
    b.take_all(full)
    network.run(0.1)

    assert (before, let_in(network, a)) == ([], ["x"])


def test_what_a_cut_lost_makes_room() -> None:
    """Messages that never arrived occupy nothing, and that is told."""
    network, a, b = joined("a", "b", capacity=4)
    channel = b.new_channel()
    fill(a, channel)
    wait_for_room(network, a, channel, "x")
    network.cut(a, b)
    network.run(3)

    assert (a.sees(b), let_in(network, a)) == ("ready", ["x"])


def test_what_expired_at_its_owner_makes_room() -> None:
    """Its sender's clock knows."""
    network, a, b = joined("a", "b", capacity=4, expiry=5)
    channel = b.new_channel()
    fill(a, channel)
    wait_for_room(network, a, channel, "x")
    network.stop(b)
    network.run(2)
    network.resume(b)
    network.run(5)

    assert let_in(network, a) == ["x"]


def test_the_end_of_an_owner_is_told_to_who_waits_for_room() -> None:
    """There will be none: all are called, and see for themselves."""
    network, a, b = joined("a", "b", capacity=4)
    channel = b.new_channel()
    fill(a, channel)
    wait_for_room(network, a, channel, "x", "y")
    network.kill(b)
    network.run(1)

    assert let_in(network, a) == ["x", "y"]


def test_what_waited_for_a_link_that_never_came_makes_room() -> None:
    """A node that nobody met by the end of the join does not exist."""
    network, a = joining(capacity=2)
    channel = f"x.{encode_node_id(STRANGER)}!1"
    fill(a, channel)
    wait_for_room(network, a, channel, "x")
    before = let_in(network, a)
    network.run(5)

    assert (before, let_in(network, a)) == ([], ["x"])


# Ends


def test_the_end_of_an_owner_is_told_to_who_follows() -> None:
    """Once, whoever follows several of its channels for each; and not who follows another's."""
    network, a, b, c = joined("a", "b", "c")
    for token, node in (("x", b), ("y", b), ("z", c)):
        a.mesh.notices.follow(node.new_channel(), token)
    network.run(5)
    before = ended(a)

    network.kill(b)
    network.run(1)

    assert (before, ended(a)) == ([], ["x", "y"])


def test_following_the_dead_is_told_at_once() -> None:
    """An owner that is gone, or that nobody ever met."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    network.kill(b)
    network.run(1)

    a.mesh.notices.follow(channel, "x")
    a.mesh.notices.follow(f"x.{encode_node_id(STRANGER)}!1", "y")
    network.pump(a)

    assert ended(a) == ["x", "y"]


def test_an_owner_that_was_met_by_nobody_in_time_is_told() -> None:
    """While a node joins, others may yet come."""
    network, a = joining()
    a.mesh.notices.follow(f"x.{encode_node_id(STRANGER)}!1", "x")
    network.pump(a)
    before = ended(a)

    network.run(5)

    assert (before, ended(a)) == ([], ["x"])


def test_a_cut_is_no_end() -> None:
    """Nor is silence; who follows no more hears of no end either."""
    network, a, b = joined("a", "b")
    a.mesh.notices.follow(b.new_channel(), "x")
    network.cut(a, b)
    network.run(3)
    network.stop(b)
    network.run(3)
    before = ended(a)
    a.mesh.notices.forget("x")
    network.kill(b)
    network.run(10)

    assert (before, ended(a)) == ([], [])


def test_own_channels_do_not_end_with_a_peer() -> None:
    """A node does not outlive itself."""
    network, a, b = joined("a", "b")
    a.mesh.notices.follow(a.new_channel(), "x")
    network.kill(b)
    network.run(2)

    assert ended(a) == []


def test_a_channel_without_an_owner_has_no_end() -> None:
    """There is nobody to follow."""
    _, a = joined("a")

    with pytest.raises(InvalidName, match="no owner"):
        a.mesh.notices.follow("jobs", "x")


# Closed channels


def test_a_message_for_a_closed_channel_tells_its_sender() -> None:
    """It is dropped where it arrives; the next ones are dropped where they are sent, counted, and never refused."""
    network, a, b = joined("a", "b", capacity=4)
    channel = b.new_channel()
    b.mesh.close_channel(channel, network.now)
    network.run(1)
    before = a.mesh.notices.is_open(channel)
    a.send(channel, {"n": 0})
    network.run(0.1)

    for n in range(10):
        a.send(channel, {"n": n})
    network.run(0.1)

    assert (before, a.mesh.notices.is_open(channel)) == (True, False)
    assert (b.mesh.counters.dropped["channel closed"], a.mesh.counters.dropped["channel closed"]) == (1, 10)
    assert b.mesh.in_flight == 0
    assert_conserved(a, b)
    assert_settled(a, b)


def test_who_has_unread_mail_in_a_channel_hears_of_its_end() -> None:
    """With the next report, 50 ms later; who sent nothing hears nothing."""
    network, a, b, c = joined("a", "b", "c")
    channel = b.new_channel()
    a.send(channel, {"n": 1})
    network.run(0.01)
    b.mesh.close_channel(channel, network.now)
    network.pump(b)
    network.run(0.1)

    assert (a.mesh.notices.is_open(channel), c.mesh.notices.is_open(channel)) == (False, True)


def test_the_end_of_a_channel_is_told_to_who_follows_it_or_waits_for_room() -> None:
    """Once; following it later is told at once, and there is nothing to wait for."""
    network, a, b = joined("a", "b", capacity=2)
    channel, other = b.new_channel(), b.new_channel()
    a.mesh.notices.follow(channel, "x")
    a.mesh.notices.follow(other, "y")
    fill(a, channel)
    wait_for_room(network, a, channel, "z")
    network.run(0.1)
    b.mesh.close_channel(channel, network.now)
    network.pump(b)
    network.run(0.1)
    told = ended(a)
    waited = let_in(network, a)
    a.mesh.notices.follow(channel, "late")
    network.pump(a)

    assert (told, waited, ended(a)) == (["x"], ["z"], ["late"])


def test_a_word_that_was_lost_is_said_again() -> None:
    """The report of the end is lost in a cut: the next message is answered anew."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    a.send(channel, {"n": 1})
    network.run(0.01)
    b.mesh.close_channel(channel, network.now)
    network.pump(b)
    network.run(0.0495)
    network.cut(a, b)
    network.run(3)
    in_between = a.mesh.notices.is_open(channel)
    a.send(channel, {"n": 2})
    network.run(0.1)

    assert (in_between, a.mesh.notices.is_open(channel)) == (True, False)


def test_own_channels_are_closed_too() -> None:
    """Who follows one in the same process is told, and what is sent to it is dropped."""
    network, a = joined("a")
    channel = a.new_channel()
    a.mesh.notices.follow(channel, "x")
    a.mesh.close_channel(channel, network.now)
    a.send(channel, {"n": 1})
    network.pump(a)

    assert (ended(a), a.mesh.notices.is_open(channel)) == (["x"], False)
    assert (a.mesh.in_flight, a.mesh.counters.dropped["channel closed"]) == (0, 1)
    assert_conserved(a)


def test_the_end_of_a_channel_with_one_reader_is_told_to_its_senders() -> None:
    """What they sent is dropped by its maker, and so is what is under way."""
    network, a, b = joined("a", "b")
    channel = f"body?{encode_node_id(a.node_id)}1"
    b.send(channel, {"n": 1})
    network.run(0.1)
    b.send(channel, {"n": 2})
    a.mesh.close_channel(channel, network.now)
    network.pump(a)
    network.run(0.1)

    assert a.mesh.counters.dropped["channel closed"] == 2
    assert not b.mesh.notices.is_open(channel)
    assert_settled(a, b)


def test_a_closed_channel_is_forgotten_after_a_minute() -> None:
    """By those who were told, too."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    b.mesh.close_channel(channel, network.now)
    a.send(channel, {"n": 1})
    network.run(1)
    closed = a.mesh.notices.is_open(channel)
    network.run(62)

    assert (closed, a.mesh.notices.is_open(channel)) == (False, True)


def test_members_of_groups_need_no_word() -> None:
    """Copies of group messages are nobody's mail."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    b.group_add("room", channel)
    network.run(0.1)
    a.group_send("room", {"n": 1})
    network.run(0.01)
    b.mesh.close_channel(channel, network.now)
    network.pump(b)
    network.run(0.1)

    assert a.mesh.notices.is_open(channel)
    assert b.mesh.counters.dropped["channel closed"] == 1


def test_nobody_can_close_the_channels_of_others() -> None:
    """Who says so breaks the protocol."""
    network, a, b, c = joined("a", "b", "c")

    inject(network, a, control(b.node_id, Kind.CONSUMED, a, {"closed": [c.new_channel()]}))

    assert (a.sees(b), a.mesh.counters.malformed) == (None, 1)


def test_channels_without_an_owner_are_open() -> None:
    """And those of nobody are not, once the node has joined."""
    _, a = joined("a")

    assert a.mesh.notices.is_open("jobs")
    assert not a.mesh.notices.is_open(f"x.{encode_node_id(STRANGER)}!1")
