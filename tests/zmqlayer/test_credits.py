"""Credits: readers and offers, each beside a model that is slower and plainer."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.strategies import node, steps
from zmqlayer.credits import Offer, Offers, Reader
from zmqlayer.names import NodeId

A, B, C, HERE = node(1), node(2), node(3), node(9)


def unloaded(start: int = 0) -> Offers:
    """Return offers of readers that are all equally busy."""
    return Offers(start, lambda peer: 0)


@dataclass
class Link:
    """
    One sender: its credit, and what it sent that has not arrived.

    That is (link number, None) for a message, and (link number, limit) where it cedes credit.
    """

    offers: Offers = field(default_factory=unloaded)
    number: int = 0
    in_flight: list[tuple[int, int | None]] = field(default_factory=list)

    def messages(self) -> int:
        return self.in_flight.count((self.number, None))


class ReaderModel(RuleBasedStateMachine):
    """One reader, and senders that spend its credit over links with a delay."""

    def __init__(self) -> None:
        super().__init__()
        self.links = {HERE: Link()}
        self.now = 0.0
        self.widest = 0
        self.reader = Reader(1, ("a",), 0, 0.0)

    @initialize(prefetch=st.sampled_from([0, 0, 1, 3, 10]))
    def prepare(self, prefetch: int) -> None:
        self.reader.prefetch = prefetch

    def grant(self) -> None:
        reader = self.reader
        window = max(reader.waiting, int(self.now < reader.polled_until)) + reader.prefetch
        self.widest = max(self.widest, window)
        for sender, limit, is_first in reader.grant(self.links, self.now):
            offers = self.links[sender].offers
            known = offers.find(HERE, reader.number)
            assert is_first == (known is None)
            if known is not None and limit < known.limit:
                offers.put(HERE, reader.number, (), limit)
                self.links[sender].in_flight.append((self.links[sender].number, known.limit))
            else:
                offers.put(HERE, reader.number, reader.channels if is_first else (), limit)
        if window > reader.unread:
            lines = [reader.lines[sender] for sender in self.links]
            assert all(line.outstanding or line.is_recalled for line in lines), "a sender could starve"

    @rule()
    def wait(self) -> None:
        self.reader.waiting += 1
        self.grant()

    @precondition(lambda self: self.reader.waiting)
    @rule()
    def give_up(self) -> None:
        self.reader.waiting -= 1

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0]))
    def poll(self, seconds: float) -> None:
        self.now += seconds
        self.reader.polled_until = self.now + 1.0
        self.grant()

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        link = self.links[data.draw(st.sampled_from(sorted(self.links)))]
        offer = link.offers.next("a")
        if offer is not None:
            offer.sent += 1
            link.in_flight.append((link.number, None))

    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        sender = data.draw(st.sampled_from(sorted(self.links)))
        link = self.links[sender]
        if link.in_flight:
            number, ceded = link.in_flight.pop(0)
            if ceded is None:
                self.reader.unread += 1
                if number == link.number:
                    self.reader.received(sender, self.now)
            elif number == link.number:
                self.reader.ceded(sender, ceded)
                self.grant()

    @precondition(lambda self: self.reader.unread)
    @rule(is_woken=st.booleans())
    def take(self, is_woken: bool) -> None:
        if is_woken and self.reader.waiting:
            self.reader.waiting -= 1
        self.reader.unread -= 1
        self.grant()

    @precondition(lambda self: len(self.links) < 5)
    @rule(number=st.integers(1, 8))
    def join(self, number: int) -> None:
        self.links.setdefault(node(number), Link())
        self.grant()

    @rule(data=st.data(), is_gone=st.booleans())
    def restart(self, data: st.DataObject, is_gone: bool) -> None:
        sender = data.draw(st.sampled_from(sorted(self.links)))
        self.reader.forget(sender)
        self.links[sender].offers.forget(HERE)
        self.links[sender].number += 1
        if is_gone and sender != HERE:
            del self.links[sender]

    @invariant()
    def agrees_with_senders(self) -> None:
        """What the reader believes to be out is what senders may still send, and what is on its way."""
        for sender, link in self.links.items():
            offer = link.offers.find(HERE, 1)
            line = self.reader.lines.get(sender)
            assert offer is None or 0 <= offer.sent <= offer.limit
            usable = (offer.limit - offer.sent if offer else 0) + link.messages()
            if line is not None and line.is_recalled:
                assert usable <= line.outstanding
            else:
                assert usable == (line.outstanding if line else 0)

    @invariant()
    def never_promises_more_than_fits(self) -> None:
        """Beyond the one message that each sender always may send, no more is out than the widest window."""
        beyond = sum(max(0, line.outstanding - 1) for line in self.reader.lines.values())
        assert beyond < max(1, self.widest)

    def teardown(self) -> None:
        """Whatever happened: once all arrived and was taken, one waiting receiver lets every sender send."""
        for sender, link in self.links.items():
            while link.in_flight:
                number, ceded = link.in_flight.pop(0)
                if number == link.number:
                    self.reader.received(sender, self.now) if ceded is None else self.reader.ceded(sender, ceded)
        self.reader.unread, self.reader.waiting = 0, 1
        self.grant()
        for sender, link in self.links.items():
            for _, ceded in link.in_flight:
                assert ceded is not None
                self.reader.ceded(sender, ceded)
            link.in_flight.clear()
        self.grant()
        assert all(link.offers.next("a") for link in self.links.values())
        assert set(self.reader.lines) == set(self.links)


class OffersModel(RuleBasedStateMachine):
    """Offers beside a list per channel in which they take turns."""

    def __init__(self) -> None:
        super().__init__()
        self.offers = Offers(1, lambda peer: self.loads[peer])
        self.loads = dict.fromkeys((A, B, C), 0)
        self.turns: dict[str, list[Offer]] = {"a": [], "b": []}
        self.known: dict[tuple[NodeId, int], Offer] = {}
        self.suspended: set[NodeId] = set()

    @rule(peer=st.sampled_from([A, B, C]), reader=st.integers(1, 2), limit=st.integers(0, 4))
    def put(self, peer: NodeId, reader: int, limit: int) -> None:
        channels = ("a",) if reader == 1 else ("a", "b")
        before = self.known.get((peer, reader))
        expected = max(limit, before.sent if before else 0)
        offer = self.offers.put(peer, reader, channels, limit)
        assert (offer.peer, offer.reader, offer.channels, offer.limit) == (peer, reader, channels, expected)
        assert before is None or offer is before
        if before is None:
            self.known[peer, reader] = offer
            for channel in channels:
                turns = self.turns[channel]
                turns.insert(1 % (len(turns) + 1), offer)

    @rule(peer=st.sampled_from([A, B, C]), load=st.integers(0, 2))
    def work(self, peer: NodeId, load: int) -> None:
        self.loads[peer] = load

    @rule(channel=st.sampled_from("abc"), is_spent=st.booleans())
    def next(self, channel: str, is_spent: bool) -> None:
        good = [o for o in self.turns.get(channel, []) if o.peer not in self.suspended and o.limit > o.sent]
        expected = min(good, key=lambda offer: self.loads[offer.peer], default=None)
        assert self.offers.next(channel) is expected
        if expected is not None:
            self.turns[channel].remove(expected)
            self.turns[channel].append(expected)
            expected.sent += is_spent

    @rule(peer=st.sampled_from([A, B, C]), reader=st.integers(1, 3))
    def withdraw(self, peer: NodeId, reader: int) -> None:
        self.offers.withdraw(peer, reader)
        self.drop([(peer, reader)])

    @rule(peer=st.sampled_from([A, B, C]))
    def suspend(self, peer: NodeId) -> None:
        self.offers.suspend(peer)
        self.suspended.add(peer)

    @rule(peer=st.sampled_from([A, B, C]))
    def resume(self, peer: NodeId) -> None:
        self.suspended.discard(peer)
        assert self.offers.resume(peer) == [offer for offer in self.known.values() if offer.peer == peer]

    @rule(peer=st.sampled_from([A, B, C]))
    def forget(self, peer: NodeId) -> None:
        self.suspended.discard(peer)
        self.offers.forget(peer)
        self.drop([key for key in self.known if key[0] == peer])

    def drop(self, keys: list[tuple[NodeId, int]]) -> None:
        dropped = [self.known.pop(key) for key in keys if key in self.known]
        for channel in self.turns:
            self.turns[channel] = [offer for offer in self.turns[channel] if offer not in dropped]

    @invariant()
    def knows_the_same(self) -> None:
        assert len(self.offers) == len(self.known)
        for peer in (A, B, C):
            for reader in (1, 2, 3):
                assert self.offers.find(peer, reader) is self.known.get((peer, reader))

    def teardown(self) -> None:
        """With the last offer its channels are forgotten too."""
        for peer in (A, B, C):
            self.offers.forget(peer)
        assert not self.offers._by_channel
        assert not self.offers._suspended


TestReader = ReaderModel.TestCase
TestReader.settings = steps
TestOffers = OffersModel.TestCase
TestOffers.settings = steps


# Readers


def limits(reader: Reader, *senders: NodeId, now: float = 0.0) -> dict[NodeId, int]:
    return {sender: limit for sender, limit, _ in reader.grant(senders, now)}


def test_nobody_waits_nobody_sends() -> None:
    """Without a waiting receiver and without prefetch there is no credit; without a sender there is none either."""
    assert limits(Reader(1, ("a",), 0, 0.0), A, B) == {}
    assert limits(Reader(1, ("a",), 5, 0.0)) == {}


def test_every_sender_gets_one() -> None:
    """One waiting receiver gives each sender credit for one message, so that none has to ask first."""
    reader = Reader(1, ("a",), 0, 0.0, waiting=1)

    assert reader.grant([A, B, C], 0.0) == [(A, 1, True), (B, 1, True), (C, 1, True)]
    assert reader.grant([A, B, C], 0.0) == []


def test_a_window_is_shared() -> None:
    """Senders share the window in equal parts."""
    assert limits(Reader(1, ("a",), 10, 0.0), A, B) == {A: 5, B: 5}


def test_a_late_sender_gets_its_share() -> None:
    """A sender that comes when all credit is out gets one message; who holds too much cedes it, and it gets that."""
    reader = Reader(1, ("a",), 4, 0.0)
    assert limits(reader, A) == {A: 4}
    assert limits(reader, A, B) == {B: 1, A: 2}
    assert limits(reader, A, B) == {}, "what is asked back is not there yet"

    reader.ceded(A, 2)

    assert limits(reader, A, B) == {B: 2}


def test_what_was_spent_before_it_was_recalled_stays_spent() -> None:
    """A sender that has used its credit already cedes nothing, and what it sent is in the window."""
    reader = Reader(1, ("a",), 4, 0.0)
    limits(reader, A)
    limits(reader, A, B)
    for _ in range(4):
        reader.received(A, 0.0)

    reader.ceded(A, 4)

    assert reader.lines[A].outstanding == 0
    assert limits(reader, A, B) == {A: 7}, "B holds the one that it may"


def test_ceding_what_was_not_asked_for_changes_nothing() -> None:
    """Neither more nor less credit for a sender that cedes out of turn, and nothing for one that is not known."""
    reader = Reader(1, ("a",), 4, 0.0)
    limits(reader, A)

    reader.ceded(A, 0)
    reader.ceded(B, 0)

    assert reader.lines[A].outstanding == 4
    assert B not in reader.lines


def test_many_are_renewed_at_half() -> None:
    """Credit for many messages is renewed when half of it is spent, not with each message."""
    reader = Reader(1, ("a",), 10, 0.0)
    limits(reader, A)

    renewals = []
    for _ in range(10):
        reader.received(A, 0.0)
        renewals.append(limits(reader, A))

    assert renewals == [{}] * 4 + [{A: 15}] + [{}] * 4 + [{A: 20}]


@pytest.mark.parametrize("window", [1, 2, 3])
def test_few_are_renewed_at_once(window: int) -> None:
    """Credit for few messages is renewed with each, for the half of it is no message."""
    reader = Reader(1, ("a",), window, 0.0)
    assert limits(reader, A) == {A: window}

    for number in range(1, 5):
        reader.received(A, 0.0)
        assert limits(reader, A) == {A: window + number}


def test_unread_messages_take_room() -> None:
    """What arrived and was not taken is no room for more; once it is taken, the window opens again."""
    reader = Reader(1, ("a",), 2, 0.0)
    limits(reader, A)
    for _ in range(2):
        reader.received(A, 0.0)
        reader.unread += 1

    assert limits(reader, A) == {}
    reader.unread -= 1
    assert limits(reader, A) == {A: 3}


def test_polling_counts_as_waiting_for_a_while() -> None:
    """A receiver that looks without waiting keeps credit for one message out, for as long as it was told."""
    reader = Reader(1, ("a",), 0, 0.0, polled_until=1.0)

    assert limits(reader, A, now=0.9) == {A: 1}
    reader.received(A, 0.0)
    assert limits(reader, A, now=1.0) == {}


def test_a_new_link_starts_from_zero() -> None:
    """Both sides count from zero when a link starts anew, and the first grant is marked as such."""
    reader = Reader(1, ("a",), 2, 0.0)
    limits(reader, A)
    reader.received(A, 0.0)

    reader.forget(A)
    reader.forget(B)

    assert reader.grant([A], 0.0) == [(A, 2, True)]


def test_more_than_granted_is_no_debt() -> None:
    """A sender that sends more than it may neither gains nor loses by it later."""
    reader = Reader(1, ("a",), 2, 0.0)
    limits(reader, A)
    for _ in range(5):
        reader.received(A, 0.0)

    assert limits(reader, A) == {A: 7}


# Offers


def test_readers_take_turns() -> None:
    """Whoever has credit is next in turn, however much it is; who has spent it is passed over."""
    offers = unloaded()
    for peer, limit in ((C, 3), (B, 2), (A, 2)):
        offers.put(peer, 1, ("a",), limit)

    order = []
    while (offer := offers.next("a")) is not None:
        offer.sent += 1
        order.append(offer.peer)

    assert order == [A, B, C, A, B, C, C]


def test_the_least_loaded_reader_is_next() -> None:
    """A node that has not started what it was handed gets no more while another has."""
    loads = {A: 3, B: 1, C: 2}
    offers = Offers(0, loads.__getitem__)
    for peer in (A, B, C):
        offers.put(peer, 1, ("a",), 9)

    order = []
    for _ in range(6):
        offer = offers.next("a")
        assert offer is not None
        loads[offer.peer] += 1
        order.append(offer.peer)

    assert order[:2] in ([B, C], [B, B])
    assert loads == {A: 4, B: 4, C: 4}


@pytest.mark.parametrize(("start", "first"), [(0, C), (1, A), (2, B)])
def test_senders_begin_with_different_readers(start: int, first: NodeId) -> None:
    """Who is first in turn depends on the sender."""
    offers = unloaded(start)
    for peer in (A, B, C):
        offers.put(peer, 1, ("a",), 9)

    offer = offers.next("a")

    assert offer is not None
    assert offer.peer == first


def test_a_silent_peer_gets_nothing() -> None:
    """A suspended peer's credit is not spent, is kept, and is good again when it is heard."""
    offers = unloaded()
    quiet = offers.put(A, 1, ("a",), 9)
    other = offers.put(B, 1, ("a",), 1)

    offers.suspend(A)
    assert offers.next("a") is other
    offers.suspend(B)
    assert offers.next("a") is None

    assert offers.resume(A) == [quiet]
    assert offers.next("a") is quiet


