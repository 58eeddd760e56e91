"""Where an application is, and what is said when it is not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import asgi_app
from zmqlayer.worker.asgi.exceptions import CannotLoad
from zmqlayer.worker.asgi.loading import load_application


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with modules, which is forgotten afterwards."""
    before, modules = list(sys.path), set(sys.modules)
    (tmp_path / "asgi_site_one.py").write_text("class views:\n    app = staticmethod(print)\nnumber = 7\n")
    (tmp_path / "asgi_site_two.py").write_text("import a_module_that_nobody_has\n")
    (tmp_path / "asgi_site_three.py").write_text("1 / 0\n")
    yield tmp_path
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_a_module_and_an_attribute(folder: Path) -> None:
    """The attribute may have dots; modules are looked for in the folder first."""
    assert load_application("asgi_site_one:views.app", str(folder)) is print
    assert sys.path[0] == str(folder)


def test_a_factory(folder: Path) -> None:
    """It is called for the application."""
    assert load_application("support.asgi_app:create", str(folder), is_factory=True) is asgi_app.application


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("asgi_site_one", "names no application: write module:attribute"),
        ("asgi_site_one:", "names no application"),
        (":app", "names no application"),
        ("nowhere.asgi:app", "needs a module 'nowhere', and .* has none; say --app-dir"),
        ("asgi_site_one.asgi:app", "needs a module 'asgi_site_one.asgi'"),
        ("asgi_site_one:app", "is not there: asgi_site_one has no 'app'; asgi_site_one has views"),
        ("asgi_site_one:views.other", "is not there: asgi_site_one has no 'views.other'"),
        ("asgi_site_one:number", "is 7, which is no application: it cannot be called"),
    ],
)
def test_what_is_not_there(path: str, problem: str, folder: Path) -> None:
    """One sentence says what was looked for, and the cure."""
    with pytest.raises(CannotLoad, match=problem):
        load_application(path, str(folder))


def test_who_cannot_choose_a_folder_is_not_told_to() -> None:
    """``runworker --asgi`` has no ``--app-dir``."""
    with pytest.raises(CannotLoad, match=r"needs a module 'nowhere', and \S+ has none$"):
        load_application("nowhere.asgi:app")


def test_a_factory_that_makes_none(folder: Path) -> None:
    """What it returned is named."""
    with pytest.raises(CannotLoad, match="returned None, which is no application"):
        load_application("asgi_site_one:views.app", str(folder), is_factory=True)


@pytest.mark.parametrize(
    ("module", "error"), [("asgi_site_two", ModuleNotFoundError), ("asgi_site_three", ZeroDivisionError)]
)
def test_a_module_that_fails(module: str, error: type[Exception], folder: Path) -> None:
    """That is the application's own mistake: it is not hidden behind a sentence of ours."""
    with pytest.raises(error):
        load_application(f"{module}:app", str(folder))
