"""Lists of group names that users' classes return. Used by consumers when they join, and by bindings."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["group_set"]


def group_set(names: Iterable[str], source: str) -> set[str]:
    """
    Return *names* without repetitions.

    Args:
        source: Who gave them, for the error.

    Raises:
        TypeError: It is one name, whose letters would each be taken for a group.
    """
    if isinstance(names, str | bytes):
        raise TypeError(f"{source} gives {names!r}; it must be a list of group names")
    return set(names)