def test_a_limit_that_shrinks_leaves_what_was_sent() -> None:
    """The last limit counts; but what was sent against an earlier one cannot be taken back."""
    offers = unloaded()
    offer = offers.put(A, 1, ("a",), 5)
    offer.sent = 4

    assert offers.put(A, 1, (), 3).limit == 4
    assert offers.put(A, 1, (), 6).limit == 6


def test_a_channel_named_twice_is_one() -> None:
    """A peer that names a channel twice in one offer does no harm."""
    offers = unloaded()
    offer = offers.put(A, 1, ("a", "a"), 1)

    assert offers.next("a") is offer
    offers.withdraw(A, 1)
    assert offers.next("a") is None
    assert not offers._by_channel


def test_who_sends_has_what_idle_ones_do_not_need() -> None:
    """Of many nodes that might send, one does: the others keep one message each, so that they need not ask first."""
    reader = Reader(1, ("a",), 12, 0.0, waiting=1)
    assert grants(reader, A, B, C) == {A: 5, B: 5, C: 3}

    for _ in range(5):
        reader.received(A, 10.0)
    reader.lines[B].granted = reader.lines[C].granted = 1  # what they held beyond that was recalled

    assert grants(reader, A, B, C, now=10.0) == {A: 5 + 11}


def grants(reader: Reader, *senders: NodeId, now: float = 0.0) -> dict[NodeId, int]:
    return {sender: limit for sender, limit, _ in reader.grant(senders, now)}
