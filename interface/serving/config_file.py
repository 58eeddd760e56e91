"""
The configuration file: TOML with the tables ``[interface]`` and ``[mesh]``. Pure.

Used by ``given``, which knows what else was given.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zmqlayer.config import SETTINGS as MESH_SETTINGS
from zmqlayer.interface.serving.settings import BY_NAME

__all__ = ["BadFile", "ConfigFile", "read_file"]

TABLES: Final[Mapping[str, Collection[str]]] = {
    "interface": BY_NAME.keys(),
    "mesh": {setting.name for setting in MESH_SETTINGS},
}


class BadFile(ValueError):
    """A configuration file cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """
    What a file says; its values are not checked yet.

    Attributes:
        name: As the operator called it; empty if there is none.
        interface: Options of the server, by name.
        mesh: Settings of the layer, by name.
    """

    name: str = ""
    interface: Mapping[str, Any] = field(default_factory=dict)
    mesh: Mapping[str, Any] = field(default_factory=dict)


def read_file(name: str, content: bytes) -> ConfigFile:
    """
    Read a file's content.

    Raises:
        BadFile: It is not TOML, or has a table or a key that does not exist.
    """
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadFile(f"{name}: is not TOML: {exc}") from exc
    for table, values in document.items():
        if not isinstance(values, dict):
            raise BadFile(f"{name}: {table} stands outside a table; put it below {_nearest_table(table)}")
        if table not in TABLES:
            raise BadFile(f"{name}: [{table}] is unknown; the tables are [interface] and [mesh]")
        for key in values:
            if key not in TABLES[table]:
                raise BadFile(f"{name}: [{table}] {key} is unknown{_hint(key, TABLES[table])}")
    return ConfigFile(name, document.get("interface", {}), document.get("mesh", {}))


def _nearest_table(key: str) -> str:
    return next((f"[{table}]" for table, known in TABLES.items() if key in known), "[interface] or [mesh]")


def _hint(key: str, known: Collection[str]) -> str:
    meant = difflib.get_close_matches(key.replace("-", "_"), known, n=1)
    if meant:
        return f"; did you mean {meant[0]}?"
    other = _nearest_table(key)
    return f"; it belongs below {other}" if " " not in other else "; zmqlayer interface --help lists all"
