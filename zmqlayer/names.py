"""
The grammar of names: channels, groups and node ids. Pure text, no lookups.

A channel name is one of three kinds (2016 ASGI draft, "Channels and Messages"):

* ``http.request``                      named: a work queue that any node may read
* ``http.request.body?<node><random>``  single reader: one reader, anywhere
* ``http.response.<node>!<local>``      process: read only by the node whose id it holds

The owner's id stands in the name, so a reply needs no directory: :func:`owner_of` is the whole lookup.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import Final, NewType

from zmqlayer.exceptions import InvalidName

__all__ = [
    "CHANNEL_GRAMMAR",
    "GROUP_GRAMMAR",
    "MAX_NAME_LENGTH",
    "MOST_REMEMBERED",
    "NODE_ID_BYTES",
    "ChannelName",
    "GroupName",
    "NodeId",
    "check_channel",
    "check_group",
    "check_pattern",
    "decode_node_id",
    "encode_node_id",
    "inbox_of",
    "owner_of",
    "process_prefix",
    "short",
]

NodeId = NewType("NodeId", bytes)
"""16 random bytes, new at each process start: identity and incarnation in one."""

ChannelName = NewType("ChannelName", str)
GroupName = NewType("GroupName", str)

NODE_ID_BYTES: Final = 16
NODE_ID_CHARACTERS: Final = 26
MAX_NAME_LENGTH: Final = 99
MOST_REMEMBERED: Final = 1024

_legal: Final[dict[str, ChannelName]] = {}
"""Names that were looked at lately; most are used again at once."""

CHANNEL_GRAMMAR: Final = re.compile(r"[a-zA-Z0-9\-_.]+(?:[?!][a-zA-Z0-9\-_.]*)?\Z", re.ASCII)
GROUP_GRAMMAR: Final = re.compile(r"[a-zA-Z0-9\-_.]+\Z", re.ASCII)
_NODE_ID: Final = re.compile(r"[a-z2-7]{26}\Z", re.ASCII)

_ALPHABET: Final = "may hold only ASCII letters, digits, '.', '-' and '_'"
_RULES: Final = f"{_ALPHABET}, has 1 to {MAX_NAME_LENGTH} characters"


def check_channel(name: object) -> ChannelName:
    """
    Return *name* if it is a legal channel name.

    Raises:
        InvalidName: Not a str, too long, or outside the grammar. A :class:`TypeError`, as in Channels.
    """
    if type(name) is str:
        if (known := _legal.get(name)) is not None:
            return known
    elif not isinstance(name, str):
        raise InvalidName(name, f"is not a channel name: a str is needed, not {type(name).__name__}")
    if len(name) > MAX_NAME_LENGTH or not CHANNEL_GRAMMAR.match(name) or name[-1] == "?":
        raise InvalidName(name, f"is not a channel name: it {_RULES}, and at most one '?' or '!'")
    if len(_legal) >= MOST_REMEMBERED:
        _legal.clear()
    return _legal.setdefault(str(name), ChannelName(name))


def check_group(name: object) -> GroupName:
    """
    Return *name* if it is a legal group name.

    Raises:
        InvalidName: Not a str, too long, or outside the grammar.
    """
    if not isinstance(name, str):
        raise InvalidName(name, f"is not a group name: a str is needed, not {type(name).__name__}")
    if len(name) > MAX_NAME_LENGTH or not GROUP_GRAMMAR.match(name):
        raise InvalidName(name, f"is not a group name: it {_RULES}")
    return GroupName(name)


def check_pattern(pattern: object) -> str:
    """
    Return *pattern* if :meth:`new_channel` can complete it: a legal prefix that ends in ``?`` or ``!``.

    Raises:
        InvalidName: It ends in something else, has no legal name before that, or would make one that is too long.
    """
    if not isinstance(pattern, str) or pattern[-1:] not in ("?", "!"):
        raise InvalidName(pattern, "is not a pattern for a new channel: it must end in '?' or '!'")
    if not GROUP_GRAMMAR.match(pattern[:-1]):
        raise InvalidName(
            pattern, f"is not a pattern for a new channel: before the '?' or '!' stands a name, which {_ALPHABET}"
        )
    longest = MAX_NAME_LENGTH - NODE_ID_CHARACTERS - 14
    if len(pattern) > longest:
        raise InvalidName(pattern, f"is too long for a new channel: at most {longest} characters")
    return pattern


@lru_cache(maxsize=1024)
def encode_node_id(node_id: NodeId) -> str:
    """Return *node_id* as 26 lower-case base32 characters, as it stands in channel names."""
    return base64.b32encode(node_id).decode("ascii").rstrip("=").lower()


@lru_cache(maxsize=1024)
def decode_node_id(text: str) -> NodeId | None:
    """Return the node id that *text* spells, or None if it spells none."""
    if not _NODE_ID.match(text):
        return None
    node_id = NodeId(base64.b32decode(text.upper() + "======"))
    return node_id if encode_node_id(node_id) == text else None


def short(node_id: NodeId) -> str:
    """Return the first four characters of a node id's text, for people to read; never a key."""
    return encode_node_id(node_id)[:4]


@lru_cache(maxsize=MOST_REMEMBERED)
def owner_of(channel: str) -> NodeId | None:
    """
    Return the id of the node that owns *channel*, or None where the name holds no node id.

    >>> owner_of("http.request") is None
    True
    """
    prefix, mark, local = channel.partition("!")
    if mark:
        return decode_node_id(prefix.rpartition(".")[2])
    _, mark, local = channel.partition("?")
    return decode_node_id(local[:NODE_ID_CHARACTERS]) if mark else None


def process_prefix(pattern: str, node_id: NodeId) -> str:
    """
    Return the part of this node's process channels that they share.

    >>> process_prefix("http.response!", NodeId(bytes(16)))
    'http.response.aaaaaaaaaaaaaaaaaaaaaaaaaa!'
    """
    return f"{pattern.removesuffix('!')}.{encode_node_id(node_id)}!"


@lru_cache(maxsize=MOST_REMEMBERED)
def inbox_of(channel: str) -> str:
    """
    Return the name under which a reader waits for *channel*.

    ``anything!local`` is read through its prefix ``anything!``; every other channel is read by its own name.
    """
    prefix, mark, _ = channel.partition("!")
    return f"{prefix}!" if mark else channel
