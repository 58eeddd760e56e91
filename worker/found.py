"""Whom a worker found, in words for its operator. Knows no Django: all kinds of workers say it so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from zmqlayer.names import NodeId, short

__all__ = ["Peer", "describe_peers"]


class Peer(Protocol):
    """Another node, as a layer reports it."""

    @property
    def node_id(self) -> NodeId:
        """Who it is."""

    @property
    def role(self) -> str:
        """What it is, like ``"interface"``."""

    @property
    def state(self) -> str:
        """How the link stands; ``"ready"`` when everything flows."""


def describe_peers(peers: Iterable[Peer]) -> str:
    """Say which of *peers* are linked."""
    linked = sorted(f"{peer.role} {short(peer.node_id)}" for peer in peers if peer.state == "ready")
    return f"found {', '.join(linked) or 'nobody yet; it goes on looking'}"
