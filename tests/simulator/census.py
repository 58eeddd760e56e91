"""How much a mesh remembers: the sizes of all tables that can be reached from it, by where they stand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from enum import Enum

from zmqlayer.mesh import Mesh

__all__ = ["census"]

PLAIN = (str, bytes, int, float, bool, type(None), Enum)


def census(mesh: Mesh) -> dict[str, int]:
    """Return the number of entries of every table, list and queue of one node that is not empty."""
    sizes: dict[str, int] = {}
    seen: set[int] = set()
    waiting: deque[tuple[str, object]] = deque([("mesh", mesh)])
    while waiting:
        path, thing = waiting.popleft()
        if isinstance(thing, PLAIN) or id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, dict | list | set | frozenset | deque) and thing:
            sizes[path] = sizes.get(path, 0) + len(thing)
        waiting.extend(_inside(path, thing))
    return sizes


def _inside(path: str, thing: object) -> Iterator[tuple[str, object]]:
    if isinstance(thing, dict):
        for value in thing.values():
            yield f"{path}[]", value
    elif isinstance(thing, list | set | frozenset | deque | tuple):
        for value in thing:
            yield f"{path}[]", value
    elif type(thing).__module__.startswith("zmqlayer."):
        names = [
            *getattr(thing, "__dict__", {}),
            *(s for t in type(thing).__mro__ for s in getattr(t, "__slots__", ())),
        ]
        for name in names:
            yield f"{path}.{name}", getattr(thing, name, None)
