"""
Membership across nodes: group methods that concern another node, or all. Sans-I/O; used by ``mesh.py`` only.

A channel of a node is added by its owner, whoever asks. A named channel is added at every node: see ``roster.py``.
Each method returns None if all is done, or a token that comes back in a :class:`Completed` event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from zmqlayer.config import Config
from zmqlayer.counters import Counters
from zmqlayer.events import Completed
from zmqlayer.exceptions import InvalidName, LimitReached, NotConfirmed, ProtocolError, ZmqLayerError
from zmqlayer.fanout import Fanout
from zmqlayer.frames import BROADCAST, node_topic
from zmqlayer.names import NodeId, check_channel, check_group, owner_of
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peers
from zmqlayer.reports import in_parts
from zmqlayer.requests import Answer, Requests, refusals
from zmqlayer.rollcalls import RollCall
from zmqlayer.roster import Note

__all__ = ["Membership"]

NOTES: Final = 200
"""Notes that one frame carries, so that it stays below the smallest frame limit."""

Done = Callable[[RollCall | None], None]
Judge = Callable[[RollCall | None], ZmqLayerError | None]


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
            "note": self._serve_note,
            "flush": self._serve_flush,
        }
        self.requests = Requests(outbox, config.limits, services)
        self._node_id = node_id
        self._config = config
        self._peers = peers
        self._fanout = fanout
        self._counters = counters
        self._on_completed = on_completed
        self._clear = clear
        self._tokens = 0
        self._silent: set[NodeId] = set()

    # What users ask for

    def add(self, group: str, channel: str, now: float) -> int | None:
        """
        Add *channel* to *group*, and wait until every READY peer sends there what is sent to the group.

        Raises:
            LimitReached: A table of this node is full; nothing was added.
        """
        owner = owner_of(channel)
        if owner == self._node_id:
            return self._run(lambda done: self._fanout.add(group, channel, now, done))
        self.requests.check_room()
        if owner is not None:
            return self._ask_owner(owner, "group_add", group, channel, now)
        return self._announce(self._fanout.roster.add(group, channel, now), now)

    def discard(self, group: str, channel: str, now: float) -> int | None:
        """
        Remove *channel* from *group*; silent if it is no member.

        Raises:
            LimitReached: Too many questions to peers are open; nothing was removed.
        """
        owner = owner_of(channel)
        if owner == self._node_id:
            self._fanout.discard(group, channel, now)
            return None
        self.requests.check_room()
        if owner is not None:
            return self._ask_owner(owner, "group_discard", group, channel, now)
        return self._announce(self._fanout.roster.discard(group, channel, now), now)

    def channels(self, group: str, now: float) -> tuple[list[str], int | None]:
        """
        Return the members this node knows of, and a token if peers were asked for theirs: all, the silent too.

        Raises:
            LimitReached: Too many questions to peers are open.
        """
        self.requests.check_room()
        token = self._ask({peer.node_id for peer in self._peers}, "group_channels", {"group": group}, now)
        return self._fanout.members(group, now) + self._fanout.roster.members(group, now), token

    def flush(self, now: float) -> int | None:
        """
        Drop all messages and memberships, here and at every peer that is READY or about to be.

        All do so twice: when the first answers are in, what was on its way from these peers is in, too. Each time those
        that stand still are waited for.

        Raises:
            LimitReached: Too many questions to peers are open; nothing was dropped.
        """
        self.requests.check_room()
        self._clear(now)
        if not self._peers.rising():
            return None

        round_s = 2 * self._config.timing.group_add_timeout_s

        def flush_again(done: Done) -> None:
            self._clear(now)
            self._flush_peers(now + 2 * round_s, done)

        return self._run(lambda done: self._flush_peers(now + round_s, lambda call: flush_again(done)))

    # What happens to links

    def peer_listens(self, node_id: NodeId, now: float) -> None:
        """
        A peer is about to take the link for up, or is heard again: tell it the roster.

        Not when its subscription is seen: that may be one of a former pipe, where what is said is lost.
        """
        self._tell(node_topic(node_id), self._fanout.roster, now)

    def peer_up(self, node_id: NodeId) -> None:
        """A link came up: ask again what is open."""
        self.requests.peer_up(node_id)

    def peer_gone(self, node_id: NodeId, now: float) -> None:
        """A peer is gone. What it changed in the roster it may not have told to everyone: those who know do."""
        self.requests.peer_gone(node_id)
        self._tell(BROADCAST, (note for note in self._fanout.roster if note.author == node_id), now)

    def tick(self, now: float) -> set[NodeId]:
        """End requests whose time is up. Returns the peers that did not take note in time of a change to the roster."""
        self.requests.tick(now)
        taken, self._silent = self._silent, set()
        return taken

    # What peers ask for

    def _serve_add(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        group, channel = self._read_own(arguments)
        try:
            self._fanout.add(group, channel, now, lambda call: answer(True))
        except LimitReached as exc:
            answer(exc.limit)

    def _serve_discard(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        group, channel = self._read_own(arguments)
        self._fanout.discard(group, channel, now)
        answer(True)

    def _serve_channels(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        group = _read_name(arguments, "group", check_group)
        answer(self._fanout.members(group, now))

    def _serve_note(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        values = arguments.get("notes")
        if not isinstance(values, list):
            raise ProtocolError("a request to take note has no list of notes")
        notes = [Note.from_wire(value, now, self._config.group_expiry) for value in values]
        fitted = [self._fanout.roster.merge(note, now) for note in notes]
        answer(True if all(fitted) else "named_members")

    def _serve_flush(self, _arguments: dict[str, Any], now: float, answer: Answer) -> None:
        self._clear(now)
        answer(True)

    def _read_own(self, arguments: dict[str, Any]) -> tuple[str, str]:
        group = _read_name(arguments, "group", check_group)
        channel = _read_name(arguments, "channel", check_channel)
        if owner_of(channel) != self._node_id:
            raise ProtocolError(f"a request about {channel!r} came to a node that does not own it")
        return group, channel

    # Inside

    def _ask_owner(self, owner: NodeId, service: str, group: str, channel: str, now: float) -> int | None:
        """Ask the owner of a channel, if there still is one: with it, its memberships have ended."""
        if self._peers.get(owner) is None:
            self._counters.unreachable += 1
            return None

        def judge(call: RollCall | None) -> ZmqLayerError | None:
            if call is not None and call.missing:
                return NotConfirmed(channel, group)
            return next(iter(refusals(call)), None)

        return self._ask({owner}, service, {"group": group, "channel": channel}, now, judge)

    def _announce(self, note: Note, now: float) -> int | None:
        """
        Tell those that are READY or about to be of a change to the roster, and wait for them.

        A peer that is not is told with everything else when it is heard again.
        """
        arguments: dict[str, object] = {"notes": [note.to_wire(now)]}
        peers = self._peers.rising()
        if not peers:
            return None
        deadline = now + self._config.timing.group_add_timeout_s

        def judge(call: RollCall | None) -> ZmqLayerError | None:
            if call is not None:
                self._silent |= call.missing
            return next(iter(refusals(call)), None)

        return self._run(lambda done: self.requests.ask(peers, "note", arguments, deadline, done), judge)

    def _tell(self, topic: bytes, notes: Iterable[Note], now: float) -> None:
        for part in in_parts([note.to_wire(now) for note in notes], NOTES):
            self.requests.tell(topic, "note", {"notes": part})

    def _ask(
        self, peers: set[NodeId], service: str, arguments: dict[str, object], now: float, judge: Judge | None = None
    ) -> int | None:
        if not peers:
            return None
        deadline = now + 2 * self._config.timing.group_add_timeout_s
        return self._run(lambda done: self.requests.ask(peers, service, arguments, deadline, done), judge)

    def _flush_peers(self, deadline: float, done: Done) -> None:
        peers = self._peers.rising()
        if peers:
            self.requests.ask(peers, "flush", {}, deadline, done)
        else:
            done(None)

    def _run(self, begin: Callable[[Done], None], judge: Judge | None = None) -> int | None:
        """Begin something that calls back when it is done. Returns None if it did so at once, else a token."""
        self._tokens += 1
        token = self._tokens
        ended: list[RollCall | None] = []

        def done(call: RollCall | None) -> None:
            ended.append(call)
            if is_awaited:
                answers, missing = (call.answers, frozenset(call.missing)) if call else ({}, frozenset())
                self._on_completed(Completed(token, answers, missing, judge(call) if judge is not None else None))

        is_awaited = False
        begin(done)
        is_awaited = True
        return None if ended else token


def _read_name(arguments: dict[str, Any], key: str, check: Callable[[object], str]) -> str:
    try:
        return check(arguments.get(key))
    except InvalidName as exc:
        raise ProtocolError(f"a request has no {key}: {exc}") from exc
