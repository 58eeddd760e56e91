"""Where an application is: ``module:attribute``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from zmqlayer.worker.asgi.exceptions import CannotLoad
from zmqlayer.worker.asgi.types import Application

__all__ = ["load_application", "look_in"]


def load_application(path: str, folder: str | None = None, *, is_factory: bool = False) -> Application:
    """
    Import an application.

    Args:
        path: ``package.module:attribute``; the attribute may have dots.
        folder: Where modules are looked for first, as ``--app-dir`` says; the working directory if None.
        is_factory: The attribute is to be called, without arguments, and returns the application.

    Raises:
        CannotLoad: It is not there; the error says what was looked for, and the cure.
        Exception: Whatever the module, or the factory, raises.
    """
    module_name, colon, attribute = path.partition(":")
    if not (module_name and colon and attribute):
        raise CannotLoad(path, "names no application: write module:attribute, like 'site.asgi:application'")
    look_in(folder or ".")
    found = _find(path, _import(path, module_name, folder), attribute)
    if not callable(found):
        raise CannotLoad(path, f"is {found!r:.80}, which is no application: it cannot be called")
    if is_factory:
        found = found()
        if not callable(found):
            raise CannotLoad(path, f"returned {found!r:.80}, which is no application: it cannot be called")
    application: Application = found
    return application


def look_in(folder: str) -> None:
    """Look for modules in *folder* first."""
    place = str(Path(folder).resolve())
    if sys.path[:1] != [place]:
        sys.path.insert(0, place)


def _import(path: str, name: str, folder: str | None) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name is None or not f"{name}.".startswith(f"{exc.name}."):
            raise  # it is there, and misses something itself
        place, cure = Path(folder or ".").resolve(), "" if folder is None else "; say --app-dir DIRECTORY"
        raise CannotLoad(path, f"needs a module {exc.name!r}, and {place} has none{cure}") from exc


def _find(path: str, module: Any, attribute: str) -> Any:
    found = module
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as exc:
            callables = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
            known = f"; {module.__name__} has {', '.join(sorted(callables)[:8])}" if callables else ""
            raise CannotLoad(path, f"is not there: {module.__name__} has no {attribute!r}{known}") from exc
    return found
