"""
The bounds of every table and buffer that no setting names: one frozen, checked object.

The settings in ``config.py`` bound what users send: ``capacity``, ``peer_messages``, ``peer_bytes``. These bound
what a node holds for others, so that a hostile member of the cluster, or a very large cluster, costs a known amount
of memory. What does not fit is refused or dropped, counted by reason, and named once in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

from zmqlayer.exceptions import ConfigError

__all__ = ["MOST", "Limits", "check_number"]

MOST: Final = 2**40
"""The highest limit: more of anything than a machine holds, and of what is added up far less than 64 bits can say."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How many of each thing one node holds.

    Attributes:
        candidates: Addresses to dial.
        dials: Of these, how many are dialled at once; seeds come on top, and dials that take longer than 2 s.
        addresses_per_name: Of these, how many one ``dns://`` seed may stand for.
        instances: Nodes that mDNS names and that are kept track of; beyond it the oldest are forgotten.
        lookups: Of these, how many may be incomplete and asked for at once.
        peers: Links, in any state. Each takes a socket of ZeroMQ and five file descriptors; three and seven while it is
            dialled. So does a candidate that is dialled, and each host of a route. ZeroMQ allows as many sockets as
            these limits add up to, at most 65,535; how many files may be open is for the operator to say.
        subscribers: Nodes of which ZeroMQ reported a subscription, linked or not; the oldest of the latter make room.
        routes: Nodes whose hosts are tried at the same time.
        rejections: Nodes and addresses remembered as banned, or because no link may come of them.
        accounts: Nodes whose totals are remembered, those that are gone included.
        readers: Readers of one peer, so also of this node: sets of named channels that it reads, or lately did.
        reader_channels: Channels of one reader.
        queued_messages: Messages of this node that wait in all named channels together.
        queued_bytes: Their bytes.
        entrusted: Messages of this node whose loss it wants to hear of, not answered yet.
        tallies: Channels whose statistics are told apart.
        groups: Groups that have, or just had, members at this node; each is a subscription.
        memberships: Members of all groups that this node owns.
        copies: Copies of group messages that wait in all channels of this node.
        copy_bytes: The bytes of these messages, each counted once.
        named_members: Members that no node owns, in the whole cluster; as many removals are remembered.
        open_requests: Questions of this node to others that are not answered yet.
        requests_in_service: Questions of one peer that this node has not answered yet.
        published_bytes: Bytes of large group messages that peers have not taken from ZeroMQ yet.
        secrets: Secrets of the node itself, each of which takes two ports.
        refusals: Addresses that were refused, or refused us, and of which the log has told.
        closed_channels: Process channels that are remembered as closed, for a minute.

    Raises:
        ConfigError: A limit is below 1 or beyond all machines, or a relation between two of them does not hold. It is
            about the setting ``limits``, and names the limit.
    """

    candidates: int = 512
    dials: int = 4
    addresses_per_name: int = 64
    instances: int = 1_024
    lookups: int = 64
    peers: int = 1_024
    subscribers: int = 4_096
    routes: int = 64
    rejections: int = 1_024
    accounts: int = 4_096
    readers: int = 1_024
    reader_channels: int = 1_024
    queued_messages: int = 100_000
    queued_bytes: int = 268_435_456
    entrusted: int = 100_000
    tallies: int = 1_024
    groups: int = 50_000
    memberships: int = 500_000
    copies: int = 1_000_000
    copy_bytes: int = 268_435_456
    named_members: int = 1_000
    open_requests: int = 10_000
    requests_in_service: int = 1_000
    published_bytes: int = 67_108_864
    secrets: int = 8
    refusals: int = 1_024
    closed_channels: int = 10_000

    @classmethod
    def from_setting(cls, value: Self | Mapping[str, int]) -> Self:
        """
        Read the setting ``limits``: a mapping of the names above, or an object that was read before.

        Raises:
            ConfigError: An unknown name, or a value that is no whole number.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ConfigError("limits", f"{value!r} is no mapping of names to numbers")
        known = sorted(limit.name for limit in fields(cls))
        for name, limit in value.items():
            if name not in known:
                raise ConfigError("limits", f"{name!r} is unknown; the limits are {', '.join(known)}")
            if type(limit) is not int:
                raise _wrong(name, f"{limit!r} is not a whole number")
        return cls(**value)

    def __post_init__(self) -> None:
        for name in (limit.name for limit in fields(self)):
            if problem := _judge(getattr(self, name), 1, MOST):
                raise _wrong(name, problem)
        for part in ("dials", "addresses_per_name"):
            if getattr(self, part) > self.candidates:
                raise _wrong(part, f"{getattr(self, part):,} is above candidates ({self.candidates:,})")
        if self.accounts < self.peers:
            raise _wrong("accounts", f"{self.accounts:,} is below peers ({self.peers:,})")
        if self.memberships < self.groups:
            raise _wrong("memberships", f"{self.memberships:,} is below groups ({self.groups:,})")

    def check_room(self, max_message_size: int) -> None:
        """
        Look whether each limit in bytes has room for one message of *max_message_size* bytes.

        Raises:
            ConfigError: One has not: it would refuse such a message for ever.
        """
        for name in ("queued_bytes", "copy_bytes", "published_bytes"):
            if getattr(self, name) < max_message_size:
                raise _wrong(name, f"{getattr(self, name):,} is below max_message_size ({max_message_size:,})")


def check_number(name: str, value: int, least: int, most: int) -> None:
    """
    Look whether a setting is neither too small nor so large that something below would fail of it.

    Raises:
        ConfigError: It is.
    """
    if problem := _judge(value, least, most):
        raise ConfigError(name, problem)


def _judge(value: int, least: int, most: int) -> str:
    if value < least:
        return f"{value!r} is below {least}"
    return f"{value:,} is above {most:,}, the most there may be; choose less" if value > most else ""


def _wrong(name: str, problem: str) -> ConfigError:
    """Return the error of a limit. There is no setting of its name: it stands within ``limits``."""
    return ConfigError("limits", f"{name!r}: {problem}")
