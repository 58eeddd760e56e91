"""The project's source files as modules, and what they import, read without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

FOLDERS: Final = {
    "zmqlayer": "zmqlayer",
    "zmqlayer.discovery": "discovery",
    "zmqlayer.interface": "interface",
    "zmqlayer.worker": "worker",
}
"""Import name → folder in the repository."""


@cache
def source_files() -> dict[str, Path]:
    """Return every module of the project by its import name; packages by their own name."""
    return dict(sorted(_walk()))


def _walk() -> Iterator[tuple[str, Path]]:
    for package, folder in FOLDERS.items():
        base = ROOT / folder
        for path in base.rglob("*.py"):
            parts = path.relative_to(base).with_suffix("").parts
            if not any(parent.is_symlink() for parent in path.parents):
                yield ".".join([package, *parts]).removesuffix(".__init__"), path


def imported_names(path: Path, *, at_import_only: bool = False) -> set[str]:
    """
    Return the modules that a file names in its imports.

    Args:
        at_import_only: Leave out what is imported inside functions or for type checkers.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = _run_at_import(tree) if at_import_only else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            taken = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= taken
            if not taken <= set(source_files()):  # then something of the package itself is taken, not its modules
                names.add(node.module)
    return names


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        is_later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        is_for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not is_later and not is_for_types:
            yield child
            yield from _run_at_import(child)
