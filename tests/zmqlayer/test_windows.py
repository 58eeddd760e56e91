"""Windows: what may be unread at peers, beside a model that is slower and plainer."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from support.strategies import node, steps
from zmqlayer.exceptions import ChannelFull
from zmqlayer.names import NodeId
from zmqlayer.windows import Windows

A, B, C = node(1), node(2), node(3)
PEER_MESSAGES, PEER_BYTES, LIVES_S = 7, 100, 10.0
CAPACITIES = {"one": 1, "three": 3, "many": 50}

peers = st.sampled_from([A, B])
channels = st.sampled_from(sorted(CAPACITIES))


@dataclass
class Sent:
    sequence: int
    deadline: float
    size: int


class WindowsModel(RuleBasedStateMachine):
    """Windows beside the queues at the owners of the channels, whose reports may be late, lost or repeated."""

    def __init__(self) -> None:
        super().__init__()
        self.windows = Windows(PEER_MESSAGES, PEER_BYTES)
        self.owned: dict[tuple[NodeId, str], deque[Sent]] = {}
        self.numbers = {A: 0, B: 0}
        self.now = 0.0

    def living(self, peer: NodeId) -> list[Sent]:
        queues = [queue for (owner, _), queue in self.owned.items() if owner == peer]
        return [sent for queue in queues for sent in queue if sent.deadline > self.now]

    @rule(peer=peers, channel=channels, size=st.integers(1, 40))
    def send(self, peer: NodeId, channel: str, size: int) -> None:
        queue = self.owned.setdefault((peer, channel), deque())
        living = self.living(peer)
        if len([sent for sent in queue if sent.deadline > self.now]) >= CAPACITIES[channel]:
            reason = "channel"
        elif len(living) >= PEER_MESSAGES:
            reason = "peer messages"
        elif sum(sent.size for sent in living) + size > PEER_BYTES:
            reason = "peer bytes"
        else:
            self.numbers[peer] += 1
            sent = (self.numbers[peer], self.now + LIVES_S, size)
            self.windows.admit(peer, channel, sent, CAPACITIES[channel], self.now)
            queue.append(Sent(self.numbers[peer], self.now + LIVES_S, size))
            return
        with pytest.raises(ChannelFull) as caught:
            sent = (self.numbers[peer] + 1, self.now + LIVES_S, size)
            self.windows.admit(peer, channel, sent, CAPACITIES[channel], self.now)
        assert (caught.value.channel, caught.value.reason) == (channel, reason)

    @rule(peer=peers, channel=channels, count=st.integers(1, 5), times=st.integers(1, 2))
    def report(self, peer: NodeId, channel: str, count: int, times: int) -> None:
        """The owner is done with the oldest few, and may say so twice."""
        queue = self.owned.get((peer, channel), deque())
        done = [queue.popleft() for _ in range(min(count, len(queue)))]
        for _ in range(times):
            if done:
                self.windows.settle(peer, {channel: done[-1].sequence})

    @rule(peer=peers, data=st.data())
    def lose(self, peer: NodeId, data: st.DataObject) -> None:
        """Some messages never arrived; their sender is told which."""
        first = data.draw(st.integers(1, max(1, self.numbers[peer])))
        last = first + data.draw(st.integers(0, 3))
        self.windows.settle_gap(peer, first, last)
        for (owner, channel), queue in self.owned.items():
            if owner == peer:
                kept = deque(sent for sent in queue if not first <= sent.sequence <= last)
                self.owned[owner, channel] = kept

    @rule(peer=peers, back=st.integers(0, 3))
    def restate(self, peer: NodeId, back: int) -> None:
        """After a cut the owner says what it holds; a few of the latest are still on their way."""
        seen = max(0, self.numbers[peer] - back)
        held = {
            channel: queue[0].sequence
            for (owner, channel), queue in self.owned.items()
            if owner == peer and queue and queue[0].sequence <= seen
        }
        self.windows.restate(peer, seen, held)

    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0, 11.0]), is_swept=st.booleans())
    def advance(self, seconds: float, is_swept: bool) -> None:
        self.now += seconds
        if is_swept:
            self.windows.expire(self.now)

    @rule(peer=peers)
    def forget(self, peer: NodeId) -> None:
        outstanding = self.windows.outstanding(peer)
        assert self.windows.forget(peer) == outstanding
        assert self.windows.outstanding(peer) == 0
        self.owned = {key: queue for key, queue in self.owned.items() if key[0] != peer}

    @invariant()
    def counts_the_living(self) -> None:
        for peer in (A, B):
            unreported = sum(len(queue) for (owner, _), queue in self.owned.items() if owner == peer)
            assert len(self.living(peer)) <= self.windows.outstanding(peer) <= unreported

    def teardown(self) -> None:
        """Once everything has expired, nothing is kept."""
        self.windows.expire(self.now + 1000.0)
        assert len(self.windows) == 0


TestWindows = WindowsModel.TestCase
TestWindows.settings = steps


class Filled:
    """Windows towards A and B, filled in order; each message lives a minute, each channel takes 3."""

    def __init__(self, peer_messages: int = 100, peer_bytes: int = 1000) -> None:
        self.windows = Windows(peer_messages, peer_bytes)
        self.sequence = 0

    def fill(self, count: int, *, peer: NodeId = A, channel: str = "c", at: float = 0.0, size: int = 1) -> None:
        for _ in range(count):
            self.windows.admit(peer, channel, (self.sequence + 1, at + 60.0, size), 3, at)
            self.sequence += 1


def test_one_more_than_capacity_raises() -> None:
    """With a capacity of 3 the fourth unread message is refused, with the channel and the limit; nothing is counted."""
    filled = Filled()
    filled.fill(3)

    with pytest.raises(ChannelFull) as caught:
        filled.fill(1)

    assert (caught.value.channel, caught.value.limit, caught.value.reason) == ("c", 3, "channel")
    assert filled.windows.outstanding(A) == 3


def test_peers_and_channels_have_windows_of_their_own() -> None:
    """A full channel closes neither another channel of the same peer, nor the same name at another peer."""
    filled = Filled()
    filled.fill(3)

    filled.fill(3, channel="d")
    filled.fill(3, peer=B)

    assert [filled.windows.outstanding(peer) for peer in (A, B, C)] == [6, 3, 0]


def test_some_channels_are_empty() -> None:
    """When all that was sent to those whose names begin so is consumed, wherever they are."""
    windows = Windows(PEER_MESSAGES, PEER_BYTES)
    windows.admit(A, "reply.a!1", (1, 10.0, 1), 3, 0.0)
    windows.admit(B, "reply.b!1", (1, 10.0, 1), 3, 0.0)
    before = windows.are_empty("reply."), windows.are_empty("events.")
    windows.settle(A, {"reply.a!1": 1})
    between = windows.are_empty("reply.")
    windows.settle(B, {"reply.b!1": 1})

    assert (before, between, windows.are_empty("reply.")) == ((False, True), False, True)


def test_a_peer_has_limits_too() -> None:
    """All channels of a peer together take so many messages and bytes; the error says which limit it was."""
    few, small = Filled(4, 1000), Filled(100, 10)
    for number in range(4):
        few.fill(1, channel=f"c{number}")
    small.fill(2, size=5)

    with pytest.raises(ChannelFull, match="has 4 messages of ours unread") as too_many:
        few.fill(1, channel="d")
    with pytest.raises(ChannelFull, match="has 10 bytes of ours unread") as too_large:
        small.fill(1, channel="d")

    assert (too_many.value.reason, too_large.value.reason) == ("peer messages", "peer bytes")


def test_settling_opens_the_window() -> None:
    """Each message that the owner is done with makes room for one."""
    filled = Filled()
    filled.fill(3)

    filled.windows.settle(A, {"c": 2})

    assert filled.windows.outstanding(A) == 1
    filled.fill(2)


def test_settling_too_much_is_no_credit() -> None:
    """An owner that claims more than it got opens the window and no more; unknown names are ignored."""
    filled = Filled()
    filled.fill(3)

    filled.windows.settle(A, {"c": 1_000_000_000})
    filled.windows.settle(A, {"unknown": 3})
    filled.windows.settle(B, {"c": 3})

    assert filled.windows.outstanding(A) == 0
    filled.fill(3)
    with pytest.raises(ChannelFull):
        filled.fill(1)


def test_a_late_report_opens_nothing() -> None:
    """The owner's late report of what has expired does not count for messages that were sent after it."""
    filled = Filled()
    filled.fill(3)
    filled.fill(3, at=60.0)

    filled.windows.settle(A, {"c": 3})

    assert filled.windows.outstanding(A) == 3
    with pytest.raises(ChannelFull):
        filled.fill(1, at=60.0)


