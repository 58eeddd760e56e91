"""The ``zmqlayer`` command: finds its subcommands, and says what to install where one is missing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from zmqlayer.cli import main
from zmqlayer.cli.main import COMMANDS

WITHOUT_TWISTED = "import sys; sys.modules['twisted'] = None; from zmqlayer.cli import main; main(sys.argv[1:])"


def test_version_is_that_of_the_package() -> None:
    """``--version`` tells the installed version."""
    result = CliRunner().invoke(main, ["--version"])

    assert result.output == f"zmqlayer {version('zmqlayer')}\n"


def test_help_lists_the_commands() -> None:
    """``--help`` names every subcommand."""
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    assert all(f"  {name} " in result.output for name in COMMANDS)


def test_unknown_commands_are_usage_errors() -> None:
    """A subcommand that does not exist is refused with status 2."""
    result = CliRunner().invoke(main, ["interfaze"])

    assert result.exit_code == 2
    assert "No such command 'interfaze'" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_load(name: str) -> None:
    """Every subcommand in the table exists and is a command."""
    assert isinstance(main.get_command(click.Context(main), name), click.Command)


def test_missing_extra_is_a_sentence() -> None:
    """A subcommand whose extra is not installed says how to install it; there is no traceback."""
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_TWISTED, "interface", "-p", "1"], capture_output=True, text=True, check=False
    )

    assert run.returncode == 1
    assert run.stderr == (
        "Error: 'zmqlayer interface' needs twisted; install it with: pip install 'zmqlayer[interface]'\n"
    )


@pytest.mark.parametrize("package", ["autobahn", "h2", "httptools"])
def test_a_missing_part_of_an_extra_is_a_sentence(package: str) -> None:
    """Also one that is imported when the server starts."""
    code = WITHOUT_TWISTED.replace("twisted", package)
    run = subprocess.run(
        [sys.executable, "-c", code, "interface", "-p", "0"], capture_output=True, text=True, check=False, timeout=30
    )

    assert run.returncode == 1
    assert run.stderr.endswith(
        f"Error: 'zmqlayer interface' needs {package}; install it with: pip install 'zmqlayer[interface]'\n"
    )


def test_missing_extra_does_not_break_help() -> None:
    """Help works without any extra and names the subcommand all the same."""
    run = subprocess.run([sys.executable, "-c", WITHOUT_TWISTED, "--help"], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert "interface" in run.stdout
