"""The layer's settings as command-line options, made from the one table in ``config.py``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import click
from click.core import ParameterSource

from zmqlayer.compose import configure
from zmqlayer.config import FLAGS, SETTINGS, Config, parse_environment
from zmqlayer.exceptions import ConfigError
from zmqlayer.project import SETTINGS_VARIABLE, join_project

__all__ = ["join_named_project", "layer_options", "read_config", "take_settings"]

PREFIX: Final = "mesh_"
"""Of the parameters of a command that are the layer's, so that they cannot meet its own."""


def layer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """
    Add one option for each layer setting to a click command; :func:`take_settings` reads them.

    Click leaves the variables alone: the layer reads them itself.
    """
    for setting in reversed(FLAGS):
        option = click.option(
            setting.flag,
            PREFIX + setting.name,
            metavar=setting.metavar,
            help=f"{setting.help}  [env var: {setting.variable}]",
            multiple=setting.is_repeatable,
        )
        command = option(command)
    return command


def take_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the layer's settings from a command's *options* and return those that were given as flags."""
    taken = {setting.name: options.pop(PREFIX + setting.name) for setting in FLAGS}
    return {name: value for name, value in taken.items() if value not in (None, ())}


def read_config(settings: dict[str, Any], places: Mapping[str, str] | None = None) -> Config:
    """
    Build a configuration of *settings* and the environment; a wrong one ends the command with its sentence.

    Args:
        places: By name, where those of *settings* were given that are no flags.

    Raises:
        click.BadParameter: Names the flag, the variable, or the place, that is wrong.
    """
    try:
        return configure(settings)
    except ConfigError as exc:
        ambient = parse_environment(os.environ).keys() - settings.keys()
        ours = {each.name: each.variable if each.is_secret or each.name in ambient else each.flag for each in SETTINGS}
        place = {**ours, **(places or {})}.get(exc.setting, exc.setting)
        raise click.BadParameter(exc.problem, param_hint=place) from exc


def join_named_project(module: str) -> None:
    """
    Share the secrets of the Django project that the running command's ``--settings``, or its variable, names.

    Raises:
        click.BadParameter: It cannot be imported; names the flag, or the variable.
    """
    try:
        join_project(module)
    except ConfigError as exc:
        source = click.get_current_context().get_parameter_source("settings")
        place = SETTINGS_VARIABLE if source is ParameterSource.ENVIRONMENT else "--settings"
        raise click.BadParameter(exc.problem, param_hint=place) from exc
