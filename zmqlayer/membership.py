"""
Membership across nodes: group methods that concern another node, or all. Sans-I/O; used by ``mesh.py`` only.

A process channel is added by its owner, whoever asks. A channel without an owner is added at every node.
Each method returns None if all is done, or a token that comes back in a :class:`Completed` event.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from zmqlayer.config import Config
from zmqlayer.counters import Counters
from zmqlayer.events import Completed
from zmqlayer.exceptions import InvalidName, ProtocolError
from zmqlayer.fanout import Fanout
from zmqlayer.names import NodeId, check_channel, check_group, owner_of
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peers
from zmqlayer.requests import Answer, Requests
from zmqlayer.rollcalls import RollCall

__all__ = ["Membership"]

Done = Callable[[RollCall | None], None]


class Membership:
    """
    The groups of one node, as users see them.

    Args:
        on_completed: Told how each request ended that did not end at once.
        clear: Drops all messages and memberships of this node.
    """

    def __init__(
        self, node_id: NodeId, config: Config, outbox: Outbox, peers: Peers, fanout: Fanout, counters: Counters,
        on_completed: Callable[[Completed], None], clear: Callable[[float], None],
    ) -> None:  # fmt: skip
        services = {
            "group_add": self._serve_add,
            "group_discard": self._serve_discard,
            "group_channels": self._serve_channels,
            "flush": self._serve_flush,
        }
        self.requests = Requests(outbox, services)
        self._node_id = node_id
        self._config = config
        self._peers = peers
        self._fanout = fanout
        self._counters = counters
        self._on_completed = on_completed
        self._clear = clear
        self._tokens = 0

    # What users ask for

    def add(self, group: str, channel: str, now: float) -> int | None:
        """Add *channel* to *group*, and wait until every READY peer sends us the group's messages."""
        owner = _owner(channel)
        request = {"group": group, "channel": channel, "lives_s": self._config.group_expiry}
        if owner == self._node_id:
            return self._run(lambda done: self._fanout.add(group, channel, now, done))
        if owner is not None:
            return self._ask(self._linked(owner), "group_add", request, now)
        self._fanout.add_ownerless(group, channel, self._config.group_expiry, now)
        return self._ask(self._peers.ready(), "group_add", request, now)

    def discard(self, group: str, channel: str, now: float) -> int | None:
        """Remove *channel* from *group*; silent if it is no member."""
        owner = _owner(channel)
        request: dict[str, object] = {"group": group, "channel": channel}
        if owner == self._node_id:
            self._fanout.discard(group, channel, now)
            return None
        if owner is not None:
            return self._ask(self._linked(owner), "group_discard", request, now)
        self._fanout.discard_ownerless(group, channel, now)
        return self._ask(self._peers.ready(), "group_discard", request, now)

    def channels(self, group: str, now: float) -> tuple[list[str], int | None]:
        """Return the members this node knows of, and a token if peers were asked for theirs."""
        token = self._ask(self._peers.ready(), "group_channels", {"group": group}, now)
        return self._fanout.members(group, now), token

    def flush(self, now: float) -> int | None:
        """
        Drop all messages and memberships, here and at every READY peer.

        All do so twice: when the first answers are in, what was on its way from these peers is in, too.
        """
        self._clear(now)
        if not self._peers.ready():
            return None

        def flush_again(done: Done) -> None:
            self._clear(now)
            self._flush_peers(now, done)

        return self._run(lambda done: self._flush_peers(now, lambda call: flush_again(done)))

    def peer_up(self, peer: NodeId, now: float) -> None:
        """A link came up: tell the peer of the members that no node owns."""
        deadline = now + self._config.timing.group_add_timeout_s
        for group, channel in self._fanout.ownerless(now):
            request: dict[str, object] = {"group": group, "channel": channel, "lives_s": self._config.group_expiry}
            self.requests.ask({peer}, "group_add", request, deadline, lambda call: None)

    # What peers ask for

    def _serve_add(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        group, channel = _read_names(arguments)
        lives_s = arguments.get("lives_s")
        if type(lives_s) not in (float, int):
            raise ProtocolError("a request to add a member says no lifetime")
        if _owner(channel) == self._node_id:
            self._fanout.add(group, channel, now, lambda call: answer(True))
        else:
            self._fanout.add_ownerless(group, channel, min(float(lives_s or 0), self._config.group_expiry), now)
            answer(True)

    def _serve_discard(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        group, channel = _read_names(arguments)
        self._fanout.discard(group, channel, now)
        self._fanout.discard_ownerless(group, channel, now)
        answer(True)

    def _serve_channels(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        answer(self._fanout.members(_read_group(arguments), now))

    def _serve_flush(self, _arguments: dict[str, Any], now: float, answer: Answer) -> None:
        self._clear(now)
        answer(True)

    # Inside

    def _ask(self, peers: Collection[NodeId], service: str, arguments: dict[str, object], now: float) -> int | None:
        if not peers:
            return None
        deadline = now + 2 * self._config.timing.group_add_timeout_s
        return self._run(lambda done: self.requests.ask(peers, service, arguments, deadline, done))

    def _flush_peers(self, now: float, done: Done) -> None:
        peers = self._peers.ready()
        if peers:
            self.requests.ask(peers, "flush", {}, now + 2 * self._config.timing.group_add_timeout_s, done)
        else:
            done(None)

    def _run(self, begin: Callable[[Done], None]) -> int | None:
        """Begin something that calls back when it is done. Returns None if it did so at once, else a token."""
        self._tokens += 1
        token = self._tokens
        ended: list[RollCall | None] = []

        def done(call: RollCall | None) -> None:
            ended.append(call)
            if is_awaited:
                answers, missing = (call.answers, frozenset(call.missing)) if call else ({}, frozenset())
                self._on_completed(Completed(token, answers, missing))

        is_awaited = False
        begin(done)
        is_awaited = True
        return None if ended else token

    def _linked(self, owner: NodeId) -> Collection[NodeId]:
        peer = self._peers.get(owner)
        if peer is not None and peer.is_up:
            return (owner,)
        self._counters.unreachable += 1
        return ()


def _owner(channel: str) -> NodeId | None:
    """Return who owns a process channel; a ``?`` channel counts as ownerless, since anyone may read it."""
    return owner_of(channel) if "!" in channel else None


def _read_names(arguments: dict[str, Any]) -> tuple[str, str]:
    return _read_group(arguments), _read_name(arguments, "channel", check_channel)


def _read_group(arguments: dict[str, Any]) -> str:
    return _read_name(arguments, "group", check_group)


def _read_name(arguments: dict[str, Any], key: str, check: Callable[[object], str]) -> str:
    try:
        return check(arguments.get(key))
    except InvalidName as exc:
        raise ProtocolError(f"a request has no {key}: {exc}") from exc
