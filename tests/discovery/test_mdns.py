"""The life of an mDNS source where mDNS cannot be used. Where it can: ``tests/system/test_mdns.py``."""

from __future__ import annotations

import logging
import threading

import pytest
from zeroconf import Zeroconf

from support.announcements import announce, new_cluster
from support.found import WITHIN_S, FoundListener
from zmqlayer.discovery import MdnsDiscovery
from zmqlayer.discovery.responder import Responder


def refuse() -> Zeroconf:
    raise OSError(19, "No such device")


def test_no_multicast_is_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    """A machine that refuses multicast gets one warning with the cure, and discovery settles."""
    listener = FoundListener()
    discovery = MdnsDiscovery("localhost", Responder(refuse))
    with caplog.at_level(logging.WARNING, "zmqlayer.discovery"):
        discovery.start(announce(new_cluster()), listener)
        assert listener.wait_settled()
        discovery.stop()

    (record,) = caplog.records
    assert record.getMessage() == (
        "mDNS cannot be used on the loopback interface (discovery 'localhost'): [Errno 19] No such device; it "
        "is tried again every 10 s. Give 'tcp://host:port' of a running node as a seed instead, or set discovery to "
        "'off' if none is wanted"
    )
    assert listener.settled_count == 1


def test_what_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """Once is told, and discovery settles once."""
    attempts, has_tried_often = [0], threading.Event()

    def refuse_often() -> Zeroconf:
        attempts[0] += 1
        if attempts[0] > 2:
            has_tried_often.set()
        return refuse()

    listener = FoundListener()
    discovery = MdnsDiscovery("localhost", Responder(refuse_often), every_s=0.001)
    with caplog.at_level(logging.WARNING, "zmqlayer.discovery"):
        discovery.start(announce(new_cluster()), listener)
        assert has_tried_often.wait(WITHIN_S)
        discovery.stop()

    assert len(caplog.records) == 1
    assert listener.settled_count == 1


def test_stop_while_starting_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """A source that is stopped before mDNS has opened says nothing more."""
    is_opening, may_open = threading.Event(), threading.Event()

    def refuse_late() -> Zeroconf:
        is_opening.set()
        may_open.wait(WITHIN_S)
        return refuse()

    listener = FoundListener()
    discovery = MdnsDiscovery("subnet", Responder(refuse_late))
    discovery.start(announce(new_cluster()), listener)
    assert is_opening.wait(WITHIN_S)

    threading.Timer(0.05, may_open.set).start()
    discovery.stop()

    assert repr(discovery) == "<MdnsDiscovery subnet [stopped]>"
    assert listener.settled_count == 0
    assert not caplog.records


@pytest.mark.parametrize("name", ["zmqlayer-mdns-loop", "zmqlayer-mdns"])
def test_a_start_without_a_thread_leaves_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It can be stopped, and started again."""
    starts = threading.Thread.start

    def start_others(thread: threading.Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        starts(thread)

    listener, discovery = FoundListener(), MdnsDiscovery("localhost", Responder(refuse))
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(threading.Thread, "start", start_others)
        discovery.start(announce(new_cluster()), listener)
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("zmqlayer")]

    discovery.start(announce(new_cluster()), listener)

    assert listener.wait_settled()
    discovery.stop()
    assert left == []


def test_stop_needs_no_start() -> None:
    """Stopping what never started does nothing, twice."""
    discovery = MdnsDiscovery("localhost")

    discovery.stop()
    discovery.stop()

    assert repr(discovery) == "<MdnsDiscovery localhost [stopped]>"
