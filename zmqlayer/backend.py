"""
What ``channels.layers.BaseChannelLayer`` offers beyond the contract: checks of names, and capacities by pattern.

Code that was written against it may call these on its layer. Nothing here needs Channels to be installed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import ClassVar

from zmqlayer.base import BaseLayer
from zmqlayer.config import CapacityPattern, compile_capacity
from zmqlayer.exceptions import InvalidName
from zmqlayer.names import CHANNEL_GRAMMAR, GROUP_GRAMMAR, MAX_NAME_LENGTH, check_channel, check_group, inbox_of

__all__ = ["Backend"]


class Backend(BaseLayer):
    """
    A layer with the methods and attributes of Channels' own base class.

    Attributes:
        MAX_NAME_LENGTH: Names are shorter than this.
        channel_name_regex, group_name_regex: The grammar of names. Channels with one reader (``body?x``) are legal
            here, as in the 2016 draft.
        invalid_name_error: A sentence with a gap for ``Channel`` or ``Group``.
    """

    MAX_NAME_LENGTH: ClassVar[int] = MAX_NAME_LENGTH + 1
    channel_name_regex: ClassVar[re.Pattern[str]] = CHANNEL_GRAMMAR
    group_name_regex: ClassVar[re.Pattern[str]] = GROUP_GRAMMAR
    invalid_name_error: ClassVar[str] = (
        f"{{}} name must be a str of 1 to {MAX_NAME_LENGTH} ASCII letters, digits, hyphens, underscores and periods"
    )

    @property
    def channel_capacity(self) -> list[tuple[re.Pattern[str], int]]:
        """(pattern, capacity) pairs; the first pattern that matches a channel wins."""
        return list(self.node.config.channel_capacity)

    def compile_capacities(self, channel_capacity: Mapping[CapacityPattern, int]) -> list[tuple[re.Pattern[str], int]]:
        """
        Return (pattern, capacity) pairs for a mapping whose keys are globs or compiled patterns.

        Raises:
            ConfigError: A capacity is not a whole number above 0.
        """
        return [compile_capacity(pair) for pair in channel_capacity.items()]

    def get_capacity(self, channel: str) -> int:
        """Return how many messages from this process may be unread in *channel*."""
        return self.node.config.capacity_of(channel)

    def match_type_and_length(self, name: object) -> bool:
        """Whether *name* is a str that is short enough."""
        return isinstance(name, str) and len(name) < self.MAX_NAME_LENGTH

    def require_valid_channel_name(self, name: object, receive: bool = False) -> bool:
        """
        Return True for a legal channel name.

        Args:
            receive: Whether it is to be read; then the name of a process channel must end at its ``!``.

        Raises:
            InvalidName: It is none. A :class:`TypeError`, as in Channels.
        """
        channel = check_channel(name)
        if receive and inbox_of(channel) != channel:
            raise InvalidName(name, "is not a name to receive from: a process channel's must end at the '!'")
        return True

    def require_valid_group_name(self, name: object) -> bool:
        """
        Return True for a legal group name.

        Raises:
            InvalidName: It is none. A :class:`TypeError`, as in Channels.
        """
        check_group(name)
        return True

    def valid_channel_names(self, names: list[str], receive: bool = False) -> bool:
        """
        Return True for a list of legal channel names that is not empty.

        Raises:
            InvalidName: It is something else. A :class:`TypeError`, as in Channels.
        """
        if not isinstance(names, list) or not names:
            raise InvalidName(names, "is not a list of channel names: at least one is needed")
        return all(self.require_valid_channel_name(name, receive=receive) for name in names)

    def valid_channel_name(self, channel_name: object, receive: bool = False) -> bool:
        """Use :meth:`require_valid_channel_name` instead; deprecated, as in Channels."""
        _warn_of("valid_channel_name", "require_valid_channel_name")
        return self.require_valid_channel_name(channel_name, receive)

    def valid_group_name(self, group_name: object) -> bool:
        """Use :meth:`require_valid_group_name` instead; deprecated, as in Channels."""
        _warn_of("valid_group_name", "require_valid_group_name")
        return self.require_valid_group_name(group_name)

    def non_local_name(self, name: str) -> str:
        """Return *name* up to and with its ``!``; a name without one, as it is."""
        return inbox_of(name)


def _warn_of(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated, use {new} instead", DeprecationWarning, stacklevel=3)
