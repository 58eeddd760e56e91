"""Whatever happens to a process, no message is taken twice, and every message that is lost is counted as lost."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from support.ledgers import duplicates, overtakers
from support.load import SOON_S, Load
from support.node_process import Nodes, wait_until

pytestmark = pytest.mark.system

CAPACITY = 100
THREADS = 3
STANDS_S = 1.0
GONE_WITHIN_S = 12.0
REPORT_S = 0.3
"""What a worker took is reported within 50 ms, and a busy machine may make it this."""


@pytest.fixture
def load(nodes: Nodes, tmp_path: Path) -> Load:
    """Two senders, and two workers that read ``jobs`` and a process channel each."""
    load = Load(nodes, tmp_path)
    for name in ("s0", "s1"):
        load.add_sender(name)
    for name in ("w0", "w1"):
        load.add_worker(name, threads=THREADS, pause_s=0.002, has_mail=True)
    return load


def assert_in_order_and_once(load: Load) -> None:
    """Assert that nothing was taken twice, and that no message of a process channel was overtaken."""
    assert duplicates(load.taken()) == []
    for worker, channel in load.mail.items():
        assert overtakers(entry for entry in load.taken(worker) if entry.channel == channel) == []


def assert_balanced(load: Load, *names: str) -> None:
    """Assert that the books of these nodes add up."""
    unbalanced = {name: books for name in names if not (books := load.books(name)).is_balanced}
    assert not unbalanced


def test_a_killed_owner_loses_what_it_had_not_taken(nodes: Nodes, load: Load) -> None:
    """Idle but for a full channel: the sender counts its 100 messages as lost, no more and no less."""
    owner = nodes.start(*load.everybody.values())
    channel = owner.call("new_channel", pattern="inbox!")
    sender = load.senders["s0"]
    sender.call("fill", channel=channel, attempts=CAPACITY)
    assert owner.call("take", channel=channel, count=20, wait_s=SOON_S) == list(range(20))
    wait_until(lambda: sender.call("fill", channel=channel, attempts=1)["accepted"] == 1, SOON_S, "20 are reported")
    assert sender.call("fill", channel=channel, attempts=CAPACITY)["accepted"] == 19

    owner.kill()

    wait_until(lambda: load.counted > 0, SOON_S, "the loss is counted")
    assert load.counted == CAPACITY
    assert_balanced(load, *load.everybody)


def test_kill_under_load(load: Load) -> None:
    """A worker dies by ``kill -9``: nobody takes anything twice, and all that is lost is counted."""
    load.start()
    load.wait_for(300, "w1")

    load.workers["w1"].kill()
    died = time.monotonic()

    load.wait_for(300, "w0")
    load.stop()
    load.wait_until_done("s0", "s1", "w0")
    wait_until(lambda: load.counted >= len(load.lost), SOON_S, "the losses are counted")
    assert_in_order_and_once(load)
    assert_balanced(load, "s0", "s1", "w0")
    assert load.counted - len(load.lost) <= len(load.taken("w1", since=died - REPORT_S))


def test_stop_and_continue_under_load(load: Load) -> None:
    """Workers and senders stand still for a second, one after the other: nothing is lost, and nothing comes twice."""
    load.start()
    for name, node in load.everybody.items():
        load.wait_for(100)
        node.pause()
        others = [other for other in load.everybody if other != name]
        deadline = time.monotonic() + STANDS_S
        while time.monotonic() < deadline:
            assert_balanced(load, *others)
        node.resume()

    load.stop()
    load.wait_until_done(*load.everybody)
    wait_until(lambda: not load.lost, SOON_S, "everything is taken")
    assert_in_order_and_once(load)
    assert_balanced(load, *load.everybody)
    assert load.counted == 0


def test_a_worker_that_comes_back_from_the_dead(load: Load) -> None:
    """A worker stands still until all think it gone, and goes on: what it takes then was not lost after all."""
    load.start()
    load.wait_for(100, "w1")
    load.workers["w1"].pause()
    wait_until(lambda: all(known(load, name) == 2 for name in load.senders), GONE_WITHIN_S, "it is given up")

    load.workers["w1"].resume()

    for name in load.senders:
        wait_until(lambda name=name: load.sees(name, "w1") == "ready", SOON_S, "it is linked again")
    load.wait_for(100, "w1")
    load.stop()
    load.wait_until_done(*load.everybody)
    wait_until(lambda: load.counted == len(load.lost), SOON_S, "what is lost is what is counted")
    assert_in_order_and_once(load)
    assert_balanced(load, *load.everybody)


def known(load: Load, name: str) -> int:
    """Return how many peers a node knows, in any state."""
    return len(load.everybody[name].call("peers"))


def test_what_expires_while_a_process_stands_still_is_not_read(nodes: Nodes) -> None:
    """The kernel took it in, and nobody had looked: it is as old when the process goes on. What comes later is new."""
    receiver = nodes.start(expiry=2)
    sender = nodes.start(receiver, expiry=2)
    channel, name = receiver.call("new_channel", pattern="inbox!"), receiver.call("node_id")
    receiver.call("group_add", group="room", channel=channel)
    receiver.pause()
    sender.call("fill", channel=channel, attempts=5)
    sender.call("say", group="room", sender="s")
    wait_until(lambda: sender.call("peers")[name] == "silent", SOON_S, "three seconds have passed")

    receiver.resume()

    read: list[int] = []

    def has_read() -> bool:
        sender.call("fill", channel=channel, attempts=1)
        read.extend(receiver.call("take", channel=channel, count=1, wait_s=REPORT_S))
        return bool(read)

    wait_until(lambda: receiver.call("statistics")["expired"] >= 6, SOON_S, "the old ones have expired")
    wait_until(has_read, SOON_S, "a message is read again")
    assert min(read) >= 5
