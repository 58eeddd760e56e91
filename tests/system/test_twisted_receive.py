"""A program on a real reactor that reads the mesh through Deferreds."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.system

PROGRAM = """
import threading
from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from zmqlayer import SyncChannelLayer

reader = SyncChannelLayer(discovery="off", capacity=1000)
writer = SyncChannelLayer(discovery="off", capacity=1000, seeds=[reader.address])
writer.ready()
own = reader.new_channel("reply!")

@inlineCallbacks
def read():
    got, threads = {"jobs": [], own: []}, set()
    while len(got["jobs"]) + len(got[own]) < 1000:
        channel, message = yield reader.receive_twisted(["jobs", own])
        got[channel].append(message["n"])
        threads.add((threading.current_thread() is threading.main_thread(), threading.active_count()))
    print(got["jobs"] == got[own] == list(range(500)), len(threads), threads.pop()[0])
    reactor.stop()

def write(n=0):
    for channel in ("jobs", own):
        writer.send(channel, {"n": n})
    if n < 499:
        reactor.callLater(0, write, n + 1)

reactor.callWhenRunning(read)
reactor.callWhenRunning(write)
reactor.callLater(20, reactor.stop)
reactor.run()
"""


def test_a_program_on_twisted_reads_the_mesh() -> None:
    """A thousand messages in order, all on the reactor's thread, and no thread more than at the start."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=40)

    assert (run.stdout, run.stderr) == ("True 1 True\n", "")
