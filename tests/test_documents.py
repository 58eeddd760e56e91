"""What the documents name exists: files behind links, modules, methods, layers and decisions."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from support.sources import ROOT, source_files

DOCS: Final = ROOT / "docs"
PAGES: Final = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")})
DESIGN: Final = (DOCS / "design.md").read_text(encoding="utf-8")

GUARANTEES: Final = (DOCS / "guarantees.md").read_text(encoding="utf-8")
PROMISES: Final = re.split(r"(?m)^### ", GUARANTEES)[1:]

LINK: Final = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")
MODULE: Final = re.compile(r"`((?:\w+/)*\w+\.py)`")
METHOD: Final = re.compile(r"`([A-Z]\w+\.\w+)`")
TEST: Final = re.compile(r"(?m)^\* `(tests/[\w/]+\.py)::(\w+)`$")


def defined_methods() -> set[str]:
    """Return every method and attribute of the project's classes as ``Class.name``, as the source has them."""
    classes = [
        node
        for path in source_files().values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    return {f"{c.name}.{node.name}" for c in classes for node in c.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file or a folder that is there."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))

    assert not [target for target in targets if not (page.parent / target).exists()]


def test_modules_exist() -> None:
    """Each file that the design names is one of the project's modules or tests."""
    paths = [f"/{path.relative_to(ROOT)}" for path in (*source_files().values(), *(ROOT / "tests").rglob("*.py"))]

    assert not [name for name in MODULE.findall(DESIGN) if not any(path.endswith(f"/{name}") for path in paths)]


def test_methods_exist() -> None:
    """Each method that the design names is there: the way of one request can be followed."""
    named = set(METHOD.findall(DESIGN))

    assert named
    assert not named - defined_methods()


def test_every_decision_is_listed() -> None:
    """The index of the documents has every record under its own title."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    records = sorted((DOCS / "decisions").glob("*.md"))
    titles = [record.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for record in records]

    rows = [
        f"| [{title[:3]}](decisions/{record.name}) | {title[5:]} |"
        for record, title in zip(records, titles, strict=True)
    ]
    assert rows == [line for line in index.splitlines() if line.startswith("| [0")]


def test_layers_name_every_module() -> None:
    """The table of layers in the design has each module, or the package that it is in, once."""
    table = DESIGN.split("| layer | modules |")[1].split("\n\n")[0].splitlines()[2:]
    named = [name for row in table for name in re.findall(r"\w+", row.split("|")[2])]

    modules = {module.split(".")[1] for module in source_files() if "." in module}
    assert sorted(named) == sorted([*modules, "zmqlayer", "__init__"])


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.splitlines()[0])
def test_every_promise_names_tests_that_exist(promise: str) -> None:
    """Each promise lists the tests that hold it, one a line, and they are there."""
    named = TEST.findall(promise)

    assert len(named) == promise.count("tests/") > 0
    assert not [f"{path}::{name}" for path, name in named if name not in cases_in(ROOT / path)]


def cases_in(path: Path) -> set[str]:
    """Return the names of the tests in a file; none if it does not exist."""
    if not path.exists():
        return set()
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
