"""Where a server listens."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.interface.serving.config_file import ConfigFile
from zmqlayer.interface.serving.given import BadOption, read_given
from zmqlayer.interface.serving.places import (
    Described,
    Inherited,
    Place,
    Tcp,
    Unix,
    choose_places,
    inherited_sockets,
    read_bind,
)


def places(*passed: Inherited, **flags: Any) -> tuple[Place, ...]:
    """Return where a server with *flags* listens."""
    return choose_places(read_given(flags, {}, ConfigFile()), passed)


@pytest.mark.parametrize(
    ("flags", "chosen"),
    [
        ({}, (Tcp("127.0.0.1", 8000),)),
        ({"port": ("80",)}, (Tcp("127.0.0.1", 80),)),
        ({"bind": ("0.0.0.0",)}, (Tcp("0.0.0.0", 8000),)),
        (
            {"bind": ("::1", "a.example:90"), "port": ("80", "81")},
            (Tcp("::1", 80), Tcp("::1", 81), Tcp("a.example", 90)),
        ),
        ({"bind": ("::",)}, (Tcp("::", 8000),)),
        ({"bind": ("0.0.0.0", "::")}, (Tcp("0.0.0.0", 8000), Tcp("::", 8000, True))),
        ({"bind": ("127.0.0.1:80", "[::]:80")}, (Tcp("127.0.0.1", 80), Tcp("::", 80, True))),
        ({"bind": ("127.0.0.1:81", "[::]:80")}, (Tcp("127.0.0.1", 81), Tcp("::", 80))),
        ({"bind": ("*:80",)}, (Tcp("", 80, True),)),
        ({"bind": ("a", "a")}, (Tcp("a", 8000),)),
        ({"unix_socket": ("/run/a",), "unix_socket_mode": "660"}, (Unix("/run/a", 0o660),)),
        ({"unix_socket": ("/run/a",), "port": ("80",)}, (Tcp("127.0.0.1", 80), Unix("/run/a", 0o666))),
        ({"fd": ("0",), "endpoint": ("tcp:80",)}, (Inherited(0), Described("tcp:80"))),
    ],
)
def test_places_are_where_the_operator_said(flags: dict[str, Any], chosen: tuple[Place, ...]) -> None:
    """Port 8000 of loopback is for those who say nothing."""
    assert places(**flags) == chosen


def test_what_the_service_manager_passes_is_enough() -> None:
    """No port is opened beside it, unless the operator said so."""
    assert places(Inherited(3)) == (Inherited(3),)
    assert places(Inherited(3), port=("80",)) == (Tcp("127.0.0.1", 80), Inherited(3))


def test_a_socket_that_is_passed_and_named_is_opened_once() -> None:
    """Else two listeners would take turns, one of which may not know that it is to stay without TLS."""
    assert places(Inherited(3, is_plain=True), fd=("3", "4")) == (Inherited(4), Inherited(3, is_plain=True))


@pytest.mark.parametrize("text", ["[::1", "::1]:80", "a:b", "a:70000", "a:1:b", "[a.example]:80"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """With the place to change."""
    with pytest.raises(BadOption, match=r"--bind: .* is not HOST\[:PORT\]"):
        places(bind=(text,))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("[::1]:80", ("::1", 80)),
        ("[fe80::1%eth0]", ("fe80::1%eth0", None)),
        ("fe80::1%eth0", ("fe80::1%eth0", None)),
        ("::", ("::", None)),
        (":80", ("", 80)),
        ("localhost", ("localhost", None)),
    ],
)
def test_addresses_are_read(text: str, address: tuple[str, int | None]) -> None:
    """With brackets where there could be doubt."""
    assert read_bind(text) == address


def test_sockets_of_systemd_are_found() -> None:
    """Those for this process, from number 3; one that is called http stays without TLS."""
    environ = {"LISTEN_PID": "42", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "https:http"}

    assert inherited_sockets(environ, 42) == (Inherited(3), Inherited(4, is_plain=True), Inherited(5))
    assert inherited_sockets(environ, 43) == ()
    assert inherited_sockets({}, 42) == ()
    assert inherited_sockets({"LISTEN_PID": "42", "LISTEN_FDS": "x"}, 42) == ()
