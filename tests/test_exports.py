"""``__all__`` says what a module offers: all of it exists, and nothing else is taken from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

import zmqlayer
from support.sources import source_files

FILES: Final = source_files()
TREES: Final = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in FILES.items()}


def exports(module: str) -> list[str]:
    """Return the literal ``__all__`` of a module, or nothing if it has none."""
    for node in TREES[module].body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def bound(module: str) -> set[str]:
    """Return the names that a module's top level binds, by making or by importing them."""
    names: set[str] = set()
    for node in top_level(TREES[module]):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names.update(part.id for part in ast.walk(node) if isinstance(part, ast.Name) and is_stored(part))
    return names


def top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """Iterate over a module's statements; where it looks names up lazily, over those for type checkers too."""
    is_lazy = any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body)
    for node in tree.body:
        yield node
        if is_lazy and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def test_exported_names_exist() -> None:
    """A module has what it exports."""
    missing = [
        f"{module} exports {name!r} and has no such thing"
        for module in FILES
        for name in exports(module)
        if name not in bound(module)
    ]

    assert not missing


def test_each_name_is_exported_once() -> None:
    """No export stands in the list twice."""
    repeated = [module for module in FILES if len(set(exports(module))) != len(exports(module))]

    assert not repeated


def test_taken_names_are_exported() -> None:
    """What one module of the project takes from another, the other offers: nothing reaches behind ``__all__``."""
    taken = [
        f"{module} takes {alias.name!r} from {node.module}, which does not export it"
        for module in FILES
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.ImportFrom) and node.module in FILES
        for alias in node.names
        if alias.name not in exports(node.module) and f"{node.module}.{alias.name}" not in FILES
    ]

    assert not taken


def test_the_public_face_works() -> None:
    """All that ``import zmqlayer`` promises is there when asked for."""
    assert exports("zmqlayer") == zmqlayer.__all__
    assert all(hasattr(zmqlayer, name) for name in zmqlayer.__all__)
