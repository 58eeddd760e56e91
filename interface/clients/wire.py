"""
What stands between a codec and the TCP connection below it.

The connection (``connection``) calls the :class:`Codec`, the codec (``http1``, ``http2``) calls the :class:`Wire`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zmqlayer.interface.clients.extensions import Agreement
from zmqlayer.interface.conversations.translate import Address

if TYPE_CHECKING:  # ``plan`` knows this module, before it is known whether Autobahn may load OpenSSL
    from zmqlayer.interface.clients.framing import Frames
    from zmqlayer.interface.clients.kernel import Standing
    from zmqlayer.interface.clients.streams import Socket

__all__ = ["Codec", "Origin", "Wire"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The two ends of a TCP connection; each None for a UNIX socket."""

    client: Address
    server: Address

    @property
    def name(self) -> str:
        """The client's address for a log, or ``-``."""
        return str(self.client[0]) if self.client else "-"


class Codec(Protocol):
    """One version of HTTP on one connection."""

    def received(self, data: bytes) -> None:
        """The client sent *data*."""

    def ended(self) -> None:
        """The client sends nothing more. It may still read; it may also be gone, and TCP does not say so yet."""

    def lost(self) -> None:
        """The connection is gone; nothing follows."""

    def congested(self) -> None:
        """The client is slow: write no more for now."""

    def relieved(self) -> None:
        """The client took what was written: go on."""

    def stop(self) -> None:
        """The server stops: end what is open in order, and then close."""


class Wire(Protocol):
    """A TCP connection, with or without TLS. Calls after its end do nothing."""

    @property
    def origin(self) -> Origin:
        """Who is connected with whom."""

    @property
    def is_congested(self) -> bool:
        """Whether the client does not take what was written already."""

    @property
    def is_secure(self) -> bool:
        """Whether it is TLS."""

    @property
    def standing(self) -> Standing:
        """What is left of it, also while nothing is read from it."""

    @property
    def untaken_size(self) -> int:
        """How many bytes the client has not taken yet, as far as one can tell."""

    def write(self, parts: Sequence[bytes], *, is_last: bool = False) -> None:
        """
        Send *parts*, one after the other, within this turn of the reactor or the next.

        Args:
            is_last: Send them now, as far as the client takes them: nothing more follows for the time being.
        """

    def flush(self) -> None:
        """Send what was written, as after a last part."""

    def pause_reading(self) -> None:
        """Let the client wait. What was read already may still be received."""

    def resume_reading(self) -> None:
        """Read again."""

    def close(self) -> None:
        """Close once everything is written; nothing more is received."""

    def abort(self) -> None:
        """Cut the connection at once; what is still to be written is lost."""

    def upgrade(self, socket: Socket, answer: bytes, compression: Agreement | None, held: bytes) -> Frames:
        """Give the transport to Autobahn: see ``streams.Carrier``. *held* is what the client sent too early."""

    def release(self) -> None:
        """Let the client's frames flow."""
