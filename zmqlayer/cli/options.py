"""The layer's settings as command-line options, made from the one table in ``config.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from zmqlayer.compose import configure
from zmqlayer.config import FLAGS, SETTINGS, Config
from zmqlayer.exceptions import ConfigError

__all__ = ["layer_options", "read_config", "take_settings"]

PREFIX: Final = "mesh_"
"""Of the parameters of a command that are the layer's, so that they cannot meet its own."""


def layer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option for each layer setting to a click command; :func:`take_settings` reads them."""
    for setting in reversed(FLAGS):
        option = click.option(
            setting.flag,
            PREFIX + setting.name,
            metavar=setting.metavar,
            help=setting.help,
            multiple=setting.is_repeatable,
            envvar=setting.variable,
            show_envvar=True,
        )
        command = option(command)
    return command


def take_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the layer's settings from a command's *options* and return those that were given."""
    taken = {setting.name: options.pop(PREFIX + setting.name) for setting in FLAGS}
    return {name: value for name, value in taken.items() if value not in (None, ())}


def read_config(settings: dict[str, Any], places: Mapping[str, str] | None = None) -> Config:
    """
    Build a configuration; a wrong setting ends the command with its sentence.

    Args:
        places: By name, where a setting was given that did not come from a flag.

    Raises:
        click.BadParameter: Names the flag, or the place, that is wrong.
    """
    try:
        return configure(settings)
    except ConfigError as exc:
        flags = {setting.name: setting.variable if setting.is_secret else setting.flag for setting in SETTINGS}
        place = {**flags, **(places or {})}.get(exc.setting, exc.setting)
        raise click.BadParameter(exc.problem, param_hint=place) from exc