def test_the_next_report_makes_up_for_one_that_was_lost() -> None:
    """A report names the last message that was read, so it covers all before it."""
    filled = Filled()
    filled.fill(3)

    filled.windows.settle(A, {"c": 3})

    assert filled.windows.outstanding(A) == 0


def test_what_never_arrived_occupies_nothing() -> None:
    """A gap is taken out of the middle of a window."""
    filled = Filled()
    filled.fill(3)

    filled.windows.settle_gap(A, 2, 2)
    filled.fill(1)
    filled.windows.settle(A, {"c": 1})

    assert filled.windows.outstanding(A) == 2


def test_what_a_peer_holds_after_a_cut_stays_counted() -> None:
    """Of what it has seen only what it holds; of what it has not seen, everything."""
    filled = Filled()
    filled.fill(3)
    filled.fill(2, channel="d")

    filled.windows.restate(A, seen=4, held={"c": 3})

    assert filled.windows.outstanding(A) == 2
    filled.fill(2, channel="d")
    filled.fill(2)


def test_expired_messages_do_not_count_against_a_peer() -> None:
    """Where a peer's limit is reached, what expired in its other channels makes room."""
    filled = Filled(3, 1000)
    filled.fill(3)

    filled.fill(1, channel="d", at=60.0)

    assert filled.windows.outstanding(A) == 1


def test_what_blocks_a_channel_is_named() -> None:
    """Itself, or all that its peer holds; what expired blocks nothing."""
    windows = Windows(PEER_MESSAGES, PEER_BYTES)
    nobody = windows.blocked_by(A, "one", 1, 10, 0.0)
    windows.admit(A, "one", (1, 5.0, 60), 1, 0.0)

    found = [windows.blocked_by(A, channel, 1, size, now) for channel, size, now in BLOCKED]

    assert (nobody, found) == (None, ["one", None, A, None, None])


BLOCKED = [("one", 10, 0.0), ("two", 40, 0.0), ("two", 41, 0.0), ("two", 41, 5.0), ("one", 10, 5.0)]
