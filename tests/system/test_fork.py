"""A process that forks: its children are nodes of their own, and its node does not notice."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from support.cluster import Member
from zmqlayer import SyncChannelLayer
from zmqlayer.events import PeerChanged
from zmqlayer.peers import PeerState

pytestmark = pytest.mark.system

PROGRAM = Path(__file__).parents[1] / "support" / "forking_program.py"
FORKING: Final = "ignore:This process:DeprecationWarning"  # Python 3.12 warns of every fork of a program with threads
WITHIN_S = 15.0
AT_ONCE_S = 2.0


@pytest.fixture
def hub() -> Iterator[SyncChannelLayer]:
    """A node of the test's own process, where the forking program meets its own children."""
    layer = SyncChannelLayer(cluster=f"fork-{secrets.token_hex(4)}", discovery="off")
    layer.start()
    yield layer
    layer.close()


@pytest.fixture
def changes(hub: SyncChannelLayer) -> list[PeerChanged]:
    """What the hub notices of its peers."""
    changes: list[PeerChanged] = []
    hub.on_peer(changes.append)
    return changes


@pytest.fixture
def run_program(hub: SyncChannelLayer) -> Iterator[Callable[..., Member]]:
    """Return a function that starts the forking program; its processes are ended in the end."""
    members: list[Member] = []

    def run_program(*arguments: str) -> Member:
        members.append(
            member := Member("-W", "error", "-W", FORKING, str(PROGRAM), hub.address, hub.cluster, *arguments)
        )
        return member

    yield run_program
    for member in members:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(member.pid, signal.SIGKILL)  # the program leads a group of its own, with its children
        member.close()


def receive(layer: SyncChannelLayer, channel: str) -> dict[str, Any]:
    _, message = layer.receive([channel], block=True, timeout=WITHIN_S)
    assert message is not None
    return message


def await_true(condition: Callable[[], object], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.mark.parametrize("way", ["os.fork", "multiprocessing"])
@pytest.mark.parametrize("use", ["used before", "made before"])
def test_parent_and_children_exchange_messages(
    hub: SyncChannelLayer, changes: list[PeerChanged], run_program: Callable[..., Member], use: str, way: str
) -> None:
    """Each of three processes sends to all of them, and in a group, and hears from all; the parent's link stays."""
    program = run_program(way, use)
    hellos = [receive(hub, "hellos") for _ in range(3)]
    channels = [hello["channel"] for hello in hellos]
    for channel in channels:
        hub.send(channel, {"channels": channels})
    reports = [receive(hub, "reports") for _ in range(3)]
    nodes = {hello["node"] for hello in hellos}
    ends = {change.peer.node_id for change in changes if change.state is not PeerState.READY}

    pids = sorted(hello["pid"] for hello in hellos)
    assert len(set(pids)) == len(nodes) == 3
    for report in reports:
        assert sorted(report["sent to me"]) == sorted(report["sent to the room"]) == pids
    assert next(hello["node"] for hello in hellos if hello["pid"] == program.pid) not in ends
    for channel in channels:
        hub.send(channel, {"end": True})
    assert program.process.wait(WITHIN_S) == 0
    program._reading.join(WITHIN_S)
    assert program.output == ""


def test_a_parent_that_is_killed_is_missed_at_once(
    hub: SyncChannelLayer, changes: list[PeerChanged], run_program: Callable[..., Member]
) -> None:
    """A child that lives on holds none of its parent's connections, which would keep the dead alive."""
    program = run_program("os.fork", "used before")
    hellos = [receive(hub, "hellos") for _ in range(3)]
    parent = next(hello["node"] for hello in hellos if hello["pid"] == program.pid)

    program.process.kill()  # and not its children

    await_true(
        lambda: any(change.peer.node_id == parent and change.state is PeerState.GONE for change in changes), AT_ONCE_S
    )
    assert {change.peer.node_id for change in changes if change.state is PeerState.GONE} == {parent}


def test_forks_under_traffic_disturb_nothing(hub: SyncChannelLayer, run_program: Callable[..., Member]) -> None:
    """Twenty children, forked while two threads send, end in every way; what the parent sends arrives in order."""
    own = hub.new_channel("own!")
    program = run_program("many", own)

    received = [receive(hub, own) for _ in range(2 * 1000)]

    for thread in range(2):
        assert [message["n"] for message in received if message["thread"] == thread] == list(range(1000))
    assert program.process.wait(WITHIN_S) == 0
    program._reading.join(WITHIN_S)
    assert program.output == ""
