"""The command's flags; ``tests/system/test_interface_command.py`` runs it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

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
