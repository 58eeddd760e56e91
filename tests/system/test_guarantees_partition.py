"""Two machines lose each other under load, and find back: what was lost is counted, and nothing comes twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ledgers import duplicates, overtakers
from support.load import SOON_S, Load
from support.namespaces import Host, Lan, require_namespaces
from support.node_process import Nodes, wait_until

pytestmark = pytest.mark.system

SECRET = "a secret for tests only, never for use"
READY_WITHIN_S = 3.0
JOIN_WITHIN_S = 15.0
GROUP = "room"
THREADS = 3


class Partition:
    """A machine with a sender and a worker, and another; they found each other by mDNS, and all talk to all."""

    def __init__(self, load: Load, lan: Lan) -> None:
        self.load = load
        self._lan = lan
        self._hosts = [lan.host("a"), lan.host("b")]
        for number, host in enumerate(self._hosts):
            self._settle(str(number), host)
        load.wait_until_linked(JOIN_WITHIN_S)
        for name, channel in load.mail.items():
            load.workers[name].call("group_add", group=GROUP, channel=channel)

    def cut(self, seconds: float) -> None:
        """Part the machines for a while."""
        self._lan.cut(self._hosts[1])
        time.sleep(seconds)  # this is how long the cut lasts; nothing is waited for
        self._lan.heal(self._hosts[1])

    def _settle(self, number: str, host: Host) -> None:
        settings = {"secret": SECRET, "discovery": "subnet", "prefix": host.command}
        self.load.add_sender(f"s{number}", **settings)
        self.load.add_worker(f"w{number}", threads=THREADS, pause_s=0.002, has_mail=True, **settings)


@pytest.fixture
def partition(tmp_path: Path) -> Iterator[Partition]:
    """Two machines on one network; the processes end before it goes."""
    require_namespaces()
    with Lan() as lan, Nodes() as nodes:
        yield Partition(Load(nodes, tmp_path), lan)


@pytest.mark.parametrize("seconds", [5.0, 20.0])
def test_a_cut_under_load_heals(partition: Partition, seconds: float) -> None:
    """READY again within three seconds, with groups and credit; losses are those that are counted; nothing twice."""
    load = partition.load
    load.start(every_s=0.005)
    load.wait_for(300)

    partition.cut(seconds)

    load.wait_until_linked(READY_WITHIN_S)
    healed_at = time.monotonic()
    assert_carries_again(load, healed_at)
    load.stop()
    load.wait_until_done(*load.everybody)
    wait_until(lambda: load.counted == len(load.lost), SOON_S, "what is lost is what is counted")
    assert duplicates(load.taken()) == []
    for worker, channel in load.mail.items():
        assert overtakers(entry for entry in load.taken(worker) if entry.channel == channel) == []
    assert {name: load.books(name).is_balanced for name in load.everybody} == dict.fromkeys(load.everybody, True)


def assert_carries_again(load: Load, since: float) -> None:
    """Assert that work, mail and group messages of each sender reach the worker on the other machine."""
    for sender, worker in (("s0", "w1"), ("s1", "w0")):
        load.senders[sender].call("say", group=GROUP, sender=f"{sender}-group")
        expected = {("jobs", sender), (load.mail[worker], sender), (load.mail[worker], f"{sender}-group")}
        wait_until(
            lambda worker=worker, expected=expected: expected <= {e[:2] for e in load.taken(worker, since=since)},
            SOON_S,
            f"{worker} has work, mail and group messages of {sender}",
        )
