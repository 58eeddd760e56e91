"""
Running under Django's autoreloader: in a thread of a process that ends and is started again when a file changes.

Python gives signals to the main thread only, which belongs to the reloader; so who runs here is told to stop.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from django import urls
from django.apps import apps
from django.conf import settings
from django.utils import autoreload

__all__ = ["STOP_WITHIN_S", "is_reloaded", "own_folders", "run_reloading"]

STOP_WITHIN_S: Final = 3.0
"""A developer does not wait longer for a new start."""

START_AGAIN: Final = 3
"""The status by which a reloaded process asks for the next one."""
INSTALLED: Final = {"site-packages", "dist-packages"}


def run_reloading(run: Callable[[], None], stop: Callable[[], None]) -> None:
    """
    Call *run* in a thread, and again in a new process after each change of a source file, until Ctrl-C.

    Args:
        run: Returns soon after *stop* was called.
        stop: Called on the main thread, when a file has changed or Ctrl-C was hit; perhaps before *run* has begun.
    """
    is_over = threading.Event()

    def run_to_end() -> None:
        try:
            autoreload.raise_last_exception()  # what kept the project from being imported
            urls.set_script_prefix(settings.FORCE_SCRIPT_NAME or "/")  # django.setup() did so for its own thread only
            run()
        finally:
            is_over.set()

    autoreload.autoreload_started.connect(_watch_folders)
    try:
        autoreload.run_with_reloader(run_to_end)
    except KeyError:
        if not is_reloaded():
            raise
        # A module whose import failed in our thread was gone when the reloader came to it.
        sys.exit(START_AGAIN)
    finally:
        if is_reloaded():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not interrupt this
            stop()
            is_over.wait(STOP_WITHIN_S)


def own_folders() -> set[Path]:
    """Return the folders of the project's own apps, and those of its routings."""
    layers = getattr(settings, "CHANNEL_LAYERS", None)
    entries = layers.values() if isinstance(layers, Mapping) else ()
    routings = [entry.get("ROUTING") for entry in entries if isinstance(entry, Mapping)]
    routings += [getattr(settings, name, None) for name in ("ZMQLAYER_ROUTING", "ROOT_URLCONF")]
    packages = [name.partition(".")[0] for name in routings if isinstance(name, str)]
    folders = {Path(place) for package in packages for place in _places_of(package)}
    folders |= {Path(config.path) for config in apps.get_app_configs()}
    return {folder for folder in folders if not INSTALLED & set(folder.parts)}


def _places_of(package: str) -> Iterable[str]:
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # "__main__", of a project in one file, which is watched as all that was imported
        return ()
    return (spec and spec.submodule_search_locations) or ()


def _watch_folders(sender: autoreload.BaseReloader, **kwargs: object) -> None:
    """Watch also what cannot be imported; the reloader itself looks at what was, and would miss that it is mended."""
    for folder in own_folders():
        sender.watch_dir(folder, "**/*.py")


def is_reloaded() -> bool:
    """Whether this is the process that does the work, and not the one that starts it again and again."""
    return os.environ.get(autoreload.DJANGO_AUTORELOAD_ENV) == "true"
