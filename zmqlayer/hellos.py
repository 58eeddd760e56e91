"""
Hellos: the frames with which nodes meet, and what goes into them: who we are, whom we know, whom we refuse.
Sans-I/O; used by ``links.py`` only, which decides when they are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from zmqlayer.actions import Push
from zmqlayer.codec import pack_control
from zmqlayer.config import Config
from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import BROADCAST, PROTOCOL_MAJOR, PROTOCOL_MINOR, Kind, pack
from zmqlayer.gossip import Gossip, Named
from zmqlayer.greetings import Greeting, address_of
from zmqlayer.identity import Identity
from zmqlayer.journal import Journal
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peer, Peers
from zmqlayer.rejections import Rejections
from zmqlayer.routes import Routes

__all__ = ["Hellos"]


class Hellos:
    """
    How one node greets, answers and refuses.

    Args:
        chance: Returns a number from 0 to 1, to choose whom to name.
    """

    def __init__(
        self, identity: Identity, config: Config, outbox: Outbox, journal: Journal, peers: Peers,
        chance: Callable[[], float],
    ) -> None:  # fmt: skip
        self.routes = Routes(config.limits.routes)
        self.rejections = Rejections(identity, config, journal)
        self.gossip = Gossip(chance)
        self._identity = identity
        self._config = config
        self._outbox = outbox
        self._peers = peers

    def moved(self, identity: Identity) -> None:
        """This node has other hosts than before, which greetings tell from now on."""
        self._identity = identity

    def push(
        self, address: str, number: int, link: int, patience_s: float, *,
        answers: str | None = None, to: NodeId | None = None,
    ) -> None:  # fmt: skip
        """
        Greet whoever listens at *address*, as one who has the secret of our door *number*.

        Args:
            link: Number of our side of the link.
            patience_s: How long the handshake may take.
            answers: The address that was dialled, if this answers; else *address* is being dialled.
            to: Whom the answer is for, if it goes to several of its hosts to find out which works.
        """
        identity, door = self._identity, self._identity.doors[number]
        known = [named for named in self.linked() if named[1] != address]
        greeting = Greeting(
            cluster=door.tag,
            role=identity.role,
            link=link,
            hosts=identity.hosts,
            pull=door.pull,
            pub=door.pub,
            dialled=answers or address,
            is_answer=answers is not None,
            patience_ms=int(patience_s * 1000),
            via=address if to is not None else "",
            to=to,
            peers=tuple(self.gossip.for_greeting(known)),
        )
        body = pack_control(greeting.to_payload())
        self._outbox.do(Push(address, pack(BROADCAST, Kind.HELLO, identity.node_id, 0, "", body), number))

    def push_to(self, peer: Peer, *, answers: str | None = None) -> None:
        """Greet a peer, where and as who the link to it goes."""
        self.push(peer.pull, peer.door, peer.our_link, peer.patience_s, answers=answers)

    def try_hosts(self, node_id: NodeId, greeting: Greeting, addresses: Iterable[str], link: int, now: float) -> None:
        """Answer a node at all its hosts at once; it will say by which of them it heard of us."""
        patience_s = self.patience_of(greeting)
        ends_at = now + max(patience_s, self._config.timing.dial_timeout_s)
        door = self._identity.door_of(greeting.cluster) or 0
        for address in self.routes.begin(node_id, addresses, link, ends_at):
            self.push(address, door, link, patience_s, answers=greeting.dialled, to=node_id)
        self._outbox.call_by(ends_at)

    def refuse(self, node_id: NodeId, reason: str, payload: dict[str, Any], now: float) -> None:
        """Want no link with a node, and tell it why if it can be told."""
        self.rejections.refuse(node_id, reason, payload)
        try:
            greeting = Greeting.from_payload(payload)
        except ProtocolError:
            return  # another version; we cannot know how to reach it
        if greeting.is_answer:
            return
        refusal = {"dialled": greeting.dialled, "reason": reason, "version": [PROTOCOL_MAJOR, PROTOCOL_MINOR]}
        wire = pack(BROADCAST, Kind.REFUSAL, self._identity.node_id, 0, "", pack_control(refusal))
        hosts = [address_of(host, greeting.pull) for host in greeting.hosts]
        ends_at = now + self._config.timing.dial_timeout_s
        for address in self.routes.begin(node_id, hosts, 0, ends_at):
            self._outbox.do(Push(address, wire, 0))
        self._outbox.call_by(ends_at)

    def linked(self) -> list[Named]:
        """Return the peers that are worth naming to others, with their addresses and the doors that lead there."""
        doors = self._identity.doors
        return [(peer.node_id, peer.pull, doors[peer.door].tag) for peer in self._peers if peer.is_up]

    def patience_of(self, greeting: Greeting) -> float:
        """Return how long the sender of *greeting* asks us to give the handshake, within reason."""
        return min(greeting.patience_ms / 1000, self._config.timing.patience_most_s)
