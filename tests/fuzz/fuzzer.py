"""
Spoiled frames for a node, guided by coverage: those that reach new lines are spoiled further.

After each frame: nothing was raised, the books of the node balance, and it took no longer than it may. Now and then
time passes, everything that can be read is read, and the tables are measured.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Final

import zmqlayer
from fuzz.corpus import Victim, record
from fuzz.coverage import Reached
from fuzz.mutations import mutate
from support.sizes import table_sizes
from zmqlayer.codec import decode
from zmqlayer.exceptions import ProtocolError

__all__ = ["Broken", "Fuzzer"]

SLOW_S: Final = 1.0
MOST_ENTRIES: Final = 60_000
LOOK_EVERY: Final = 500
RENEW_EVERY: Final = 20_000
TRACE_ONE_IN: Final = 4
TRACE_LESS_AFTER: Final = 50_000


class Broken(AssertionError):
    """A frame did something to the node that no frame may do."""


class Fuzzer:
    """
    One run of the fuzzer.

    Attributes:
        frames: How many were sent.
        kept: Frames that reached something new, and so are spoiled further.
        malformed: How many the node found to break the protocol.
        slowest_s: The longest that one frame took.
    """

    def __init__(self, seed: int) -> None:
        self.frames = 0
        self.malformed = 0
        self.slowest_s = 0.0
        self.kept = record()
        self.reached = Reached(str(Path(zmqlayer.__file__).parent))
        self._draw = random.Random(seed)
        self._renew()

    def run(self, count: int) -> None:
        """
        Send *count* frames.

        Raises:
            Broken: One of them, which the message shows, did harm.
        """
        for _ in range(count):
            wire = mutate(self._draw, self._draw.choice(self.kept), self._draw.choice(self.kept))
            self._send(wire)
            if self.frames % LOOK_EVERY == 0:
                self._look_around(wire)
            if self.frames % RENEW_EVERY == 0 or not self._victim.is_linked:
                self._renew()

    def _send(self, wire: bytes) -> None:
        self.frames += 1
        mesh, now = self._victim.node.mesh, self._victim.node.clock()

        def receive() -> None:
            mesh.receive(wire, now)
            mesh.outgoing()
            mesh.events()

        began_at = time.perf_counter()
        try:
            if self.frames % (TRACE_ONE_IN if self.frames < TRACE_LESS_AFTER else 5 * TRACE_ONE_IN):
                receive()
            elif self.reached.during(receive) and len(wire) < 100_000:
                self.kept.append(wire)
        except Exception as exc:
            raise Broken(f"frame {self.frames}, {wire.hex()}, raised {exc!r}") from exc
        took_s = time.perf_counter() - began_at
        self.slowest_s = max(self.slowest_s, took_s)
        if took_s > SLOW_S:
            raise Broken(f"frame {self.frames}, {wire[:200].hex()}, took {took_s:.1f} s")
        self._balance(wire)

    def _balance(self, wire: bytes) -> None:
        mesh = self._victim.node.mesh
        c = mesh.counters
        came, went = c.accepted + c.arrived, c.delivered + c.expired + c.dropped.total() + c.handed_over
        if came != went + mesh.in_flight:
            raise Broken(
                f"after frame {self.frames}, {wire.hex()}: {came} came, {went} went, {mesh.in_flight} are here"
            )

    def _look_around(self, wire: bytes) -> None:
        node = self._victim.node
        for name in (self._victim.channel, "jobs"):
            while (letter := node.mesh.take(node.interest(name), node.clock())) is not None:
                try:
                    decode(letter.body)
                except ProtocolError:
                    self.malformed += 1
        self._victim.network.now += 0.01
        node.mesh.tick(node.clock())
        node.mesh.outgoing()
        node.mesh.events()
        self._balance(wire)
        if (entries := sum(table_sizes(node.mesh).values())) > MOST_ENTRIES:
            raise Broken(f"after {self.frames} frames the node holds {entries:,} entries")

    def _renew(self) -> None:
        """Begin with another node: this one is not linked any more, or has seen enough."""
        if hasattr(self, "_victim"):
            self.malformed += self._victim.malformed
        self._victim = Victim()
        self._victim.spare()
