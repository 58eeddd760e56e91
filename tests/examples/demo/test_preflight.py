"""What is checked before anything starts."""

from __future__ import annotations

import socket

import pytest

from demo import preflight


def test_missing_packages_are_named() -> None:
    """Only what cannot be imported is named."""
    assert preflight.missing_packages(["json", "no_such_package_here"]) == ["no_such_package_here"]


def test_nothing_is_missing_here() -> None:
    """All that the demo needs is part of the development environment."""
    assert preflight.missing_packages() == []


@pytest.mark.system
def test_port_in_use() -> None:
    """A port that somebody listens on is refused with its number and a way out; once free, it is accepted."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        problem = preflight.port_problem(port)
    assert problem is not None and f"Port {port} on 127.0.0.1 is in use" in problem and "--ports" in problem
    assert preflight.port_problem(port) is None


def test_no_multicast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that refuses multicast on loopback gets a sentence with a cure."""

    def refuse(token: bytes) -> bool:
        raise OSError(19, "No such device")

    monkeypatch.setattr(preflight, "_echo_over_loopback", refuse)
    problem = preflight.multicast_problem()
    assert problem is not None and "No such device" in problem and "ip link set lo up multicast on" in problem


def test_lost_multicast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that swallows multicast on loopback gets one too."""
    monkeypatch.setattr(preflight, "_echo_over_loopback", lambda token: False)
    assert "does not arrive" in str(preflight.multicast_problem())


@pytest.mark.system
def test_multicast_here() -> None:
    """The check passes where multicast on loopback works."""
    assert preflight.multicast_problem() is None
