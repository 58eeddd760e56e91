"""
What the operator said: flags before the environment, the environment before the file, the file before defaults. Pure.

Every value remembers where it came from, so that an error names the place to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zmqlayer.config import SETTINGS as MESH_SETTINGS
from zmqlayer.exceptions import ConfigError
from zmqlayer.interface.options import ServerOptions
from zmqlayer.interface.serving.config_file import ConfigFile
from zmqlayer.interface.serving.settings import BY_NAME, SETTINGS, Setting

__all__ = ["BadOption", "Given", "mesh_settings", "read_given"]


class BadOption(ValueError):
    """
    An option cannot be used.

    Attributes:
        place: Its flag, its variable, or its key in a file.
        problem: What is wrong, as the rest of a sentence.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(place, problem)
        self.place = place
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Given:
    """
    The value of every option, and for those that were given the place.

    Attributes:
        values: By name, defaults included.
        places: By name: a flag, a variable, or a key in a file; for what was given only.
    """

    values: Mapping[str, Any]
    places: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def place(self, name: str) -> str:
        """Return how to call an option in a sentence about it."""
        return self.places.get(name, BY_NAME[name].flag)

    def server_options(self, max_message_size: int) -> ServerOptions:
        """
        Return the limits and times among the options.

        Args:
            max_message_size: The layer's.

        Raises:
            BadOption: One is out of range, or two do not fit together.
        """
        chosen = {setting.field: self.values[setting.name] for setting in SETTINGS if setting.field}
        try:
            return ServerOptions(**chosen, max_message_size=max_message_size)
        except ConfigError as exc:
            names = {setting.field: setting.name for setting in SETTINGS}
            name = names.get(exc.setting)
            raise BadOption(self.place(name) if name else exc.setting, exc.problem) from exc


def read_given(flags: Mapping[str, Any], environ: Mapping[str, str], file: ConfigFile) -> Given:
    """
    Put together what was given.

    Args:
        flags: By name; None, and an empty tuple, for what was not given.
        environ: Variables with an empty value count as absent.

    Raises:
        BadOption: A value cannot be read.
    """
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for setting in SETTINGS:
        found = _find(setting, flags, environ, file)
        if found is None:
            values[setting.name] = setting.value_if_absent
            continue
        place, value = found
        try:
            values[setting.name] = setting.read(value)
        except ValueError as exc:
            raise BadOption(place, str(exc)) from exc
        places[setting.name] = place
    return Given(values, places)


def mesh_settings(flags: Mapping[str, Any], environ: Mapping[str, str], file: ConfigFile) -> dict[str, Any]:
    """
    Return the layer's settings that flags and the file give; the layer reads the environment itself.

    What the environment says is left out of the file's, so that it wins; so is any secret, if it holds one.
    """
    ambient = {setting.name for setting in MESH_SETTINGS if environ.get(setting.variable)}
    if ambient & {"secret", "secrets"}:
        ambient |= {"secret", "secrets"}
    return {**{name: value for name, value in file.mesh.items() if name not in ambient}, **flags}


def _find(
    setting: Setting, flags: Mapping[str, Any], environ: Mapping[str, str], file: ConfigFile
) -> tuple[str, Any] | None:
    """Return where a value was given, and the value as it was given."""
    if flags.get(setting.name) not in (None, ()):
        return setting.flag, flags[setting.name]
    if environ.get(setting.variable):
        return setting.variable, environ[setting.variable]
    if setting.name in file.interface:
        value = file.interface[setting.name]
        is_one_of_many = setting.is_repeatable and not isinstance(value, list)
        return f"{file.name}: [interface] {setting.name}", [value] if is_one_of_many else value
    return None
