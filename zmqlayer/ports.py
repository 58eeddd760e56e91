"""
What the core needs of the outside world, as protocols. Nothing here does anything.

An implementation never inherits from these; it only has the methods. ``compose.py`` chooses which is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from zmqlayer.actions import Action
from zmqlayer.messages import Message
from zmqlayer.names import NodeId

__all__ = [
    "Announcement",
    "Candidate",
    "Clock",
    "Discovery",
    "DiscoveryListener",
    "Door",
    "Entrusted",
    "Fault",
    "IdSource",
    "Loss",
    "Refusal",
    "ReplyChannel",
    "ServerLayer",
    "Standing",
    "Transport",
    "Wish",
]

Clock = Callable[[], float]
"""Monotonic seconds. Wall clocks are never used: boards without a battery start in 1970."""

IdSource = Callable[[int], bytes]
"""Random bytes, like :func:`os.urandom`."""


class Standing(Protocol):
    """Who stands at a process channel, as far as the core knows it: ``waiters.py`` has the rest."""

    def __hash__(self) -> int:
        """It is known by being itself."""

    @property
    def driver(self) -> object:
        """Who drives where it stands: only on that one's thread it can be given anything."""


class Door(NamedTuple):
    """
    The way into a node for those who share one of its secrets; a node without a secret has one door for all.

    A node's doors are numbered from 0, the door of its primary secret.

    Attributes:
        tag: Eight hex digits that tell of cluster and secret; see ``Config.cluster_tags``.
        pull: Port of its PULL, the one that others dial.
        pub: Port of its XPUB.
    """

    tag: str
    pull: int
    pub: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """
    What a node lets others find.

    Attributes:
        node_id: The node's id.
        addresses: IP addresses the node listens on, as text; ``*``, ``0.0.0.0`` and ``::`` mean all interfaces.
        doors: For each secret its tag and ports; nodes that share none of the tags are foreign.
    """

    node_id: NodeId
    addresses: tuple[str, ...]
    doors: tuple[Door, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A hint that a node may listen at *address*: never proof of membership.

    Attributes:
        address: ``tcp://host:port``, to be dialled.
        node_id: Who is said to listen there, if the source knows.
        tag: Whose door that is said to be; empty if the source does not know.
    """

    address: str
    node_id: NodeId | None = None
    tag: str = ""


class Fault(Enum):
    """Why one node of ZeroMQ would not speak with another."""

    SECRET = "another secret"
    PLAIN = "no encryption"
    ENCRYPTED = "encryption"
    STRANGER = "not ZeroMQ"


class Refusal(NamedTuple):
    """
    A handshake of ZeroMQ that failed.

    Attributes:
        address: ``tcp://host:port`` that we dialled, or the host that dialled us; empty if that is not known.
        is_dialled: Whether we dialled.
        fault: What is wrong with the other side, as seen from here.
    """

    address: str
    is_dialled: bool
    fault: Fault


class DiscoveryListener(Protocol):
    """Hears what discovery finds. Every method may be called from any thread, and returns at once."""

    def found(self, candidate: Candidate) -> None:
        """A node may listen here."""

    def lost(self, candidate: Candidate) -> None:
        """The source no longer names this candidate. Links that are up are not touched."""

    def moved(self, hosts: tuple[str, ...]) -> None:
        """This node can be reached under other hosts than before."""

    def settled(self) -> None:
        """The first look around is over: what exists already has been reported. Called once."""


class Discovery(Protocol):
    """Finds candidate addresses, and lets others find this node."""

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        """
        Begin to announce and to look, and return within milliseconds.

        A network that cannot do it is a warning in the log, after which the listener hears ``settled``.

        Raises:
            RuntimeError: No thread can be started. Called again, it goes on with what is missing.
        """

    def stop(self) -> None:
        """Withdraw the announcement and stop looking; takes at most half a second. May be called twice."""


class Transport(Protocol):
    """
    The sockets of one node. After :meth:`open` all methods may be called on any thread, one at a time; but
    :meth:`wait` and :meth:`wake` at any moment.

    Attributes:
        lost: Frames that could not be sent, by reason.
    """

    lost: Counter[str]

    @property
    def has_input(self) -> bool:
        """Whether there may be something for :meth:`collect` of which the descriptor does not tell."""

    def open(self, *, in_batches: bool = False) -> list[tuple[int, int]]:
        """
        Begin to listen. Returns the ports for work and for subscriptions, for each door.

        Args:
            in_batches: Where processors are busy, rather move more at a time than each thing at once.

        Raises:
            TransportError: The address or a port cannot be used.
        """

    def fileno(self) -> int:
        """Return the file descriptor that is readable while something has arrived, or the bell rang."""

    def wait(self, timeout_s: float) -> AbstractSet[int]:
        """Wait for input, at most *timeout_s* seconds. Returns where it is, for :meth:`collect`."""

    def peek(self) -> AbstractSet[int]:
        """Return where frames are, without waiting. Nothing if there is anything else that :meth:`wait` tells of."""

    def collect(self, ready: AbstractSet[int]) -> tuple[list[bytes], list[bytes]]:
        """Return frames, and subscriptions that came or went: a byte 1 or 0, then the topic. Does not block."""

    def probed(self) -> list[tuple[str, bool]]:
        """Return (address, whether it accepted or refused) for each probe that ended since the last call."""

    def refusals(self) -> list[Refusal]:
        """Return the handshakes that failed since the last call."""

    def carry_out(self, actions: Iterable[Action]) -> None:
        """Do what the mesh decided, in order, without blocking."""

    def wake(self) -> None:
        """End :meth:`wait` early; from any thread."""

    def disown(self) -> None:
        """Give up what a child inherited, which was forked after :meth:`open`; the parent is not disturbed."""

    def close(self, linger_s: float) -> None:
        """Close; what was sent may still leave for *linger_s* seconds."""


class ReplyChannel(Protocol):
    """One process channel of this node, held by one connection. Used on the reactor's thread only."""

    @property
    def name(self) -> str:
        """The full name, like ``http.response.<node>!<random>``."""

    def pause(self) -> None:
        """Leave messages unread, so that their senders see ``ChannelFull`` after ``capacity`` of them."""

    def resume(self) -> None:
        """Deliver again, first what waited. Deliveries never happen inside this call."""

    def close(self, request: Entrusted | None = None) -> None:
        """
        Drop what is unread and deliver nothing more. May be called twice.

        Args:
            request: What was to be answered here; it is withdrawn.
        """


class Loss(Enum):
    """Why a message that was entrusted to the mesh will not be answered."""

    EXPIRED = "nobody took it in time"
    READER_GONE = "the node that took it is gone"


class Entrusted(Protocol):
    """A message whose loss its sender wants to hear of."""

    def forget(self) -> None:
        """Its loss is of no interest any more. May be called twice."""

    def withdraw(self) -> None:
        """It is not wanted any more: forget it, and take it out of the queue if no reader has it yet."""


class Wish(Protocol):
    """A call that was asked for."""

    def cancel(self) -> None:
        """It is not wanted any more. May be called twice, and after the call."""


class ServerLayer(Protocol):
    """What an interface server needs of a channel layer. Used on the reactor's thread only."""

    def send(self, channel: str, message: Message) -> None:
        """
        Send one message and return at once.

        Raises:
            ChannelFull: No room; nothing was queued.
            MessageTooLarge: More than ``max_message_size`` bytes as msgpack.
            InvalidName, InvalidMessage: The caller's mistake.
        """

    def entrust(self, channel: str, message: Message, lost: Callable[[Loss], None]) -> Entrusted:
        """
        Send one message to a named channel, and hear if it is lost.

        Args:
            lost: Called once, on the reactor's thread and not inside this call, if nobody took the message before it
                expired, or if the node that took it is gone. Never called after :meth:`Entrusted.forget`.

        Raises:
            ChannelFull, MessageTooLarge, InvalidName, InvalidMessage: As in :meth:`send`.
        """

    def when_room(self, channel: str, ready: Callable[[], None]) -> Wish:
        """
        Hear of room in a channel that was full.

        Args:
            ready: Called once, on the reactor's thread and not inside this call, when *channel* may have room again, or
                will have none because its owner is gone: :meth:`send` tells. Who asked first is called first, and the
                next one only if the one before did not find the channel full again.
        """

    def follow(self, channel: str, gone: Callable[[], None]) -> Wish:
        """
        Hear when the node that owns a process channel is gone, or has closed the channel.

        Args:
            gone: Called once, on the reactor's thread and not inside this call; soon, if that is so already.

        Raises:
            InvalidName: *channel* names no owner.
        """

    def has_reader(self, channel: str) -> bool:
        """Whether anybody in the mesh, as far as is known here, reads a named channel."""

    def new_channel(self, pattern: str) -> str:
        """Return an unused name for a channel with one reader anywhere, from *pattern*, which ends in ``?``."""

    def drop(self, channel: str) -> None:
        """Throw away what waits in a channel that :meth:`new_channel` made; its reader left, or its writer did."""

    def open_channel(self, pattern: str, deliver: Callable[[Message], None]) -> ReplyChannel:
        """
        Make a process channel from *pattern*, like ``"http.response!"``.

        Args:
            deliver: Called on the reactor's thread with each message, in order, until the channel is closed.
        """
