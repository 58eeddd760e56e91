"""Valid frames of every kind, recorded from meshes at work: what the fuzzer begins with."""

from __future__ import annotations

from zmqlayer.codec import encode
from zmqlayer.frames import parse
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.mesh import Mesh

__all__ = ["Victim", "record"]


class Victim:
    """
    A node that is linked to a peer, and to which anything may be sent in the peer's name.

    It reads a named channel, has a process channel, and a member in a group.

    Attributes:
        malformed: Frames that broke the protocol. The link survives them here, lest the fuzzer see nothing else.
    """

    def __init__(self) -> None:
        self.malformed = 0
        self.network = MemoryNetwork(seed=5)
        self.node: MemoryNode = self.network.add("a", expiry=30, prefetch=2)
        self.peer = self.network.add("b", expiry=30)
        self.network.run(0.3)
        self.channel = self.node.new_channel()
        self.node.group_add("room", self.channel)
        self.node.wait("jobs")
        self.network.run(0.2)

    @property
    def is_linked(self) -> bool:
        """Whether the node still takes the peer for one."""
        return self.node.sees(self.peer) is not None

    def spare(self) -> None:
        """Let malformed frames be counted, and not end the link."""

        def count(*_: object) -> None:
            self.malformed += 1

        self.node.mesh._reception.malformed = count  # type: ignore[method-assign]  # so that later frames are looked at too

    def work(self) -> None:
        """Let both nodes do some of everything, so that every kind of frame is sent."""
        a, b = self.node, self.peer
        for n in range(2):  # together, for as much as there is credit
            b.mesh.send("jobs", encode("jobs", {"n": n}, 1000), b.clock())
        self.network.pump(b)
        for n in range(4):
            b.send(self.channel, {"n": n, "nested": {"list": [1, 2.5, None, True, b"x", "ä"]}})
            b.send("jobs", {"n": n})
            b.group_send("room", {"n": n})
            for m in range(n):  # together, so that they share a frame
                b.mesh.send(self.channel, encode(self.channel, {"n": m}, 1000), b.clock())
            self.network.pump(b)
        b.group_add("room", self.channel)
        b.group_add("room", "jobs")
        b.mesh.group_channels("room", b.clock())
        self.network.run(0.2)
        a.group_add("room", b.new_channel())
        a.group_discard("room", "jobs")
        a.take_all(self.channel)
        a.take("jobs")
        self.network.run(1.2)
        a.unwait("jobs")
        b.flush()
        self.network.run(12.0)
        b.wait("jobs", "mail")
        self.network.run(0.2)
        a.send("mail", {"n": 1})
        self.network.run(0.2)
        b.leave()
        self.network.run(3.0)


def record() -> list[bytes]:
    """Return frames that a peer sent to a node: a few of every kind."""
    victim = Victim.__new__(Victim)
    frames: dict[int, list[bytes]] = {}
    receive = Mesh.receive

    def keep(mesh: Mesh, wire: bytes, now: float) -> None:
        if mesh.identity.hosts == ("a",):
            frames.setdefault(parse(wire).kind, []).append(wire)
        receive(mesh, wire, now)

    Mesh.receive = keep  # type: ignore[method-assign]  # for as long as we listen
    try:
        victim.__init__()  # type: ignore[misc]  # its handshake is to be heard too
        victim.work()
    finally:
        Mesh.receive = receive  # type: ignore[method-assign]
    return [wire for wires in frames.values() for wire in (*wires[:3], wires[-1])]
