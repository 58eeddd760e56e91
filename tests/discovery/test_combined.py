"""Several sources look like one that settles when the last does."""

from __future__ import annotations

import pytest

from support.announcements import announce
from support.found import FoundListener
from zmqlayer.discovery import Combined, StaticDiscovery
from zmqlayer.ports import Announcement, Candidate, DiscoveryListener

ANNOUNCEMENT = announce("0a1b2c3d")
SEED = Candidate("tcp://10.0.0.5:5757")


class ScriptedDiscovery:
    """A source that speaks when the test makes it."""

    listener: DiscoveryListener
    announcement: Announcement
    stop_count = 0

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        self.announcement = announcement
        self.listener = listener

    def stop(self) -> None:
        self.stop_count += 1


def test_candidates_of_all_sources_arrive() -> None:
    """What any source finds or loses is passed on."""
    listener, source = FoundListener(), ScriptedDiscovery()
    other = Candidate("tcp://10.0.0.6:5757")
    Combined([StaticDiscovery([SEED.address]), source]).start(ANNOUNCEMENT, listener)

    source.listener.found(other)
    assert listener.candidates == [SEED, other]

    source.listener.lost(other)
    assert listener.candidates == [SEED]


def test_every_source_announces() -> None:
    """Each source gets the announcement."""
    source = ScriptedDiscovery()

    Combined([source]).start(ANNOUNCEMENT, FoundListener())

    assert source.announcement is ANNOUNCEMENT


def test_last_source_settles() -> None:
    """Discovery has settled when all sources have, and says so once."""
    listener, slow, slower = FoundListener(), ScriptedDiscovery(), ScriptedDiscovery()
    Combined([StaticDiscovery([]), slow, slower]).start(ANNOUNCEMENT, listener)
    slow.listener.settled()
    assert listener.settled_count == 0

    slower.listener.settled()

    assert listener.settled_count == 1


def test_early_settlers_do_not_count_twice() -> None:
    """Sources that settle inside their start settle the whole only when the last of them has started."""
    listener = FoundListener()

    Combined([StaticDiscovery([]), StaticDiscovery([SEED.address])]).start(ANNOUNCEMENT, listener)

    assert listener.candidates == [SEED]
    assert listener.settled_count == 1


def test_no_sources_settle_at_once() -> None:
    """Discovery that is off has nothing to wait for."""
    listener = FoundListener()

    Combined([]).start(ANNOUNCEMENT, listener)

    assert listener.settled_count == 1


def test_stop_reaches_every_source() -> None:
    """Stopping stops all sources."""
    sources = [ScriptedDiscovery(), ScriptedDiscovery()]

    Combined(sources).stop()

    assert [source.stop_count for source in sources] == [1, 1]


class Hesitant(ScriptedDiscovery):
    """A source that finds no thread for its first start."""

    starts = 0

    def start(self, announcement: Announcement, listener: DiscoveryListener) -> None:
        self.starts += 1
        if self.starts == 1:
            raise RuntimeError("can't start new thread")
        super().start(announcement, listener)


def test_a_start_that_failed_goes_on_where_it_was() -> None:
    """No source starts twice, and all together settle once."""
    listener, sources = FoundListener(), [StaticDiscovery([SEED.address]), Hesitant(), ScriptedDiscovery()]
    combined = Combined(sources)
    with pytest.raises(RuntimeError, match="new thread"):
        combined.start(ANNOUNCEMENT, listener)

    combined.start(ANNOUNCEMENT, listener)
    for source in sources[1:]:
        source.listener.settled()

    assert (listener.candidates, listener.settled_count) == ([SEED], 1)
