"""
Rejections: with whom this node wants no link, who wants none with it, and who is told. Time is passed in. Used by
``hellos.py``.

Each is one line in the log of either side, with the cure, however often it happens.
"""

from __future__ import annotations

from typing import Any, Final

from zmqlayer.config import Config
from zmqlayer.frames import PROTOCOL_MAJOR
from zmqlayer.identity import Identity
from zmqlayer.journal import Journal
from zmqlayer.names import NodeId, short

__all__ = ["Rejections"]

BAN_S: Final = 60.0


class Rejections:
    """The rejections of one node; what it remembers of them has the bound ``limits.rejections``."""

    def __init__(self, identity: Identity, config: Config, journal: Journal) -> None:
        self._identity = identity
        self._config = config
        self._journal = journal
        self._most = config.limits.rejections
        self._banned: dict[NodeId, float] = {}
        self._told: dict[NodeId | str, None] = {}

    def ban(self, node_id: NodeId, now: float) -> None:
        """Listen to no greeting of *node_id* for a minute."""
        _make_room(self._banned, self._most)
        self._banned[node_id] = now + BAN_S

    def is_banned(self, node_id: NodeId, now: float) -> bool:
        """Whether *node_id* is not listened to now."""
        return self._banned.get(node_id, now) > now

    def reason(self, payload: dict[str, Any], *, has_room: bool) -> str:
        """Return why not to link with who sent this HELLO: "version", "cluster", "full"; "" if all is well."""
        version = payload.get("version")
        major = version[0] if isinstance(version, list) and version else None
        if major != PROTOCOL_MAJOR:
            return "version"
        if self._identity.door_of(payload.get("cluster")) is None:
            return "cluster"
        return "" if has_room else "full"

    def refuse(self, node_id: NodeId, reason: str, payload: dict[str, Any]) -> None:
        """Say in the log, once per node, that it is refused and why."""
        if not self._is_news("full" if reason == "full" else node_id):
            return
        if reason == "version":
            self._journal.warning(
                "refused node %s: it speaks protocol %s and we speak %d; run the same major version everywhere",
                short(node_id), str(payload.get("version"))[:20], PROTOCOL_MAJOR,
            )  # fmt: skip
        elif reason == "cluster":
            self._journal.warning(
                "refused node %s: it is not of cluster %r with our secret; give both the same cluster and secret",
                short(node_id), self._config.cluster,
            )  # fmt: skip
        else:
            self._journal.warning(
                "refused node %s and maybe others: there are %d peers already; raise limits['peers'] if that is right",
                short(node_id), self._config.limits.peers,
            )  # fmt: skip

    def refused_by(self, address: str, payload: dict[str, Any]) -> None:
        """Say in the log, once per address, that whoever listens there refused us."""
        if not self._is_news(address):
            return
        if payload.get("reason") == "version":
            self._journal.warning(
                "%s refused us: it speaks protocol %s and we speak %d; run the same major version everywhere",
                address, str(payload.get("version"))[:20], PROTOCOL_MAJOR,
            )  # fmt: skip
        elif payload.get("reason") == "cluster":
            self._journal.warning(
                "%s refused us: it is not of cluster %r with our secret; give both the same cluster and secret",
                address, self._config.cluster,
            )  # fmt: skip
        else:
            self._journal.warning("%s refused us: it has as many peers as it may; raise limits['peers'] there", address)

    def _is_news(self, who: NodeId | str) -> bool:
        if who in self._told:
            return False
        _make_room(self._told, self._most)
        self._told[who] = None
        return True


def _make_room(table: dict[Any, Any], most: int) -> None:
    """Forget the oldest entry of a full table."""
    if len(table) >= most:
        del table[next(iter(table))]
