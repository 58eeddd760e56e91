"""Flags, the environment, a file and defaults."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.interface.serving.config_file import ConfigFile
from zmqlayer.interface.serving.given import BadOption, mesh_settings, read_given

FILE = ConfigFile("shop.toml", {"http_timeout": 30, "max_body_size": "1M", "allowed_host": ["a.example"]})
VARIABLES = {"ZMQLAYER_INTERFACE_HTTP_TIMEOUT": "20", "ZMQLAYER_INTERFACE_PORT": "80,443"}


def test_flags_come_before_the_environment_and_that_before_the_file() -> None:
    """And the file before defaults."""
    assert read_given({"http_timeout": "10"}, VARIABLES, FILE)["http_timeout"] == 10.0
    assert read_given({"http_timeout": None}, VARIABLES, FILE)["http_timeout"] == 20.0
    assert read_given({}, {"ZMQLAYER_INTERFACE_HTTP_TIMEOUT": ""}, FILE)["http_timeout"] == 30.0
    assert read_given({}, {}, ConfigFile())["http_timeout"] == 120.0


def test_lists_come_from_anywhere() -> None:
    """Repeated flags, words in the environment, a list in the file."""
    given = read_given({"ws_protocol": ("a", "b")}, VARIABLES, FILE)

    assert (given["ws_protocol"], given["port"], given["allowed_host"]) == (("a", "b"), (80, 443), ("a.example",))


def test_what_was_given_becomes_the_servers_options() -> None:
    """The rest are the defaults."""
    options = read_given({"server_name": ""}, VARIABLES, FILE).server_options(4_000_000)

    assert (options.http_timeout_s, options.max_body_size, options.allowed_hosts) == (20.0, 2**20, ("a.example",))
    assert (options.server_name, options.max_message_size, options.ping_interval_s) == ("", 4_000_000, 20.0)


@pytest.mark.parametrize(
    ("flags", "variables", "file", "sentence"),
    [
        ({"http_timeout": "x"}, {}, {}, "--http-timeout: 'x' is not a number of seconds"),
        ({}, {"ZMQLAYER_INTERFACE_FD": "x"}, {}, "ZMQLAYER_INTERFACE_FD: 'x' is not a whole number"),
        ({}, {}, {"http2": "maybe"}, "shop.toml: [interface] http2: 'maybe' is neither true nor false"),
        ({}, {}, {"http_timeout": -1}, "shop.toml: [interface] http_timeout: -1.0 is not above 0"),
        (
            {"allowed_host": ("http://foo",)},
            {},
            {},
            "--allowed-host: 'http://foo' is no name of a host; leave scheme, port and path out, as in 'example.com' "
            "or '.example.com', and put IPv6 in brackets",
        ),
        (
            {"liveness_path": "/a"},
            {"ZMQLAYER_INTERFACE_READINESS_PATH": "/a"},
            {},
            "ZMQLAYER_INTERFACE_READINESS_PATH: '/a' is liveness_path, too; choose another",
        ),
        ({"max_url_size": "1M"}, {}, {}, "--max-url-size: 1,048,576 is above max_header_size (32,768)"),
        (
            {"max_header_size": "4G"},
            {},
            {},
            "--max-header-size: 4,294,967,296 is above 4,294,967,295, the most that HTTP/2 can tell a client",
        ),
        ({"http_timeout": "1e400"}, {}, {}, "--http-timeout: inf is no length of time; take a large one, like 1e9"),
        (
            {},
            {"ZMQLAYER_INTERFACE_SERVER_NAME": "a\r\nX: y"},
            {},
            "ZMQLAYER_INTERFACE_SERVER_NAME: 'a\\r\\nX: y' is no value of a header; "
            "use printable characters of Latin-1",
        ),
        (
            {"proxy_headers_host": "\u20ac"},
            {},
            {},
            "--proxy-headers-host: '\u20ac' is no name of a header; use letters, digits and hyphens",
        ),
        (
            {},
            {},
            {"log_fmt": "%(nope)s"},
            "shop.toml: [interface] log_fmt: '%(nope)s' is no format of Python's logging: "
            "Formatting field not found in record: 'nope'",
        ),
    ],
)
def test_a_wrong_value_names_its_place(
    flags: dict[str, Any], variables: dict[str, str], file: dict[str, object], sentence: str
) -> None:
    """The flag, the variable, or the file and the key."""
    with pytest.raises(BadOption) as caught:
        read_given(flags, variables, ConfigFile("shop.toml", file)).server_options(1_048_576)

    assert str(caught.value) == sentence


def test_the_environment_wins_over_a_files_mesh() -> None:
    """The layer reads the environment itself; a secret there stands for all secrets of the file."""
    file = ConfigFile("shop.toml", {}, {"cluster": "file", "capacity": 7, "secrets": ["s" * 16]})

    found = mesh_settings({"capacity": "9"}, {"ZMQLAYER_CLUSTER": "shop", "ZMQLAYER_SECRET": "t" * 16}, file)

    assert found == {"capacity": "9"}


@pytest.mark.parametrize("name", ["/run/my site.sock", "/run/a,b.sock"])
def test_a_path_is_taken_whole(name: str) -> None:
    """Of a flag, and in a file, alone or in a list; a variable holds several."""
    variables = {"ZMQLAYER_INTERFACE_UNIX_SOCKET": "/run/a.sock,/run/b.sock"}

    assert read_given({"unix_socket": (name,)}, {}, ConfigFile())["unix_socket"] == (name,)
    assert read_given({}, {}, ConfigFile("x", {"unix_socket": name}))["unix_socket"] == (name,)
    assert read_given({}, {}, ConfigFile("x", {"unix_socket": [name]}))["unix_socket"] == (name,)
    assert read_given({}, variables, ConfigFile())["unix_socket"] == ("/run/a.sock", "/run/b.sock")
