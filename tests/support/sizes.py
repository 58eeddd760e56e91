"""How much an object holds: the entries of every table and buffer that can be reached from it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

__all__ = ["table_sizes"]

PLAIN = (str, bytes, int, float, bool, type(None), type, threading.Thread)


def table_sizes(root: object) -> dict[str, int]:
    """
    Return the number of entries of each table below *root*, by the names of the attributes that lead there.

    Only what the project's own classes hold is followed. Tables of the same name, below the entries of one table,
    count together.
    """
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, object]] = [(type(root).__name__, root)]
    while waiting:
        where, each = waiting.pop()
        if isinstance(each, PLAIN) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict | list | set | frozenset | deque | tuple):
            sizes[where] = sizes.get(where, 0) + len(each)
            items = [*each.keys(), *each.values()] if isinstance(each, dict) else each
            waiting.extend((f"{where}[]", item) for item in list(items))
        elif type(each).__module__.startswith("zmqlayer"):
            waiting.extend((f"{where}.{name}", value) for name, value in _attributes(each))
    return sizes


def _attributes(each: Any) -> Iterator[tuple[str, object]]:
    yield from vars(each).items() if hasattr(each, "__dict__") else ()
    for kind in type(each).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(each, name):
                yield name, getattr(each, name)
