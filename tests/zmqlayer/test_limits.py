"""The bounds of tables and buffers."""

from __future__ import annotations

import pytest

from zmqlayer.config import Config
from zmqlayer.exceptions import ConfigError
from zmqlayer.limits import Limits


def test_a_limit_below_one_is_refused() -> None:
    """A table that may hold nothing cannot work; the error names it."""
    with pytest.raises(ConfigError, match=r"'candidates': 0 is below 1"):
        Limits(candidates=0)


def test_a_limit_beyond_all_machines_is_refused() -> None:
    """A table that may hold anything has no bound; the error says how much it may."""
    with pytest.raises(ConfigError, match=r"'copy_bytes': 1,099,511,627,777 is above 1,099,511,627,776, the most"):
        Limits(copy_bytes=2**40 + 1)


def test_a_group_needs_a_member() -> None:
    """A node that may be in more groups than it may have members promises too much."""
    with pytest.raises(ConfigError, match=r"'memberships': 9 is below groups \(10\)"):
        Limits(groups=10, memberships=9)


def test_limits_are_a_setting_too() -> None:
    """A mapping of names; those that are not named keep their value."""
    config = Config.from_settings({"limits": {"peers": 64}})

    assert config.limits == Limits(peers=64)
    assert Config.from_settings({"limits": config.limits}).limits is config.limits


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"peer": 1}, "'peer' is unknown; the limits are accounts, "),
        ({"peers": "64"}, "setting 'limits': 'peers': '64' is not a whole number"),
        (64, "64 is no mapping of names to numbers"),
        ({"readers": 0}, "setting 'limits': 'readers': 0 is below 1"),
        ({"published_bytes": 3}, "setting 'limits': 'published_bytes': 3 is below max_message_size"),
        ({"peers": 9000}, "setting 'limits': 'accounts': 4,096 is below peers \\(9,000\\)"),
    ],
)
def test_a_wrong_limit_is_named(limits: object, problem: str) -> None:
    """The error says which, where it was given, and what would do."""
    with pytest.raises(ConfigError, match=problem) as caught:
        Config.from_settings({"limits": limits})

    assert caught.value.setting == "limits"


@pytest.mark.parametrize("limit", ["dials", "addresses_per_name"])
def test_a_part_is_no_larger_than_the_whole(limit: str) -> None:
    """What is taken from the table of candidates cannot be more than the table."""
    with pytest.raises(ConfigError, match=rf"'{limit}': 6 is above candidates \(5\)"):
        Limits(**{"candidates": 5, "dials": 5, "addresses_per_name": 5, limit: 6})


@pytest.mark.parametrize("name", ["queued_bytes", "copy_bytes", "published_bytes"])
def test_a_limit_has_room_for_one_message(name: str) -> None:
    """A bound in bytes that the largest message exceeds would refuse it for ever."""
    with pytest.raises(ConfigError, match=rf"'{name}': 100 is below max_message_size \(1,048,576\)"):
        Config.from_settings({"limits": {name: 100}})
