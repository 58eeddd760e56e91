"""Nodes in processes of their own, which a test calls, stands still, kills and ends; see ``node_agent.py``."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

__all__ = ["NodeProcess", "Nodes", "wait_until"]

AGENT = Path(__file__).parent / "node_agent.py"
CALL_WITHIN_S = 20.0
LOOK_EVERY_S = 0.02


def wait_until(is_so: Callable[[], bool], within_s: float, what: str) -> None:
    """Look again and again until *is_so*; fail, naming *what*, if that takes longer."""
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(LOOK_EVERY_S)


class NodeProcess:
    """
    One node, which does what it is told.

    Args:
        prefix: What goes before the command, such as ``ip netns exec NAME``.
        settings: Those of the layer.
    """

    def __init__(self, prefix: Sequence[str] = (), **settings: Any) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("ZMQLAYER_", "PYTHON"))}
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115  lives as long as the process
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-W", "error", str(AGENT), json.dumps(settings)],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def call(self, name: str, within_s: float = CALL_WITHIN_S, **arguments: Any) -> Any:
        """Call one method of the agent and return its result; fail if it raised."""
        self.begin(name, **arguments)
        return self.result(within_s)

    def begin(self, name: str, **arguments: Any) -> None:
        """Call one method of the agent and do not wait for its result."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([name, arguments]) + "\n")
        self.process.stdin.flush()

    def result(self, within_s: float = CALL_WITHIN_S) -> Any:
        """Return the result of the oldest call that has none yet."""
        try:
            answer = json.loads(self._answers.get(timeout=within_s) or '{"error": "it ended"}')
        except queue.Empty:
            raise AssertionError(f"no answer within {within_s:g} s; it wrote:\n{self.complaints}") from None
        if "error" in answer:
            raise AssertionError(f"{answer['error']}; it wrote:\n{self.complaints}")
        return answer["value"]

    @property
    def complaints(self) -> str:
        """What it wrote to standard error so far."""
        return Path(f"/proc/self/fd/{self._complaints.fileno()}").read_text(encoding="utf-8")

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def pause(self) -> None:
        """Stop it as it stands: its sockets stay open and nobody answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as if the power failed; nothing happens if it has ended."""
        self.process.kill()
        self.process.wait()

    def end(self, within_s: float = 5.0) -> int:
        """Tell it to leave in order, and return the exit status; fail if it takes longer."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def close(self) -> None:
        """Leave nothing of it behind."""
        self.kill()
        self._reading.join()
        for stream in (self.process.stdin, self.process.stdout, self._complaints):
            assert stream is not None
            stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put(line)
        self._answers.put("")


class Nodes:
    """The nodes of one test."""

    def __init__(self) -> None:
        self._all: list[NodeProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for node in self._all:
            node.close()

    def start(self, *seeds: NodeProcess, prefix: Sequence[str] = (), **settings: Any) -> NodeProcess:
        """Start a node that dials *seeds*, and return when it is linked to them all."""
        addresses = [seed.call("address") for seed in seeds]
        node = NodeProcess(prefix, **({"discovery": "off", "seeds": addresses} | settings))
        self._all.append(node)
        node.call("address")
        if seeds:
            node.call("ready", peers=len(seeds), wait_s=CALL_WITHIN_S / 2)
            expected = node.call("node_id")
            for seed in seeds:
                wait_until(lambda seed=seed: seed.call("peers").get(expected) == "ready", 5.0, "both are ready")
        return node
