"""
Peers: the life of a link, as a table. Pure; time is passed in.

::

             HELLO             LINKED              QUIET             OVERDUE
    FOUND ──────────► GREETED ────────► READY ──────────────► SILENT ─────────► GONE
                       ▲   │              │ HEARD ▲             │
                       │   └─ OVERDUE ──► │       └─────────────┘
                       └── RESTARTED, CUT ┘                (DEPARTED from any state: GONE)

* FOUND: an address answered, and said who it is.
* GREETED: subscriptions are on their way. No work flows; mail does once the peer subscribed to its own topic.
* READY: our subscriptions are proven to be installed at the peer, and the peer's here: everything flows.
* SILENT: no heartbeat for a while. What is addressed to the peer still flows; it gets no new work.
* GONE: terminal. The same process may come back as a new link; another process at the same address is
  another peer, because the id of a node is new at each start.

A cut pipe or a HELLO with a new link number takes a READY peer back to GREETED: the link starts anew, and
credit with it. A node whose own loop was late gives its peers the time it missed: it doubts itself before
it accuses others (Lifeguard, Dadgar et al. 2018).
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from zmqlayer.config import Timing
from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.heartbeats import PUSHED_EVERY, pushes_each
from zmqlayer.journal import Journal
from zmqlayer.names import NodeId, short

__all__ = ["READY", "SILENT", "TRANSITIONS", "Cause", "InvalidState", "Peer", "PeerInfo", "PeerState", "Peers"]


_NEVER: Final = float("inf")


class PeerState(Enum):
    """Where a link stands."""

    FOUND = "found"
    GREETED = "greeted"
    READY = "ready"
    SILENT = "silent"
    GONE = "gone"


class Cause(Enum):
    """What moves a link."""

    HELLO = auto()
    LINKED = auto()
    HEARD = auto()
    QUIET = auto()
    CUT = auto()
    RESTARTED = auto()
    OVERDUE = auto()
    DEPARTED = auto()


READY, SILENT = PeerState.READY, PeerState.SILENT  # a name is faster than a member

_S, _C = PeerState, Cause

TRANSITIONS: Final = {
    (_S.FOUND, _C.HELLO): _S.GREETED,
    (_S.GREETED, _C.RESTARTED): _S.GREETED,
    (_S.GREETED, _C.CUT): _S.GREETED,
    (_S.GREETED, _C.HEARD): _S.GREETED,
    (_S.GREETED, _C.LINKED): _S.READY,
    (_S.GREETED, _C.OVERDUE): _S.GONE,
    (_S.READY, _C.HEARD): _S.READY,
    (_S.READY, _C.RESTARTED): _S.GREETED,
    (_S.READY, _C.CUT): _S.GREETED,
    (_S.READY, _C.QUIET): _S.SILENT,
    (_S.SILENT, _C.HEARD): _S.READY,
    (_S.SILENT, _C.RESTARTED): _S.GREETED,
    (_S.SILENT, _C.CUT): _S.GREETED,
    (_S.SILENT, _C.OVERDUE): _S.GONE,
    (_S.FOUND, _C.DEPARTED): _S.GONE,
    (_S.GREETED, _C.DEPARTED): _S.GONE,
    (_S.READY, _C.DEPARTED): _S.GONE,
    (_S.SILENT, _C.DEPARTED): _S.GONE,
}


class InvalidState(ZmqLayerError):
    """A cause met a state it cannot meet: a bug of ours."""

    def __init__(self, state: PeerState, cause: Cause) -> None:
        super().__init__(state, cause)
        self.state = state
        self.cause = cause

    def __str__(self) -> str:
        return f"a {self.state.name} peer cannot meet {self.cause.name}"


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """
    What users are told about a peer.

    Attributes:
        lag_ms: How late the loop of its node was within its last second, by its own account.
    """

    node_id: NodeId
    role: str
    address: str
    state: str
    lag_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Peer:
    """
    One link, as this node sees it.

    Attributes:
        heard_at: When it last published something to us.
        pushed_at: When it last pushed something to us; counts while the link is READY or SILENT.
        lag_ms: How late its loop was lately, by its own account.
        pace: How many times slower than usual it sends heartbeats, by its own account: it has many peers.
        pull: Address of the peer's PULL that we push to.
        pub: Address of its XPUB that our SUB is connected to.
        door: Number of our own door whose secret the link uses.
        our_link: Number of our side of the link; a new one tells the peer to start anew.
        their_link: Number of its side.
        patience_s: How long a handshake may take, if longer than usual.
        greeted_at: When it became GREETED.
        deadline: When a GREETED link is given up.
        probe_at: When to ask next whether anybody still listens at the address; only after a cut.
        is_subscribed: The peer's own topic is subscribed at our XPUB: what we publish reaches it.
        is_echoed: The peer echoed our barrier: our subscriptions are installed there.
        is_synced: The peer said that we echoed its barrier: its subscriptions are installed here.
        was_ready: The link was READY once.
    """

    node_id: NodeId
    role: str
    pull: str
    pub: str
    door: int = 0
    our_link: int
    their_link: int
    found_at: float
    heard_at: float
    pushed_at: float = _NEVER
    lag_ms: int = 0
    pace: float = 1.0
    state: PeerState = PeerState.FOUND
    patience_s: float = 0.0
    greeted_at: float = 0.0
    deadline: float = 0.0
    probe_at: float = _NEVER
    is_subscribed: bool = False
    is_echoed: bool = False
    is_synced: bool = False
    was_ready: bool = False

    @property
    def is_up(self) -> bool:
        """Whether messages may be published to the peer."""
        return self.state is READY or self.state is SILENT

    @property
    def is_cut(self) -> bool:
        """Whether the peer's pipe was cut, and the link is to start anew."""
        return self.state is PeerState.GREETED and self.probe_at < _NEVER

    @property
    def info(self) -> PeerInfo:
        """What users are told about the peer."""
        return PeerInfo(self.node_id, self.role, self.pull, self.state.value, self.lag_ms)

    def start_anew(self) -> None:
        """Forget what was proven about the link; what ZeroMQ itself reports stays."""
        self.is_echoed = self.is_synced = False
        self.pushed_at = _NEVER


