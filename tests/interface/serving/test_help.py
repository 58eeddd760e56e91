"""How ``--help`` looks."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from zmqlayer.interface.serving.command import interface
from zmqlayer.interface.serving.settings import SECTIONS, SETTINGS


@pytest.fixture(scope="module")
def shown() -> str:
    """What is shown on a terminal of 110 columns."""
    return CliRunner().invoke(interface, ["--help"], terminal_width=110).output


def test_sections_come_in_order(shown: str) -> None:
    """What is needed first stands first; the mesh and the command itself come last."""
    places = [shown.index(f"\n{section}:\n") for section in (*SECTIONS, "Mesh", "General")]

    assert places == sorted(places)
    assert shown.index("\n  -h, --help") > places[-1]


def test_every_option_is_shown(shown: str) -> None:
    """A switch that is on is shown as the flag that turns it off."""
    for setting in SETTINGS:
        is_on = not setting.metavar and setting.value_if_absent
        assert (setting.negative_flag if is_on else setting.flag) in shown


def test_aliases_are_not_shown(shown: str) -> None:
    """They are for command lines that exist."""
    assert "--websocket_timeout" not in shown
    assert "--certfile" not in shown


def test_defaults_are_shown_as_they_may_be_written(shown: str) -> None:
    """Sizes with their unit."""
    for text in ("[default: 120]", "[default: 64k]", "[default: 1M]", "[default: 127.0.0.1, ::1]"):
        assert text in shown


@pytest.mark.parametrize("columns", [80, 110])
def test_lines_fit(columns: int) -> None:
    """The option's part of the help keeps to the terminal's width."""
    shown = CliRunner().invoke(interface, ["--help"], terminal_width=columns).output

    assert max(map(len, shown.partition("Examples:")[0].splitlines())) <= columns
