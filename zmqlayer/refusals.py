"""
What the log says of handshakes that failed: one line for each node and fault in a minute, with the cure. Pure.

libzmq tells nobody when it refuses a connection, and the refused side tries again for ever. Who dialled us is known
only if we were quick enough to ask: a line without an address waits a second for one with it. Used by ``links.py``.
"""

from __future__ import annotations

from typing import Final

from zmqlayer.journal import Journal
from zmqlayer.keyring import KEYGEN
from zmqlayer.ports import Fault, Refusal

__all__ = ["Refusals"]

TELL_EVERY_S: Final = 60.0
WAIT_FOR_ADDRESS_S: Final = 1.0

_SAME: Final = "give all nodes of the cluster the same secret (setting 'secret', or SECRET_KEY in Django projects)"

_THEY_DIALLED: Final = {
    Fault.SECRET: f"it has another secret than this node; {_SAME}",
    Fault.PLAIN: f"it does not encrypt and this node does; {_SAME}",
    Fault.ENCRYPTED: f"it encrypts and this node does not; {_SAME}; {KEYGEN}",
    Fault.STRANGER: "it does not speak ZeroMQ; let only nodes of the cluster reach this port",
}
_WE_DIALLED: Final = {
    Fault.SECRET: f"it has another secret than this node, or none; {_SAME}",
    Fault.PLAIN: f"it does not encrypt and this node does; {_SAME}",
    Fault.ENCRYPTED: f"it encrypts and this node does not; {_SAME}; {KEYGEN}",
    Fault.STRANGER: "what listens there does not speak ZeroMQ; give the address of a node",
}
_ROTATING: Final = " (harmless while secrets are being changed)"


class Refusals:
    """
    Tells of refusals, each once in a while.

    Args:
        most: Addresses that are remembered. Beyond them nothing more is told until a minute has passed.
        is_rotating: Whether this node has several secrets: then a dial with another may be a step on the way.
    """

    def __init__(self, most: int, journal: Journal, *, is_rotating: bool = False) -> None:
        self._most = most
        self._journal = journal
        self._suffix = _ROTATING if is_rotating else ""
        self._told: dict[tuple[str, bool, Fault], float] = {}
        self._nameless: dict[Fault, float] = {}

    def note(self, refusal: Refusal, now: float) -> None:
        """A handshake failed."""
        if not refusal.address:
            if not self._is_told(refusal.fault, now):
                self._nameless.setdefault(refusal.fault, now + WAIT_FOR_ADDRESS_S)
            return
        if not refusal.is_dialled:
            self._nameless.pop(refusal.fault, None)
        self._tell(refusal, now)

    def tick(self, now: float) -> None:
        """Tell of those whose address did not become known in time. To be called every second or so."""
        for fault in [fault for fault, due in self._nameless.items() if due <= now]:
            del self._nameless[fault]
            self._tell(Refusal("", False, fault), now)

    def _is_told(self, fault: Fault, now: float) -> bool:
        """Whether somebody who dialled us was named for *fault* lately, or nobody could be."""
        return any(told[1:] == (False, fault) and at > now - TELL_EVERY_S for told, at in self._told.items())

    def _tell(self, refusal: Refusal, now: float) -> None:
        if self._told.get(refusal, -TELL_EVERY_S) > now - TELL_EVERY_S:
            return
        if len(self._told) >= self._most:
            self._told = {told: at for told, at in self._told.items() if at > now - TELL_EVERY_S}
        if len(self._told) >= self._most:
            return
        self._told[refusal] = now
        if refusal.is_dialled:
            why = _WE_DIALLED[refusal.fault]
            self._journal.warning("%s refused this node: %s%s", refusal.address, why, self._suffix)
        else:
            who = refusal.address or "a node whose address is not known"
            self._journal.warning("refused %s: %s%s", who, _THEY_DIALLED[refusal.fault], self._suffix)
