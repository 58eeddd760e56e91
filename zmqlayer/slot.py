"""
The slot in which this process keeps the node of a layer. The faces of a layer share it.

A process that is forked cannot use its parent's node: the node's threads do not exist there, its locks stay as
they were, and its sockets are the parent's. So a forked child finds the slot empty, and its first use makes a
node of its own, with an id of its own. The parent's node is left as it is: not closed, not even let go of, since
whatever libzmq did on the way would be done to the parent's connections.

When no face of a layer is left, its slot goes, and the node is closed: a layer that is dropped and not closed, as
when settings change in tests, leaves no node behind.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from functools import cache
from typing import Final

from zmqlayer.node import Node

__all__ = ["NodeSlot"]

_slots: Final[weakref.WeakSet[NodeSlot]] = weakref.WeakSet()
_abandoned: Final[list[Node]] = []
"""Nodes of the processes that this one was forked from, kept from the garbage collector."""


class NodeSlot:
    """
    The place of one node in this process.

    Args:
        build: Returns a new node that has not started.

    Attributes:
        filled: The node, once it is built; :attr:`node` builds it.
    """

    def __init__(self, build: Callable[[], Node]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self.filled: Node | None = None
        self._former: Node | None = None

    def __repr__(self) -> str:
        return f"<NodeSlot [{'filled' if self.filled else 'empty'}]>"

    @property
    def node(self) -> Node:
        """The node of this process, built if there is none yet."""
        return self.filled or self._fill()

    def renew(self) -> None:
        """Become empty, in a child that was forked just now. A layer that was closed stays closed."""
        self._lock = threading.Lock()
        former, self.filled = self.filled, None
        if former is None:
            return
        if former.is_closed:
            self.filled = former
        else:
            self._former = former
        former.abandon()
        _abandoned.append(former)

    def _fill(self) -> Node:
        _watch_forks()
        _slots.add(self)
        with self._lock:
            if self.filled is None:
                node = self._build()
                if self._former is not None:
                    node.follow(self._former)
                weakref.finalize(self, node.retire).atexit = False
                self.filled = node
            return self.filled


@cache
def _watch_forks() -> None:
    """Have the slots renewed in every child; once for the process, and not before there is a node."""
    os.register_at_fork(after_in_child=_renew_all)


def _renew_all() -> None:
    for slot in list(_slots):
        slot.renew()
