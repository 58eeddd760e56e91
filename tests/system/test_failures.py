"""Processes that die, stand still and start again, as their peers see them."""

from __future__ import annotations

import re
import secrets
import signal
import socket
import statistics
import time
from collections.abc import Callable, Iterator

import pytest

from support.mesh_member import MeshMember

pytestmark = pytest.mark.system

N_KILLS = 5
DOWN_WITHIN_S = 0.1
SILENT_WITHIN_S = 6.0
GONE_WITHIN_S = 10.0
READY_WITHIN_S = 3.0

Start = Callable[..., MeshMember]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start nodes of one cluster on this machine; the first is the seed of the others."""
    cluster = f"failures-{secrets.token_hex(4)}"
    members: list[MeshMember] = []

    def start(**settings: object) -> MeshMember:
        seeds = [members[0].address] if members else []
        members.append(MeshMember(**{"cluster": cluster, "discovery": "off", "seeds": seeds, **settings}))
        for other in members[:-1]:
            if other.process.poll() is None:
                other.wait_for_peer(members[-1])
        return members[-1]

    yield start
    for member in members:
        member.close()


def test_a_killed_process_is_gone_within_a_tenth_of_a_second(start: Start) -> None:
    """Half of five peers that are killed are gone within 100 ms, and each long before the timeout of half a second."""
    watcher = start()
    took: list[float] = []
    for _ in range(N_KILLS):
        victim = start()
        killed_at = time.monotonic()
        victim.kill()
        watcher.wait_for_peer(victim, "gone")
        took.append(time.monotonic() - killed_at)

    assert statistics.median(took) < DOWN_WITHIN_S
    assert max(took) < 4 * DOWN_WITHIN_S


def free_pair_of_ports() -> int:
    """Return a port that is free, and the next one too."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    return port
            except OSError:
                continue


def test_a_restart_on_the_same_port_is_a_new_peer_at_once(start: Start) -> None:
    """The old process is gone and the new one ready, although a seed names only the address."""
    port = free_pair_of_ports()
    watcher = start()
    old = start(bind=f"127.0.0.1:{port}")
    address = old.address

    old.kill()
    watcher.wait_for_peer(old, "gone")
    new = start(bind=f"127.0.0.1:{port}")

    assert new.address == address
    assert new.node != old.node
    assert watcher.changes(old) == ["ready", "gone"]
    assert watcher.changes(new) == ["ready"]


def test_a_stopped_process_is_down_and_comes_back(start: Start) -> None:
    """Down within ten seconds though its sockets stay open; ready within three after it goes on."""
    watcher, victim = start(), start()
    victim.process.send_signal(signal.SIGSTOP)
    stopped_at = time.monotonic()
    watcher.wait_for_peer(victim, "(silent|gone)")
    silent_after_s = time.monotonic() - stopped_at
    watcher.wait_for_peer(victim, "gone")
    gone_after_s = time.monotonic() - stopped_at

    victim.process.send_signal(signal.SIGCONT)
    resumed_at = time.monotonic()
    watcher.wait_for_line(rf"(?ms){re.escape(victim.node)} gone$.*{re.escape(victim.node)} ready$")

    assert time.monotonic() - resumed_at < READY_WITHIN_S
    assert silent_after_s < SILENT_WITHIN_S
    assert gone_after_s < GONE_WITHIN_S


def test_a_wedged_process_is_down_and_accuses_nobody(start: Start) -> None:
    """ZeroMQ answers pings while no thread of Python runs: our heartbeats see it. Afterwards it doubts itself."""
    watcher, victim = start(), start()
    victim.wait_for_line("ready for signals")
    victim.process.send_signal(signal.SIGUSR1)
    wedged_at = time.monotonic()

    watcher.wait_for_peer(victim, "silent")
    silent_after_s = time.monotonic() - wedged_at
    watcher.wait_for_peer(victim, "gone")
    gone_after_s = time.monotonic() - wedged_at
    watcher.wait_for_line(rf"(?ms){re.escape(victim.node)} gone$.*{re.escape(victim.node)} ready$")

    assert silent_after_s < SILENT_WITHIN_S
    assert gone_after_s < GONE_WITHIN_S
    assert set(victim.changes(watcher)) == {"ready"}
