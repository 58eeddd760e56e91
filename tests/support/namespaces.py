"""
Machines on a network of their own: Linux network namespaces on one bridge, for tests with real processes.

    with Lan() as lan:
        a, b = lan.host("a"), lan.host("b")
        process = Member("-c", "...", on=a)      # a process that lives on machine a
        lan.cut(b)                               # pull b's cable: nothing arrives, nobody is told
        lan.heal(b)

The bridge has a namespace of its own too, so nothing of the real machine's network is touched. It needs
root and the ``ip`` command; where they are missing, :func:`require_namespaces` skips with the reason.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final, Self

import pytest

__all__ = ["Host", "Lan", "require_namespaces"]

PREFIX: Final = "zlt"
WITHIN_S: Final = 10.0
NAMESPACES: Final = Path("/run/netns")

_numbers = itertools.count(1)


class Host:
    """
    One machine: loopback, and unless it is left out one cable to the bridge.

    Attributes:
        address: Its IPv4 address, or "" if it has none.
        address6: Its IPv6 address, or "" if it has none; ``eth0`` has a link-local one too, ``fe80::<number>``.
    """

    def __init__(self, namespace: str, number: int) -> None:
        self.number = number
        self.address = ""
        self.address6 = ""
        self._namespace = namespace

    def __repr__(self) -> str:
        return f"<Host {self._namespace} {self.address} {self.address6}>"

    @property
    def command(self) -> list[str]:
        """What to put before a command so that it runs here."""
        return ["ip", "netns", "exec", self._namespace]

    def ip(self, *words: str) -> None:
        """Run the ``ip`` command here, like ``host.ip("addr", "add", "10.9.0.1/24", "dev", "eth0")``."""
        _ip("-n", self._namespace, *words)

    def sysctl(self, setting: str) -> None:
        """Change a kernel setting here, like ``host.sysctl("net.ipv6.conf.all.forwarding=1")``."""
        _run(*self.command, "sysctl", "-qw", setting)

    def add_dead_interface(self, name: str, address: str) -> None:
        """Add an interface that leads nowhere, like ``host.add_dead_interface("dead0", "10.200.0.1/24")``."""
        self.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}end")
        self.ip("addr", "add", address, "dev", name)
        for end in (name, f"{name}end"):
            self.ip("link", "set", end, "addrgenmode", "none", "up")


class Lan:
    """
    A bridge, and machines behind it. Everything goes when it is closed; end the processes first.

    Args:
        network: The first three numbers of its IPv4 addresses.
        network6: The first half of its IPv6 addresses.
    """

    def __init__(self, network: str = "10.77.0", network6: str = "fd77::") -> None:
        self._network = network
        self._network6 = network6
        self._name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
        self._ports: dict[Host, str] = {}
        self._namespaces: list[str] = []

    def __enter__(self) -> Self:
        _remove_leftovers()
        try:
            self._switch = self._add_namespace("switch")
            _ip("-n", self._switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
            _ip("-n", self._switch, "link", "set", "br0", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for namespace in reversed(self._namespaces):
            _remove(namespace)

    def host(
        self, name: str, *, is_plugged_in: bool = True, has_ipv4: bool = True, has_ipv6: bool = False,
        has_default_route: bool = True,
    ) -> Host:  # fmt: skip
        """
        Add a machine.

        Args:
            is_plugged_in: Whether it has a cable to the bridge (``eth0``); without one it has loopback only.
            has_ipv4: Whether ``eth0`` has an IPv4 address.
            has_ipv6: Whether ``eth0`` has an IPv6 address besides the link-local one.
            has_default_route: Whether there is a way to the rest of the world (to the bridge, which has none).
        """
        host = Host(self._add_namespace(name), len(self._namespaces))
        if is_plugged_in:
            self._plug_in(host)
            if has_ipv4:
                self._give_address(host)
            if has_ipv6:
                host.address6 = f"{self._network6}{host.number:x}"
                host.ip("addr", "add", f"{host.address6}/64", "dev", "eth0", "nodad")
            if has_ipv4 and has_default_route:
                host.ip("route", "add", "default", "via", f"{self._network}.254")
        return host

    def cut(self, host: Host) -> None:
        """Pull a machine's cable at the bridge: what is sent is lost, and neither end is told."""
        _ip("-n", self._switch, "link", "set", self._ports[host], "nomaster")

    def heal(self, host: Host) -> None:
        """Put the cable back."""
        _ip("-n", self._switch, "link", "set", self._ports[host], "master", "br0")

    def _add_namespace(self, name: str) -> str:
        namespace = f"{self._name}-{name}"
        _ip("netns", "add", namespace)
        self._namespaces.append(namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
        return namespace

    def _plug_in(self, host: Host) -> None:
        port = self._ports[host] = f"port{host.number}"
        host.ip("link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", self._switch)
        host.ip("link", "set", "eth0", "addrgenmode", "none")  # the kernel's own address is unusable for two seconds
        _ip("-n", self._switch, "link", "set", port, "addrgenmode", "none")
        _ip("-n", self._switch, "link", "set", port, "master", "br0", "up")
        host.ip("link", "set", "eth0", "up")
        host.ip("addr", "add", f"fe80::{host.number:x}/64", "dev", "eth0", "nodad")

    def _give_address(self, host: Host) -> None:
        host.address = f"{self._network}.{host.number}"
        host.ip("addr", "add", f"{host.address}/24", "dev", "eth0")


def require_namespaces() -> None:
    """Skip the test that calls this where network namespaces cannot be made."""
    if reason := _why_not():
        pytest.skip(reason)


@cache
def _why_not() -> str:
    """Return why namespaces cannot be used here, or "" if they can."""
    if shutil.which("ip") is None:
        return "needs the ip command (iproute2)"
    if os.geteuid() != 0:
        return "needs root, to make network namespaces"
    try:
        with Lan() as lan:
            lan.host("trial")
    except subprocess.CalledProcessError as exc:
        return f"network namespaces cannot be made here: {exc.stderr.strip()}"
    return ""


def _remove_leftovers() -> None:
    """Remove the namespaces of test runs that were killed."""
    for path in NAMESPACES.glob(f"{PREFIX}-*-*-*"):
        pid = path.name.split("-")[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            _remove(path.name)


def _remove(namespace: str) -> None:
    subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True, timeout=WITHIN_S)


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=WITHIN_S)
