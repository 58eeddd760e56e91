"""The limits and times of a server."""

from __future__ import annotations

import pytest

from zmqlayer.exceptions import ConfigError
from zmqlayer.interface.options import ServerOptions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http_timeout_s", 0.0),
        ("http_timeout_s", float("nan")),
        ("websocket_connect_timeout_s", -1.0),
        ("keep_alive_timeout_s", 0),
        ("max_streams", 0),
        ("websocket_max_message_size", 0),
        ("ping_interval_s", -1.0),
        ("ping_timeout_s", -1.0),
        ("max_url_size", 2_000_000),
    ],
)
def test_an_option_out_of_range_is_named(name: str, value: float) -> None:
    """What exists is valid."""
    with pytest.raises(ConfigError, match=name):
        ServerOptions(**{name: value})  # type: ignore[arg-type]  # the test's point


def test_pings_can_be_switched_off() -> None:
    """0 means never."""
    assert ServerOptions(ping_interval_s=0.0, ping_timeout_s=0.0).ping_interval_s == 0.0
