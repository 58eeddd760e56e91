"""``zmqlayer keygen``: a secret that layers take, alone on standard output."""

from __future__ import annotations

from click.testing import CliRunner

from zmqlayer.cli import main
from zmqlayer.config import Config


def test_a_new_secret_each_time() -> None:
    """Standard output holds the secret and nothing else; how to use it stands on standard error."""
    first, second = (CliRunner().invoke(main, ["keygen"]) for _ in range(2))

    assert len(bytes.fromhex(first.stdout)) == 32
    assert first.stdout != second.stdout
    assert "ZMQLAYER_SECRET" in first.stderr
    assert first.stdout.strip() not in first.stderr


def test_layers_take_it_from_the_environment() -> None:
    """What the help says works: in a variable, alone or with others."""
    new, old = (CliRunner().invoke(main, ["keygen"]).stdout.strip() for _ in range(2))

    assert Config.from_settings({}, {"ZMQLAYER_SECRET": new}).secrets == (new.encode(),)
    assert Config.from_settings({}, {"ZMQLAYER_SECRETS": f"{new} {old}"}).secrets == (new.encode(), old.encode())


def test_help_says_how_to_change_a_secret() -> None:
    """Help is where one looks first."""
    output = CliRunner().invoke(main, ["keygen", "--help"]).output

    assert '"OLD NEW", then "NEW OLD", then "NEW"' in output
