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
        ("http_timeout_s", float("inf")),
        ("websocket_timeout_s", float("inf")),
        ("max_streams", 2**32),
        ("max_header_size", 2**32),
        ("server_name", "\u20ac"),
        ("server_name", "a\r\nX: y"),
        ("server_name", "a\n"),
        ("server_name", " a"),
        ("server_name", "a\x9b"),
        ("proxy_headers_host", "\u20ac"),
        ("proxy_headers_port", "X Port"),
        ("proxy_headers_proto", "X-Proto:"),
        ("proxy_headers_site", "X-Host\n"),
        ("root_path", "/\udcff"),
        ("root_path", "site"),
        ("allowed_hosts", ("a.example", "http://foo")),
        ("allowed_hosts", ("foo:8000",)),
        ("allowed_hosts", ("foo/",)),
        ("allowed_hosts", ("foo.",)),
        ("allowed_hosts", ("::1",)),
        ("allowed_hosts", (".",)),
    ],
)
def test_an_option_out_of_range_is_named(name: str, value: float | str | tuple[str, ...]) -> None:
    """What exists is valid."""
    with pytest.raises(ConfigError, match=name):
        ServerOptions(**{name: value})  # type: ignore[arg-type]  # the test's point


def test_pings_can_be_switched_off() -> None:
    """0 means never."""
    assert ServerOptions(ping_interval_s=0.0, ping_timeout_s=0.0).ping_interval_s == 0.0


@pytest.mark.parametrize("server_name", ["", "x", "shop 1.0 (caf\xe9)", "a/1\tb/2"])
def test_a_server_may_have_any_name_that_is_a_header(server_name: str) -> None:
    """In Latin-1, which is what headers are in."""
    assert ServerOptions(server_name=server_name).server_name == server_name


def test_a_proxy_may_tell_in_any_header() -> None:
    """Or in none."""
    options = ServerOptions(proxy_headers_host="CF-Connecting-IP", proxy_headers_port="", root_path="/caf\xe9")

    assert options.proxy_headers_host == "CF-Connecting-IP"


def test_hosts_are_names_and_addresses() -> None:
    """What a Host header may match; in any case."""
    hosts = ("a", "Shop.example", ".shop.example", "my_shop-1", "10.0.0.1", "[::1]", "*")

    assert ServerOptions(allowed_hosts=hosts).allowed_hosts == hosts


def test_probes_have_paths_of_their_own() -> None:
    """With one for both nobody would ever hear that the server is not ready."""
    with pytest.raises(ConfigError, match=r"^setting 'readiness_path': '/a' is liveness_path, too; choose another"):
        ServerOptions(liveness_path="/a", readiness_path="/a")

    assert ServerOptions(liveness_path="", readiness_path="").readiness_path == ""
