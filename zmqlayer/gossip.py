"""
Gossip: which of its peers a node names to others. Pure; used by ``links.py``.

One seed in common is enough for a mesh: whoever dials it is told of the others in its greeting, and the others
are told of the newcomer with the next heartbeat. In a large mesh all would name each to all; so each peer is named
with such a chance that some of its peers do (rumours, Demers et al. 1987). Only peers that are linked now are named, at
the address where they are; so a name that nobody repeats is out of date, and whoever heard it forgets it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from zmqlayer.exceptions import ProtocolError
from zmqlayer.names import NODE_ID_BYTES, NodeId

__all__ = ["MAX_GOSSIP", "NAMED_AT_ONCE", "NAMERS", "Gossip", "Named", "may_help", "read_named"]

MAX_GOSSIP: Final = 64
"""Peers that one frame may name."""

NAMED_AT_ONCE: Final = 16
"""Peers that our own frames name."""

NAMERS: Final = 8
"""How many of those that are linked to a peer name it, on average; that none does is one case in three thousand."""

ROUND_S: Final = 30.0
"""How often every peer is named to all others again: twice in the time after which they forget it."""

MAX_ADDRESS: Final = 255
MAX_TAG: Final = 32
MOST_UNTOLD: Final = 1024

Named = tuple[NodeId, str, str]
"""A node, the address of its PULL, and the tag of the door that this is: who lacks its secret cannot dial it."""


class Gossip:
    """
    What one node has yet to tell. Newcomers come first; then every peer again, from time to time.

    Args:
        chance: Returns a number from 0 to 1.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._untold: deque[NodeId] = deque(maxlen=MOST_UNTOLD)
        self._next_round = 0.0
        self._cursor = 0

    def has_come(self, node_id: NodeId) -> None:
        """A peer was linked: name it next."""
        self._untold.appendleft(node_id)

    def for_heartbeat(self, linked: Sequence[Named], now: float) -> list[Named]:
        """Return what the next heartbeat names of those that are *linked*."""
        if now >= self._next_round:
            self._next_round = now + ROUND_S
            self._untold.extend(named[0] for named in linked)
        known = {named[0]: named for named in linked}
        told: dict[NodeId, Named] = {}
        while self._untold and len(told) < NAMED_AT_ONCE:
            node_id = self._untold.popleft()
            if node_id in known and self._chance() * len(known) <= NAMERS:
                told[node_id] = known[node_id]
        return list(told.values())

    def for_greeting(self, linked: Sequence[Named]) -> list[Named]:
        """Return what a greeting names: all that are *linked*, or, of many, the next so many each time."""
        if len(linked) <= NAMED_AT_ONCE:
            return list(linked)
        start = self._cursor % len(linked)
        self._cursor = start + NAMED_AT_ONCE
        return [*linked[start:], *linked[:start]][:NAMED_AT_ONCE]


def may_help(address: str, *, heard_from: str) -> bool:
    """
    Whether an address that a peer named can lead anywhere from here.

    Args:
        address: ``tcp://host:port``, as the peer uses it.
        heard_from: The address of that peer.

    Loopback means the peer's machine: that is ours only if the peer is reached by loopback. An address with a
    zone (``fe80::1%eth0``) holds for one adapter of the peer's machine.
    """
    return "%" not in address and (not _is_loopback(address) or _is_loopback(heard_from))


def read_named(entries: object, where: str) -> tuple[Named, ...]:
    """
    Read what a frame names.

    Args:
        where: What kind of frame it is, for the error.

    Raises:
        ProtocolError: Not a list of at most :data:`MAX_GOSSIP` triples of a node id, an address and a tag.
    """
    if not isinstance(entries, list) or len(entries) > MAX_GOSSIP:
        raise ProtocolError(f"{where} has no list of at most {MAX_GOSSIP} as 'peers'")
    named = tuple(_read(entry) for entry in entries)
    if None in named:
        raise ProtocolError(f"{where} has a malformed entry in 'peers'")
    return tuple(peer for peer in named if peer is not None)


def _read(entry: object) -> Named | None:
    if not isinstance(entry, list) or len(entry) != 3:
        return None
    node_id, address, tag = entry
    if type(node_id) is not bytes or len(node_id) != NODE_ID_BYTES:
        return None
    if type(address) is not str or not address.startswith("tcp://") or len(address) > MAX_ADDRESS:
        return None
    return (NodeId(node_id), address, tag) if type(tag) is str and len(tag) <= MAX_TAG else None


def _is_loopback(address: str) -> bool:
    return address.startswith(("tcp://127.", "tcp://localhost:", "tcp://[::1]:"))