class Peers:
    """
    All links of one node, by node id.

    Attributes:
        early: Nodes whose subscriptions came before their greeting: what is published reaches them already.
        get: Return the link to a node, or None. Each frame asks, so no call of ours is in between.
    """

    def __init__(self, timing: Timing, journal: Journal) -> None:
        self.early: set[NodeId] = set()
        self._timing = timing
        self._journal = journal
        self._peers: dict[NodeId, Peer] = {}
        self.get = self._peers.get
        self._greeted: dict[NodeId, Peer] = {}
        self._by_address: dict[str, Peer] = {}
        self._ready: Set[NodeId] | None = None
        self._look_at = 0.0  # before that nobody's time is up: looking at each of many with each frame is what costs

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[Peer]:
        return iter(list(self._peers.values()))

    def hears_us(self, node_id: NodeId) -> bool:
        """Whether what is published on its own topic reaches a node."""
        peer = self._peers.get(node_id)
        return peer.is_subscribed if peer is not None else node_id in self.early

    def add(self, peer: Peer) -> None:
        """Begin to follow a link."""
        self._ready = None
        self._peers[peer.node_id] = peer
        self._by_address[peer.pull] = peer

    def ready(self) -> Set[NodeId]:
        """Return the ids of the peers that are READY."""
        if self._ready is None:
            self._ready = self._in_states(PeerState.READY)
        return self._ready

    def rising(self) -> Set[NodeId]:
        """Return the ids of the peers that are READY or on the way to it: they see us as READY now, or soon."""
        return self._in_states(PeerState.GREETED, PeerState.READY)

    def _in_states(self, *states: PeerState) -> Set[NodeId]:
        # In the order in which they were found: that of a plain set changes from one process to the next.
        return dict.fromkeys(peer.node_id for peer in self._peers.values() if peer.state in states).keys()

    def at(self, pull: str) -> Peer | None:
        """Return the peer that is reached at address *pull*, or None."""
        return self._by_address.get(pull)

    def move(self, peer: Peer, cause: Cause, now: float) -> PeerState:
        """
        Apply *cause* to the link and return the state it had before.

        Raises:
            InvalidState: The pair is not in the table.
        """
        before = peer.state
        try:
            peer.state = TRANSITIONS[before, cause]
        except KeyError:
            raise InvalidState(before, cause) from None
        self._ready = None
        if peer.state is not before:
            self._journal.debug("= %s %s: %s → %s", short(peer.node_id), cause.name, before.value, peer.state.value)
        if peer.state is not PeerState.GREETED:
            self._greeted.pop(peer.node_id, None)
        if peer.state is PeerState.GREETED and cause is not Cause.HEARD:
            self._greeted[peer.node_id] = peer
            peer.greeted_at = now if before is not PeerState.GREETED else peer.greeted_at
            peer.deadline = self._end_of_handshake(peer, cause, now)
            peer.probe_at = now if cause is Cause.CUT else _NEVER
        elif cause is Cause.LINKED:
            peer.was_ready = True
            peer.heard_at = peer.pushed_at = now
        elif peer.state is PeerState.GONE:
            del self._peers[peer.node_id]
            if self._by_address.get(peer.pull) is peer:
                del self._by_address[peer.pull]
        self._look_in_time(peer)
        return before

    def _end_of_handshake(self, peer: Peer, cause: Cause, now: float) -> float:
        """Return when to give it up: however often it starts anew, a link that does not get READY is GONE in time."""
        timing = self._timing
        patience_s = max(peer.patience_s, timing.dial_timeout_s)
        latest = peer.greeted_at + max(patience_s, timing.gone_after_s)
        return min(now + (timing.cut_timeout_s if cause is Cause.CUT else patience_s), latest)

    def progressed(self, peer: Peer, now: float) -> None:
        """A step of the handshake was made: those that are left have as long as all, within what all may take."""
        if peer.state is PeerState.GREETED:
            peer.deadline = max(peer.deadline, self._end_of_handshake(peer, Cause.HELLO, now))

    def note_pace(self, peer: Peer, pace: float) -> None:
        """A peer says how slow it is."""
        peer.pace = pace
        self._look_in_time(peer)

    def quiet_since(self, peer: Peer) -> float:
        """Return when *peer* was last heard on the way on which it is quieter, where it was to be heard since."""
        pauses_s = 0.0 if pushes_each(peer.pace) else (PUSHED_EVERY - 1) * peer.pace * self._timing.heartbeat_s
        return min(peer.heard_at, peer.pushed_at + pauses_s)

    def meeting_since(self) -> list[float]:
        """Return when each link that is coming up began to."""
        return [peer.greeted_at for peer in self._greeted.values()]

    def check(self, now: float) -> list[tuple[Peer, Cause]]:
        """Return the links whose time is up, with what that means for them."""
        if now < self._look_at:
            return []
        ends = [(peer, *self._end_of(peer)) for peer in self._peers.values()]
        self._look_at = min((at for _, at, _ in ends), default=_NEVER)
        return [(peer, cause) for peer, at, cause in ends if at <= now]

    def _look_in_time(self, peer: Peer) -> None:
        """The time of one link may be up earlier than it was; that of the others is not."""
        self._look_at = min(self._look_at, self._end_of(peer)[0])

    def _end_of(self, peer: Peer) -> tuple[float, Cause]:
        """Return when the time of a link is up, if its peer is not heard before, and what that means."""
        if peer.state is READY:
            return self.quiet_since(peer) + self._timing.silent_after_s * peer.pace, Cause.QUIET
        if peer.state is SILENT:
            return self.quiet_since(peer) + self._timing.gone_after_s * peer.pace, Cause.OVERDUE
        return peer.deadline if peer.state is PeerState.GREETED else _NEVER, Cause.OVERDUE

    def to_probe(self, now: float) -> list[str]:
        """Return the addresses of peers whose pipe was cut: if nobody listens there any more they are gone."""
        due = [peer for peer in self._greeted.values() if peer.probe_at <= now]
        for peer in due:
            peer.probe_at = now + self._timing.probe_every_s
        return [peer.pull for peer in due]

    def next_at(self) -> float:
        """Return the earliest end of a handshake, or the next probe; silence is looked at with each heartbeat."""
        return min((min(peer.deadline, peer.probe_at) for peer in self._greeted.values()), default=_NEVER)

    def excuse(self, lateness_s: float, now: float) -> None:
        """Give every peer the time by which this node's own loop was late, but none beyond the present."""
        for peer in self._peers.values():
            peer.heard_at = min(peer.heard_at + lateness_s, now)
            if peer.pushed_at < _NEVER:
                peer.pushed_at = min(peer.pushed_at + lateness_s, now)
            latest = max(peer.deadline, now + max(peer.patience_s, self._timing.dial_timeout_s))
            peer.deadline = min(peer.deadline + lateness_s, latest)
