"""How the command's options are shown by ``--help``: in sections, each with a word on what it is about."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from zmqlayer.interface.serving.settings import Setting

__all__ = ["SectionedCommand", "SettingOption", "default_of", "help_of", "options_of"]

COLUMN: Final = 30
"""Width of the left column, the same for all sections."""

MESH: Final = "Mesh"
GENERAL: Final = "General"
IN_GENERAL: Final = frozenset({"--config", "--check-config", "--settings", "--help"})

UNITS: Final = (("M", 2**20), ("k", 2**10))


class SettingOption(click.Option):
    """
    A flag of one setting. Its value stays as it was given; ``given`` reads it.

    Attributes:
        section: The heading below which help shows it.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.section = setting.section
        is_switch = not setting.metavar
        name = f"{setting.flag}/{setting.negative_flag}" if is_switch else setting.flag
        aliases = () if is_switch else tuple(alias for alias in setting.aliases if alias != setting.flag)
        super().__init__(
            [setting.name, *filter(None, [setting.short]), name, *aliases],
            metavar=setting.metavar or None,
            multiple=setting.is_repeatable,
            default=None,
            help=setting.help,
        )

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return what help shows on the left and on the right; aliases are left out."""
        left = ", ".join(filter(None, [self.setting.short, self.setting.flag]))
        if not self.setting.metavar:
            left = self.setting.negative_flag if self.setting.value_if_absent else self.setting.flag
        left = f"{left} {self.setting.metavar}".rstrip()
        return left, help_of(self.setting)


class NegativeOption(click.Option):
    """``--no-<name>`` of a setting that is more than a switch."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.section = setting.section
        super().__init__(
            [f"no_{setting.name}", setting.negative_flag],
            is_flag=True,
            flag_value=True,
            default=None,
            help=f"Without {setting.flag}.",
        )


class SectionedCommand(click.Command):
    """A command whose options know their section; those that do not are about the mesh, or the command itself."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(_section_of(parameter), []).append((record[0].ljust(COLUMN), record[1]))
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records, col_max=COLUMN + 2)


def options_of(setting: Setting) -> list[click.Option]:
    """Return the flags of a setting."""
    options: list[click.Option] = [SettingOption(setting)]
    if setting.metavar and setting.negation is not None:
        options.append(NegativeOption(setting))
    return options


def _section_of(parameter: click.Parameter) -> str:
    return str(getattr(parameter, "section", GENERAL if IN_GENERAL & set(parameter.opts) else MESH))


def help_of(setting: Setting) -> str:
    """Return what help says of a setting, with its default if it has one."""
    default = default_of(setting)
    return setting.help + ("" if not default or "[default:" in setting.help else f" [default: {default}]")


def default_of(setting: Setting) -> str:
    """Return the default of a setting as an operator would write it; empty if there is none, or the help tells."""
    told = re.search(r"\[default: (.*)\]", setting.help)
    value: Any = setting.value_if_absent
    if told:
        return told[1]
    return "" if value in (None, "", ()) or not setting.metavar else _shown(setting, value)


def _shown(setting: Setting, value: Any) -> str:
    if setting.metavar == "BYTES":
        for letter, unit in UNITS:
            if value and value % unit == 0:
                return f"{value // unit}{letter}"
    return f"{value:g}" if isinstance(value, float) else str(value)
