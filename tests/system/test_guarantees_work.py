"""Work of named channels goes to who has time for it, and to nobody twice; a worker takes little with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.ledgers import duplicates
from support.load import Load
from support.node_process import Nodes, wait_until

pytestmark = pytest.mark.system

THREADS = 4
N_SENDERS = 2
WINDOW = THREADS + N_SENDERS
"""What a worker may hold: a message for each thread that waits, and one for each node that sends."""
COUNT = 1000
SOON_S = 10.0


@pytest.fixture
def load(nodes: Nodes, tmp_path: Path) -> Load:
    """Two senders, and nobody who works yet."""
    load = Load(nodes, tmp_path)
    for number in range(N_SENDERS):
        load.add_sender(f"s{number}", capacity=10 * COUNT)
    return load


def test_a_killed_worker_loses_at_most_its_window(load: Load) -> None:
    """``kill -9`` under load: what it had not begun is gone, a handful; all else is taken, once."""
    load.add_worker("dies", threads=THREADS, pause_s=0.01)
    load.add_worker("lives", threads=THREADS, pause_s=0.001)
    load.start()
    load.wait_for(50, "dies")

    load.workers["dies"].kill()

    load.wait_for(200, "lives")
    load.stop()
    load.wait_until_done()
    wait_until(lambda: len(load.lost) <= WINDOW, SOON_S, "what is handed over is taken")
    assert duplicates(load.taken()) == []


@pytest.mark.parametrize("prefetch", [0, 20])
def test_a_worker_that_leaves_loses_nothing(load: Load, prefetch: int) -> None:
    """SIGTERM under load: what it had and did not begin goes back, and another worker takes it, once."""
    leaver = load.add_worker("leaves", threads=THREADS, pause_s=0.01, prefetch=prefetch)
    load.add_worker("stays", threads=THREADS, pause_s=0.001)
    load.start()
    load.wait_for(50, "leaves")

    assert leaver.end() == 0

    load.stop()
    load.wait_until_done()
    wait_until(lambda: not load.lost, SOON_S, "everything is taken")
    assert duplicates(load.taken()) == []


def test_a_worker_that_stands_still_gets_no_more_than_its_window(load: Load) -> None:
    """SIGSTOP: another one does the rest meanwhile; when it goes on it does the few that it got, once."""
    stopped = load.add_worker("stops", threads=THREADS)
    load.add_worker("goes on", threads=THREADS)
    load.send(10)
    wait_until(lambda: not load.lost, SOON_S, "both workers have had work")
    stopped.pause()

    load.send(COUNT)

    wait_until(lambda: len(load.lost) <= WINDOW, SOON_S, "only a window is missing")
    stopped.resume()
    wait_until(lambda: not load.lost, SOON_S, "the rest is taken")
    assert duplicates(load.taken()) == []


def test_a_slow_worker_slows_nobody(load: Load) -> None:
    """One takes half a second for each message; the other has the rest done long before it is through with a share."""
    load.add_worker("slow", threads=1, pause_s=0.5)
    load.add_worker("fast", threads=1)

    load.send(COUNT)

    load.wait_until_done()
    wait_until(lambda: not load.lost, SOON_S, "everything is taken")
    assert len(load.taken("slow")) < 2 * SOON_S + WINDOW
    assert duplicates(load.taken()) == []


def test_work_sticks_to_nobody(load: Load) -> None:
    """Two equal workers each take 40 to 60 % of it, from each sender."""
    load.add_worker("one", threads=THREADS, pause_s=0.001)
    load.add_worker("two", threads=THREADS, pause_s=0.001)
    load.start()
    load.wait_for(COUNT)

    load.stop()

    load.wait_until_done()
    for name in load.senders:
        shares = [sum(entry.sender == name for entry in load.taken(worker)) for worker in load.workers]
        assert all(0.4 * sum(shares) <= share <= 0.6 * sum(shares) for share in shares), shares
