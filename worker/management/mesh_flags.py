"""One flag for each setting of the layer, made of the table in ``zmqlayer.config``; each wins over ``CONFIG``."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from zmqlayer.config import FLAGS, Setting

__all__ = ["add_mesh_flags", "given_mesh_flags"]


def add_mesh_flags(parser: ArgumentParser) -> None:
    """Declare the flags."""
    group = parser.add_argument_group("channel layer", "Each wins over CONFIG in CHANNEL_LAYERS.")
    for setting in FLAGS:
        group.add_argument(
            setting.flag,
            dest=_destination(setting),
            metavar=setting.metavar,
            action="append" if setting.is_repeatable else "store",
            help=f"{setting.help} ({setting.variable})".replace("%", "%%"),
        )


def given_mesh_flags(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings among a command's *options* that were given, by name."""
    values = {setting.name: options.get(_destination(setting)) for setting in FLAGS}
    return {name: value for name, value in values.items() if value is not None}


def _destination(setting: Setting) -> str:
    # Not the bare name, lest it meet an option of Django's.
    return f"layer_{setting.name}"
