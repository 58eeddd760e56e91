"""The command's flags; ``tests/system/test_interface_command.py`` runs it."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from zmqlayer.cli import main, options
from zmqlayer.exceptions import ConfigError
from zmqlayer.interface.serving.command import interface


def test_help_shows_every_flag_and_examples() -> None:
    """The mesh's own address has another flag than the server's."""
    result = CliRunner().invoke(interface, ["-h"])

    assert result.exit_code == 0
    for text in ("-b, --bind HOST", "-p, --port PORT", "-t, --http-timeout", "--mesh-bind", "ZMQLAYER_CLUSTER"):
        assert text in result.output
    assert "zmqlayer interface -p 8001 --cluster shop" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-t", "0"], "--http-timeout: 0.0 is not above 0"),
        (["--ping-interval", "-1"], "--ping-interval: -1.0 is below 0"),
        (["--websocket-max-message-size", "0"], "--websocket-max-message-size: 0 is not above 0"),
        (["-p", "70000"], "70000 is not in the range"),
        (["--cluster", "a b"], "--cluster: 'a b' is not a cluster name"),
        (["--mesh-bind", "10.0.0.1"], "--mesh-bind: '10.0.0.1' is not a loopback address"),
        (["--unknown"], "No such option"),
    ],
)
def test_a_wrong_flag_is_one_sentence(arguments: list[str], sentence: str) -> None:
    """It names the flag, and nothing has been started."""
    result = CliRunner().invoke(interface, arguments)

    assert result.exit_code == 2
    assert sentence in result.output


def test_help_says_which_sizes_may_have_a_unit() -> None:
    """Those of the server; the mesh's are plain numbers, wherever they are given."""
    says = " ".join(CliRunner().invoke(interface, ["-h"]).output.split())
    outcomes = [
        CliRunner().invoke(interface, [flag, "2M", "--check-config"]).exit_code
        for flag in ("--max-body-size", "--max-message-size")
    ]

    assert outcomes == [0, 2]
    assert "sizes are in bytes, or, but for those of the mesh, end in k, M or G" in says


@pytest.mark.parametrize(
    ("arguments", "environ", "place"),
    [
        (["--settings", "no.settings"], {"DJANGO_SETTINGS_MODULE": "others"}, "--settings"),
        ([], {"DJANGO_SETTINGS_MODULE": "no.settings"}, "DJANGO_SETTINGS_MODULE"),
    ],
)
@pytest.mark.parametrize("command", [["interface"], ["worker", "module:application"]])
def test_a_project_that_is_none_is_told_with_its_place(
    command: list[str], arguments: list[str], environ: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag, or the variable that Django has for it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(options, "join_project", refuse)

    result = CliRunner().invoke(main, [*command, *arguments], env=environ)

    assert result.exit_code == 2
    assert f"Invalid value for {place}: 'no.settings' cannot be imported" in result.output


def refuse(module: str) -> None:
    raise ConfigError("settings", f"{module!r} cannot be imported")
