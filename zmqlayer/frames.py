"""
Frames byte by byte: the pure translation between bytes and :class:`Frame`. ``docs/wire.md`` has the pictures.

Every frame on every socket begins with a topic of 17 bytes, because ZeroMQ filters subscriptions by prefix
and names of varying length would match each other (``chat.1`` and ``chat.10``)::

     0      17    18       34        38         46             48                      48+n
     ├ topic ┼ kind ┼ source ┼ ttl (ms) ┼ sequence ┼ target length ┼ target (n bytes) ┼ body …
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from zmqlayer.exceptions import ProtocolError
from zmqlayer.names import NodeId

__all__ = [
    "BARRIER_BYTES",
    "BROADCAST",
    "FRAME_SLACK",
    "HEADER_BYTES",
    "PROTOCOL_MAJOR",
    "PROTOCOL_MINOR",
    "TOPIC_BYTES",
    "WORK_BYTES",
    "Frame",
    "Kind",
    "Work",
    "barrier_topic",
    "group_topic",
    "is_barrier",
    "is_for",
    "is_shared",
    "node_of",
    "node_topic",
    "pack",
    "pack_batch",
    "pack_work",
    "pack_work_batch",
    "parse",
    "parse_batch",
    "parse_work",
    "parse_work_batch",
]

PROTOCOL_MAJOR: Final = 1
PROTOCOL_MINOR: Final = 0

_HEADER: Final = struct.Struct(">17sB16sIQH")
_WORK: Final = struct.Struct(">IIQ")
_COUNT: Final = struct.Struct(">H")
_WORK_BATCH: Final = struct.Struct(">IIH")
HEADER_BYTES: Final = _HEADER.size
WORK_BYTES: Final = _WORK.size
TOPIC_BYTES: Final = 17
BARRIER_BYTES: Final = 8
FRAME_SLACK: Final = 65_536
"""What a frame may have beyond ``max_message_size``: header, names, credit. ZeroMQ ends the connection for more."""

_BROADCAST_MARK, _NODE_MARK, _GROUP_MARK, _BARRIER_MARK = b"\x00", b"\x01", b"\x02", b"\x03"
BROADCAST: Final = bytes(TOPIC_BYTES)
"""Every node subscribes to this topic."""


class Kind(IntEnum):
    """What a frame is. A receiver ignores kinds it does not know, so that minor versions can add some."""

    HELLO = 1
    SYNCED = 2
    HEARTBEAT = 3
    GOODBYE = 4
    ECHO = 5
    TALLY = 6
    CEDED = 7
    CREDIT = 8
    RETURN = 9
    CONSUMED = 10
    ENDED = 11
    ASK = 12
    ANSWER = 13
    PULSE = 14
    REFUSAL = 15
    DIRECT = 16
    GROUP = 17
    WORK = 18
    BATCH = 19
    WORK_BATCH = 20


class Work(NamedTuple):
    """
    What the body of a WORK_BATCH frame says.

    Attributes:
        link: The receiver's side of the link, and
        reader: the reader of it, whose credit this spends.
        items: (place in its sender's queue, milliseconds that it still lives, message as msgpack) for each message.
    """

    link: int
    reader: int
    items: list[tuple[int, int, bytes]]


class Frame(NamedTuple):
    """
    One parsed frame.

    Attributes:
        kind: A plain int, because unknown kinds are legal.
        ttl_ms: Milliseconds that the message still lives; 0 in control frames.
        sequence: Its place among the messages that its sender sent to this node on this carrier, from 1; of a batch
            that of its first message; 0 in control frames and in GROUP, which is for many nodes.
    """

    topic: bytes
    kind: int
    source: NodeId
    ttl_ms: int
    target: str
    body: bytes
    sequence: int = 0


def pack(
    topic: bytes, kind: Kind, source: NodeId, ttl_ms: int, target: str, body: bytes, sequence: int = 0
) -> bytes:  # fmt: skip
    """Return the bytes of one frame; the arguments are those of :class:`Frame`."""
    name = target.encode("ascii")
    return _HEADER.pack(topic, kind, source, ttl_ms, sequence, len(name)) + name + body


def parse(wire: bytes) -> Frame:
    """
    Return the frame that *wire* holds.

    Raises:
        ProtocolError: Too short, or the target is not ASCII.
    """
    try:
        topic, kind, source, ttl_ms, sequence, length = _HEADER.unpack_from(wire)
        start = HEADER_BYTES + length
        if start > len(wire):
            raise ProtocolError(f"a frame of {len(wire)} bytes promises a target of {length}")
        return Frame(topic, kind, source, ttl_ms, wire[HEADER_BYTES:start].decode("ascii"), wire[start:], sequence)
    except struct.error as exc:
        raise ProtocolError(f"a frame of {len(wire)} bytes is shorter than its header") from exc
    except UnicodeDecodeError as exc:
        raise ProtocolError("a frame's target is not ASCII") from exc


def pack_work(link: int, reader: int, number: int, body: bytes) -> bytes:
    """
    Return the body of a WORK or RETURN frame.

    Args:
        link: The receiver's side of the link, and
        reader: the reader of it, whose credit this spends.
        number: The message's place in its sender's queue.
        body: The message as msgpack.
    """
    return _WORK.pack(link, reader, number) + body


def parse_work(body: bytes) -> tuple[int, int, int, bytes]:
    """
    Return ``(link, reader, number, message)`` of a WORK or RETURN frame's body.

    Raises:
        ProtocolError: Too short.
    """
    if len(body) < _WORK.size:
        raise ProtocolError(f"the body of a work frame has {len(body)} bytes, not even {_WORK.size}")
    link, reader, number = _WORK.unpack_from(body)
    return link, reader, number, body[_WORK.size :]


def pack_batch(bodies: Sequence[bytes]) -> bytes:
    """Return the body of a BATCH frame: how many messages, how long each is, and the messages."""
    return struct.pack(f">H{len(bodies)}I", len(bodies), *map(len, bodies)) + b"".join(bodies)


def parse_batch(body: bytes) -> list[bytes]:
    """
    Return the messages in a BATCH frame's body.

    Raises:
        ProtocolError: Too short, or not as long as it says.
    """
    try:
        (count,) = _COUNT.unpack_from(body)
        lengths = struct.unpack_from(f">{count}I", body, _COUNT.size)
    except struct.error as exc:
        raise ProtocolError(f"the body of a batch has {len(body)} bytes, too few for what it says") from exc
    return _split(body, _COUNT.size + 4 * count, lengths)


def pack_work_batch(work: Work) -> bytes:
    """Return the body of a WORK_BATCH frame."""
    numbers, ttls_ms, bodies = zip(*work.items, strict=True)
    count = len(bodies)
    places = struct.pack(f">{count}Q{2 * count}I", *numbers, *ttls_ms, *map(len, bodies))
    return _WORK_BATCH.pack(work.link, work.reader, count) + places + b"".join(bodies)


def parse_work_batch(body: bytes) -> Work:
    """
    Return what a WORK_BATCH frame's body says.

    Raises:
        ProtocolError: Too short, or not as long as it says.
    """
    try:
        link, reader, count = _WORK_BATCH.unpack_from(body)
        places = struct.unpack_from(f">{count}Q{2 * count}I", body, _WORK_BATCH.size)
    except struct.error as exc:
        raise ProtocolError(f"the body of a work batch has {len(body)} bytes, too few for what it says") from exc
    bodies = _split(body, _WORK_BATCH.size + 16 * count, places[2 * count :])
    return Work(link, reader, list(zip(places[:count], places[count : 2 * count], bodies, strict=True)))


def _split(body: bytes, begin: int, lengths: Sequence[int]) -> list[bytes]:
    """Return the messages of a batch, which lie one behind the other from *begin* on."""
    ends = list(accumulate(lengths, initial=begin))
    if ends[-1] != len(body):
        raise ProtocolError(f"the body of a batch of {len(lengths)} has {len(body)} bytes, not {ends[-1]} as it says")
    return [body[begin:end] for begin, end in pairwise(ends)]


def node_topic(node_id: NodeId) -> bytes:
    """The topic that only this node subscribes to."""
    return _NODE_MARK + node_id


def group_topic(cluster: str, group: str) -> bytes:
    """The topic of a group: a keyed-by-cluster BLAKE2b-128 of its name, so that its length is fixed."""
    digest = hashlib.blake2b(group.encode("ascii"), digest_size=16, key=cluster.encode("utf-8")[:64])
    return _GROUP_MARK + digest.digest()


def barrier_topic(nonce: bytes, echoer: NodeId | None = None) -> bytes:
    """The topic of one barrier: half the id of who is to echo it, or zeros for all; and 8 random bytes, used once."""
    return _BARRIER_MARK + (echoer or bytes(BARRIER_BYTES))[:BARRIER_BYTES] + nonce


def is_for(barrier: bytes, node_id: NodeId) -> bool:
    """Whether a node is to echo a barrier."""
    return barrier[1 : 1 + BARRIER_BYTES] in (bytes(BARRIER_BYTES), node_id[:BARRIER_BYTES])


def node_of(topic: bytes) -> NodeId | None:
    """Return whose topic this is, or None if it is not one node's."""
    return NodeId(topic[1:]) if topic[:1] == _NODE_MARK and len(topic) == TOPIC_BYTES else None


def is_barrier(topic: bytes) -> bool:
    """Whether *topic* belongs to a barrier."""
    return topic[:1] == _BARRIER_MARK and len(topic) == TOPIC_BYTES


def is_shared(topic: bytes) -> bool:
    """Whether several nodes may subscribe to *topic*: one of them being slow must not stop the others."""
    return topic[:1] != _NODE_MARK
