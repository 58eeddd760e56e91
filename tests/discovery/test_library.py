"""zeroconf's import and forks: a fork waits for it, and a child is never left with half of it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import builtins, os, sys, threading
from zmqlayer.discovery.library import import_zeroconf

begun, original = threading.Event(), builtins.__import__

def slow_import(name, *rest):
    if name == "zmqlayer.discovery.multicast":
        begun.set()
        threading.Event().wait(0.2)
    return original(name, *rest)

builtins.__import__ = slow_import
threading.Thread(target=import_zeroconf).start()
begun.wait()
child = os.fork()
if child:
    os.waitpid(child, 0)
print("zeroconf" in sys.modules, flush=True)
import_zeroconf()
os._exit(0)
"""


def test_a_fork_waits_for_the_import() -> None:
    """In the parent and in the child the module is whole afterwards."""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, timeout=20)

    assert (run.stdout, run.stderr) == ("True\nTrue\n", "")
