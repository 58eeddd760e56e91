"""The bounds of tables and buffers."""

from __future__ import annotations

import pytest

from zmqlayer.exceptions import ConfigError
from zmqlayer.limits import Limits


def test_a_limit_below_one_is_refused() -> None:
    """A table that may hold nothing cannot work; the error names it."""
    with pytest.raises(ConfigError, match=r"'candidates': 0 is below 1"):
        Limits(candidates=0)


def test_a_group_needs_a_member() -> None:
    """A node that may be in more groups than it may have members promises too much."""
    with pytest.raises(ConfigError, match=r"'memberships': 9 is below groups \(10\)"):
        Limits(groups=10, memberships=9)
