"""Seeds are reported once, as they stand."""

from __future__ import annotations

from support.announcements import announce
from support.found import FoundListener
from zmqlayer.discovery import StaticDiscovery
from zmqlayer.ports import Candidate


def test_seeds_are_candidates_without_an_id() -> None:
    """Every seed becomes a candidate whose node is unknown; then discovery has settled."""
    listener = FoundListener()

    StaticDiscovery(["tcp://10.0.0.5:5757", "tcp://[fd00::5]:5757"]).start(announce("0a1b2c3d"), listener)

    assert listener.candidates == [Candidate("tcp://10.0.0.5:5757"), Candidate("tcp://[fd00::5]:5757")]
    assert listener.settled_count == 1


def test_no_seeds_settle_too() -> None:
    """An empty list settles at once."""
    listener = FoundListener()

    StaticDiscovery([]).start(announce("0a1b2c3d"), listener)

    assert listener.settled_count == 1


def test_stop_may_come_at_any_time() -> None:
    """Stopping is harmless before the start and after another stop."""
    discovery = StaticDiscovery(["tcp://a:1"])

    discovery.stop()
    discovery.stop()

    assert repr(discovery) == "<StaticDiscovery [1 seeds]>"
