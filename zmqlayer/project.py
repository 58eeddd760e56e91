"""
The Django project that this process belongs to, as far as its secrets go. Used by ``compose.py`` and commands.

Django is never imported here for its own sake: a process that has not loaded it, and names no settings of its own,
belongs to no project.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path
from typing import Final

from zmqlayer.exceptions import ConfigError
from zmqlayer.keyring import KEYGEN, ProjectSecrets

__all__ = ["SETTINGS_VARIABLE", "join_project", "project_secrets", "warn_of_flaw"]

logger = logging.getLogger("zmqlayer")

SETTINGS_VARIABLE: Final = "DJANGO_SETTINGS_MODULE"

_warned: set[str] = set()


def project_secrets(most: int) -> ProjectSecrets:
    """Return what ``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS`` are worth; nothing if no Django is configured here."""
    conf = sys.modules.get("django.conf")
    if conf is None or not conf.settings.configured:
        return ProjectSecrets()
    try:
        key = conf.settings.SECRET_KEY
    except conf.ImproperlyConfigured:  # it is empty
        key = ""
    return ProjectSecrets.judge(key, conf.settings.SECRET_KEY_FALLBACKS, most)


def join_project(module: str) -> None:
    """
    Load the settings of a Django project, so that this process shares its secrets.

    Raises:
        ConfigError: They cannot be imported.
    """
    sys.path.insert(0, str(Path.cwd()))  # as Django's own commands and servers do
    os.environ[SETTINGS_VARIABLE] = module
    try:
        importlib.import_module("django.conf").settings.is_overridden("SECRET_KEY")  # whatever is asked loads them
    except ImportError as exc:
        raise ConfigError("settings", f"{module!r} cannot be imported: {exc}") from exc


def warn_of_flaw(flaw: str) -> None:
    """Say once in this process why the mesh is not reachable from other machines."""
    if flaw not in _warned:
        _warned.add(flaw)
        logger.warning(
            "%s: the mesh stays on this machine; to reach others give all nodes one secret (%s), or each project "
            "a SECRET_KEY that nobody else knows; discovery = 'localhost' says that it is meant so",
            flaw, KEYGEN,
        )  # fmt: skip
