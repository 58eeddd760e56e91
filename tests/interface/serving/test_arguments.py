"""Options for argparse, made of the table."""

from __future__ import annotations

from argparse import ArgumentParser

import pytest

from zmqlayer.interface.serving.arguments import add_options
from zmqlayer.interface.serving.settings import SETTINGS


@pytest.fixture
def parser() -> ArgumentParser:
    """A command that has a verbosity already."""
    parser = ArgumentParser()
    add_options(parser, omitted=("verbosity",))
    return parser


def test_every_option_is_there(parser: ArgumentParser) -> None:
    """Under its name; None if it was not given."""
    given = vars(parser.parse_args([]))

    assert {setting.name for setting in SETTINGS} - given.keys() == {"verbosity"}
    assert {value for value in given.values() if value} == set()


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["-t", "5"], "http_timeout", "5"),
        (["--http_timeout", "5"], "http_timeout", "5"),
        (["-b", "::1", "-b", "127.0.0.1"], "bind", ["::1", "127.0.0.1"]),
        (["--no-http2"], "http2", False),
        (["--http2"], "http2", True),
        (["--websocket-parallel"], "websocket_parallel", True),
        (["--no-server-name"], "no_server_name", True),
    ],
)
def test_values_stay_as_they_were_given(parser: ArgumentParser, words: list[str], name: str, value: object) -> None:
    """Reading them is somebody else's; switches are true or false."""
    assert vars(parser.parse_args(words))[name] == value


def test_help_tells_defaults(parser: ArgumentParser) -> None:
    """And a percent sign in a text is no format."""
    text = " ".join(parser.format_help().split())

    assert "Answer 503 if no worker began a response by then. [default: 120]" in text
    assert "[default: 127.0.0.1]" in text
