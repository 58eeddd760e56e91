"""The node is told when its hosts change."""

from __future__ import annotations

import itertools

from support.announcements import announce
from support.found import FoundListener
from zmqlayer.discovery.hosts import HostWatch


def test_a_change_of_hosts_is_told() -> None:
    """The watch settles at once, and tells hosts that are others than before."""
    answers = itertools.chain([("10.0.0.1",)], itertools.repeat(("10.0.0.2",)))
    listener = FoundListener()
    watching = HostWatch(lambda: next(answers), every_s=0.001)

    watching.start(announce("0a1b2c3d"), listener)

    assert listener.settled_count == 1
    assert listener.wait(lambda listener: listener.hosts == ("10.0.0.2",))
    watching.stop()
