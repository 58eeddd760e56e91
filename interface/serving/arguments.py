"""The command's options for argparse, which Django's commands use: made of the same table as those for click."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Collection
from typing import Any

from zmqlayer.interface.serving.help import help_of
from zmqlayer.interface.serving.settings import SECTIONS, SETTINGS, Setting

__all__ = ["add_options"]


def add_options(parser: ArgumentParser, omitted: Collection[str] = ()) -> None:
    """
    Declare every option of a server; their values stay as they were given, and ``given`` reads them.

    Args:
        omitted: Names of those that the command has already, in its own way.
    """
    groups = {section: parser.add_argument_group(section) for section in SECTIONS}
    for setting in SETTINGS:
        if setting.name not in omitted:
            _add(groups[setting.section], setting)


def _add(group: Any, setting: Setting) -> None:
    help_text = _escape(help_of(setting))
    if not setting.metavar:
        shown, hidden = setting.flag, setting.negative_flag
        if setting.value_if_absent:
            shown, hidden = hidden, shown
        group.add_argument(shown, dest=setting.name, action="store_const", const=shown == setting.flag, help=help_text)
        group.add_argument(
            hidden, dest=setting.name, action="store_const", const=hidden == setting.flag, help="The opposite."
        )
        return
    names = dict.fromkeys(filter(None, [setting.short, setting.flag, *setting.aliases]))
    action = "append" if setting.is_repeatable else "store"
    group.add_argument(*names, dest=setting.name, metavar=_escape(setting.metavar), action=action, help=help_text)
    if setting.negation is not None:
        group.add_argument(
            setting.negative_flag, dest=f"no_{setting.name}", action="store_true", help=f"Without {setting.flag}."
        )


def _escape(text: str) -> str:
    return text.replace("%", "%%")
