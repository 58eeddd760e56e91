"""Lists of group names from users' classes."""

from __future__ import annotations

import pytest

from zmqlayer.worker.generic.groups import group_set


def test_names_are_counted_once() -> None:
    """Whatever the list is made of."""
    assert group_set((name for name in ("a", "b", "a")), "Chat.connection_groups()") == {"a", "b"}


@pytest.mark.parametrize("name", ["lobby", b"lobby"])
def test_one_name_is_no_list(name: str) -> None:
    """Or its letters would be groups."""
    with pytest.raises(TypeError, match=r"Chat\.connection_groups\(\) gives .*lobby.*; it must be a list"):
        group_set(name, "Chat.connection_groups()")
