"""Rooms: who is called when a bound shrinks, in which order, and how often anybody looks."""

from __future__ import annotations

from support.strategies import node
from zmqlayer.names import encode_node_id
from zmqlayer.rooms import NODE, Bound, Rooms

PEER = node(1)
MAIL = f"x.{encode_node_id(PEER)}!1"
OTHER = f"x.{encode_node_id(node(2))}!1"


class Doors:
    """Bounds that are full until a test says how many may pass, and what was told of them."""

    def __init__(self) -> None:
        self.full: dict[str, Bound] = {}
        self.free: dict[Bound, int] = {}
        self.told: list[Bound] = []
        self.looks = 0
        self.rooms = Rooms(self.blocked_by, self.told.append)

    def blocked_by(self, channel: str, now: float) -> Bound | None:
        self.looks += 1
        bound = self.full.get(channel)
        return None if bound is None or self.free.get(bound) else bound

    def fill(self, channel: str, bound: Bound | None = None) -> None:
        self.full[channel] = channel if bound is None else bound

    def leave(self, bound: Bound, count: int = 1) -> None:
        """Let *count* messages leave a bound."""
        self.free[bound] = self.free.get(bound, 0) + count
        self.rooms.freed(bound)

    def let_in(self, bound: Bound) -> list[object]:
        """Do as the face does: let in who may, each of whom takes a place."""
        entered: list[object] = []
        while (token := self.rooms.let_in(bound, 0.0)) is not None:
            entered.append(token)
            if self.free.get(bound):
                self.free[bound] -= 1
        return entered


def test_who_asked_first_is_first() -> None:
    """Each place that becomes free lets in one, in the order in which they asked."""
    doors = Doors()
    doors.fill("jobs")
    for token in "abc":
        doors.rooms.wait(token, "jobs", 0.0)

    doors.leave("jobs", 2)
    first = doors.let_in("jobs")
    doors.leave("jobs")

    assert (first, doors.let_in("jobs"), doors.told) == (["a", "b"], ["c"], ["jobs", "jobs"])
    assert len(doors.rooms) == 0


def test_room_that_is_there_already_is_told_at_once() -> None:
    """Between being refused and asking for room there may have come some: that is not missed."""
    doors = Doors()

    doors.rooms.wait("a", "jobs", 0.0)

    assert (doors.told, doors.let_in("jobs"), doors.let_in("jobs")) == (["jobs"], ["a"], [])


def test_a_bound_is_told_once_until_somebody_looks() -> None:
    """However fast a channel is read, one event is on its way at a time; after the look the next one counts."""
    doors = Doors()
    doors.fill("jobs")
    doors.rooms.wait("a", "jobs", 0.0)

    for _ in range(10):
        doors.rooms.freed("jobs")
    doors.let_in("jobs")
    doors.rooms.freed("jobs")

    assert doors.told == ["jobs", "jobs"]


def test_nobody_waits_nothing_is_told() -> None:
    """A bound in whose line nobody stands costs nothing."""
    doors = Doors()

    doors.rooms.freed("jobs")
    doors.rooms.freed_at(PEER)
    doors.rooms.sweep(0.0)

    assert (doors.told, doors.looks) == ([], 0)


def test_five_thousand_do_not_stampede() -> None:
    """With one place free, two look: the one who gets it, and the next in line."""
    doors = Doors()
    doors.fill("jobs")
    for n in range(5_000):
        doors.rooms.wait(n, "jobs", 0.0)
    doors.looks = 0

    doors.leave("jobs")

    assert (doors.let_in("jobs"), doors.looks, len(doors.rooms)) == ([0], 2, 4_999)


def test_who_gave_up_is_passed_over() -> None:
    """The place goes to the next in line; giving up twice, or after the call, changes nothing."""
    doors = Doors()
    doors.fill("jobs")
    for token in "ab":
        doors.rooms.wait(token, "jobs", 0.0)

    doors.rooms.cancel("a")
    doors.rooms.cancel("a")
    doors.leave("jobs")
    entered = doors.let_in("jobs")
    doors.rooms.cancel("b")

    assert (entered, len(doors.rooms), doors.rooms.lines) == (["b"], 0, {})


def test_who_is_held_up_by_something_else_changes_lines() -> None:
    """A channel with room behind a full peer waits for the peer, and is not told of the channel again."""
    doors = Doors()
    doors.fill(MAIL)
    doors.rooms.wait("a", MAIL, 0.0)

    doors.fill(MAIL, PEER)
    doors.rooms.freed(MAIL)
    at_the_channel = doors.let_in(MAIL)
    doors.leave(PEER)

    assert (at_the_channel, doors.told, doors.let_in(PEER)) == ([], [MAIL, PEER], ["a"])


def test_all_lines_of_a_peer_are_told_of_its_end() -> None:
    """Those who wait for the peer, and for a channel of it; not those who wait for others, or for this node."""
    doors = Doors()
    for token, (channel, bound) in enumerate([(MAIL, MAIL), ("x!", PEER), (OTHER, OTHER), ("jobs", NODE)]):
        doors.fill(channel, bound)
        doors.rooms.wait(token, channel, 0.0)

    doors.rooms.freed_at(PEER)

    assert doors.told == [MAIL, PEER]


def test_what_expired_is_found_by_the_sweep() -> None:
    """A line whose first has room now is told; one that is held up still is not."""
    doors = Doors()
    doors.fill("jobs")
    doors.fill("mails")
    doors.rooms.wait("a", "jobs", 0.0)
    doors.rooms.wait("b", "mails", 0.0)
    doors.free["mails"] = 1

    doors.rooms.sweep(1.0)

    assert doors.told == ["mails"]


def test_a_new_line_is_told_though_nobody_asked_for_the_one_before() -> None:
    """Who was told went away without a look, and so did all who stood there."""
    doors = Doors()
    doors.fill("jobs")
    doors.rooms.wait("a", "jobs", 0.0)
    doors.rooms.freed("jobs")
    doors.rooms.cancel("a")

    doors.rooms.wait("b", "jobs", 0.0)
    doors.rooms.freed("jobs")

    assert doors.told == ["jobs", "jobs"]


def test_a_line_that_nobody_asked_for_is_told_again_by_the_sweep() -> None:
    """Who was told is gone, and those who stand there still are another's."""
    doors = Doors()
    doors.fill("jobs")
    doors.rooms.wait("a", "jobs", 0.0)
    doors.leave("jobs")

    doors.rooms.sweep(1.0)

    assert (doors.told, doors.let_in("jobs")) == (["jobs", "jobs"], ["a"])
