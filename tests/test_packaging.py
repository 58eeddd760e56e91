"""What is built is what stands in the folders: package list, links for tools, the wheel and the source distribution."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement

from support.sources import FOLDERS, ROOT, source_files

LINKS: Final = ("discovery", "interface", "worker")
IS_CHECKOUT: Final = not (ROOT / "PKG-INFO").exists()

WHOLE: Final = (*FOLDERS.values(), ".ci", "benchmarks", "docs", "examples", "tests")
"""Folders that a source distribution has, with all that is in them."""
AT_ROOT: Final = (
    ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "Makefile", "README.md",
    "constraints.txt", "pyproject.toml",
)  # fmt: skip
GENERATED: Final = {"PKG-INFO", "setup.cfg"}
"""What a build adds, beside a folder ``zmqlayer.egg-info``."""
LEFTOVERS: Final = (
    "benchmarks/results/results.md",
    "examples/archive/.venv/bin/activate",
    "examples/archive/kept/files/report.pdf",
    "examples/chat/chat.sqlite3",
    "examples/chat/chat.sqlite3-wal",
    "tests/.hypothesis/unicode_data/charmap",
    "tests/.pytest_cache/README.md",
    "tests/__pycache__/test_layers.cpython-311.pyc",
    "tests/support/.ruff_cache/0.1/1",
)
"""What running the examples, the tests and the tools leaves in a checkout."""

TOO_OLD: Final = {
    "autobahn": "26.7.1",  # the last without PayloadCorruptError, which ends a WebSocket with 1007
    "twisted": "25.5.0",  # the last that changes a TLS context in use, which pyOpenSSL 26.4 refuses for every client
    "django": "5.2.12",  # the last that takes a body above its limit, and a header for another (CVE-2026-33034, -3902)
}
"""The last versions with which a server or a worker does not do what is promised."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The contents of ``pyproject.toml``."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, project: dict[str, Any]) -> Iterator[zipfile.ZipFile]:
    """The wheel, built without network from a copy without links, as a checkout on Windows has it."""
    copy = tmp_path_factory.mktemp("source")
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", *LINKS))
    for name in ("pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]):
        shutil.copy(ROOT / name, copy / name)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", copy / "dist", copy],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (path,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a source distribution is to hold, links included."""
    copy = tmp_path_factory.mktemp("checkout")
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [line.rstrip("/").rpartition("/")[2] for line in lines]
    for folder in WHOLE:
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=shutil.ignore_patterns(*ignored))
    for name in AT_ROOT:
        shutil.copy(ROOT / name, copy / name)
    return copy


def test_every_folder_with_code_is_a_package(project: dict[str, Any]) -> None:
    """The list of packages names every folder that holds Python files: setuptools drops the others silently."""
    folders = {
        module if path.name == "__init__.py" else module.rpartition(".")[0] for module, path in source_files().items()
    }

    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(folders)


def test_folders_map_to_import_names(project: dict[str, Any]) -> None:
    """The four folders of the root become one import package."""
    assert project["tool"]["setuptools"]["package-dir"] == FOLDERS


@pytest.mark.skipif(not IS_CHECKOUT, reason="a source distribution has no links")
@pytest.mark.parametrize("name", LINKS)
def test_links_are_relative_and_right(name: str) -> None:
    """Tools find each folder under its import name through a link that works in any clone."""
    link = ROOT / "zmqlayer" / name

    assert link.readlink() == Path("..") / name
    assert link.resolve() == ROOT / name


def test_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    """The wheel has each Python file under its import name, ``py.typed``, and nothing else."""
    modules = {
        module.replace(".", "/") + ("/__init__.py" if path.name == "__init__.py" else ".py")
        for module, path in source_files().items()
    }

    contents = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert contents == modules | {"zmqlayer/py.typed"}


def test_wheel_has_the_command(wheel: zipfile.ZipFile, project: dict[str, Any]) -> None:
    """The wheel installs the ``zmqlayer`` command, the licence and the version of ``pyproject.toml``."""
    info = f"zmqlayer-{project['project']['version']}.dist-info"

    assert wheel.read(f"{info}/entry_points.txt") == b"[console_scripts]\nzmqlayer = zmqlayer.cli:main\n"
    assert f"{info}/licenses/LICENSE" in wheel.namelist()


def test_source_distribution_is_complete(checkout: Path) -> None:
    """It has all that the tests need and the README links to, and nothing that the work in a checkout leaves there."""
    expected = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    for name in LEFTOVERS:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("left", encoding="utf-8")

    subprocess.run(
        [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", checkout / "dist", checkout],
        check=True,
        capture_output=True,
        timeout=60,
    )

    (path,) = (checkout / "dist").glob("*.tar.gz")
    with tarfile.open(path) as archive:
        contents = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert {name for name in contents - GENERATED if not name.startswith("zmqlayer.egg-info/")} == expected


def test_every_dependency_has_its_reason(project: dict[str, Any]) -> None:
    """The record of the dependencies has one row for each that the project names, and says which group needs it."""
    record = (ROOT / "docs" / "decisions" / "008-dependencies.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1:3] for row in record.splitlines() if row.startswith("| ")][1:]
    told = {(name_of(name), group.strip()) for names, group in rows for name in names.split(",")}

    extras = project["project"]["optional-dependencies"]
    groups = {"core": project["project"]["dependencies"], **project["dependency-groups"]}
    groups |= {f"extra `{name}`": extras[name] for name in extras if name != "all"}
    assert told == {(name_of(named), group) for group, all_named in groups.items() for named in all_named}


@pytest.mark.parametrize("name", TOO_OLD)
def test_versions_that_do_not_work_are_not_installed(project: dict[str, Any], name: str) -> None:
    """A version that is there already stays, as long as what is declared allows it."""
    extras = project["project"]["optional-dependencies"]
    declared = [Requirement(text) for extra in ("interface", "worker") for text in extras[extra]]

    (requirement,) = (each for each in declared if each.name == name)

    assert not requirement.specifier.contains(TOO_OLD[name])


def name_of(requirement: str) -> str:
    """Return the name of a package, without extras and versions."""
    return re.split(r"[\[<>=]", requirement.strip())[0].lower()
