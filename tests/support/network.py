"""Meshes on the network in memory, as the tests of the core start them, and what hostile peers put on the wire."""

from __future__ import annotations

from typing import Any

from zmqlayer.actions import Publish, Push
from zmqlayer.codec import pack_control
from zmqlayer.events import Completed
from zmqlayer.frames import BROADCAST, Kind, group_topic, node_topic, pack, parse
from zmqlayer.greetings import Greeting
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.names import NodeId

STRANGER = NodeId(b"stranger--------")


def joined(*names: str, seed: int = 1, **settings: object) -> tuple[Any, ...]:
    """Return (network, node, node, …): a mesh in which everyone is ready for everyone."""
    network = MemoryNetwork(seed)
    nodes = [network.add(name, **settings) for name in names]
    network.run(0.5)
    assert_meshed(*nodes)
    return (network, *nodes)


def assert_meshed(*nodes: MemoryNode) -> None:
    """Assert that each node has each other as READY."""
    states = {(one.name, two.name): one.sees(two) for one in nodes for two in nodes if one is not two}
    assert set(states.values()) <= {"ready"}, states


def assert_conserved(*nodes: MemoryNode) -> None:
    """Assert the conservation law at each node: what came in is what went out and what is here."""
    for node in nodes:
        counters = node.mesh.counters
        came = counters.accepted + counters.arrived
        went = counters.delivered + counters.expired + counters.dropped.total() + counters.handed_over
        assert came == went + node.mesh.in_flight, (node, counters.snapshot())


def assert_settled(*nodes: MemoryNode) -> None:
    """Assert that each two nodes agree, at rest, on every message that one sent to the other."""
    for one, two in ((one, two) for one in nodes for two in nodes if one is not two):
        sender, receiver = one.mesh.account(two.node_id), two.mesh.account(one.node_id)
        ours = (sender.mail_sent, sender.mail_missed, sender.work_sent, sender.work_missed, sender.work_done)
        theirs = (receiver.mail.seen, receiver.mail.missed, receiver.work.seen, receiver.work.missed)
        assert ours == (*theirs, receiver.finished), (one.name, two.name, ours, theirs, receiver.finished)


def numbered(node: MemoryNode, *channels: str) -> list[int]:
    """Take all that can be taken now and return the numbers of the messages."""
    return [message["n"] for message in node.take_all(*channels)]


def read(network: MemoryNetwork, node: MemoryNode, channel: str, count: int) -> list[int]:
    """Take at most *count* messages, one after the other, waiting for each."""
    taken: list[int] = []
    for _ in range(count):
        taken += read_one(node, channel)
        network.run(0.01)
    return taken


def read_one(node: MemoryNode, *channels: str) -> list[int]:
    """Take one message, if there is one."""
    message = node.take(*channels)
    return [] if message is None else [message["n"]]


def send_numbers(node: MemoryNode, channel: str, numbers: range) -> None:
    """Send one message for each number."""
    for n in numbers:
        node.send(channel, {"n": n})


def missing_of(node: MemoryNode, token: int | None) -> set[NodeId] | None:
    """Return which peers did not answer a request in time; None if it is not over."""
    for event in node.events:
        if isinstance(event, Completed) and event.token == token:
            return set(event.missing)
    return None


def error_of(node: MemoryNode, token: int | None) -> Exception | None:
    """Return why a request failed; None if it did not."""
    return next(e.error for e in node.events if isinstance(e, Completed) and e.token == token)


def hear(node: MemoryNode, *kinds: Kind) -> list[bytes]:
    """Return a list that grows by each frame that *node* receives from now on; of some kinds, or of all."""
    heard: list[bytes] = []
    receive = node.mesh.receive

    def listen(wire: bytes, now: float) -> None:
        if not kinds or wire[17] in kinds:
            heard.append(wire)
        receive(wire, now)

    node.mesh.receive = listen  # type: ignore[method-assign]  # to look, not to change
    return heard


def inject(network: MemoryNetwork, node: MemoryNode, wire: bytes) -> None:
    """Let *node* receive *wire*, whoever sent it."""
    node.mesh.receive(wire, network.now)
    network.pump(node)


def frame(
    source: NodeId, kind: int, to: MemoryNode, body: bytes = b"", target: str = "", ttl_ms: int = 60_000,
    sequence: int = 1,
) -> bytes:  # fmt: skip
    """Return the bytes of a frame for *to*."""
    known = kind if kind in set(Kind) else Kind.HELLO
    wire = pack(node_topic(to.node_id), Kind(known), source, ttl_ms, target, body, sequence)
    return wire[:17] + bytes([kind]) + wire[18:]


def control(source: NodeId, kind: int, to: MemoryNode, payload: dict[str, Any]) -> bytes:
    """Return the bytes of a control frame for *to*."""
    return frame(source, kind, to, pack_control(payload), ttl_ms=0)


def greeting(cluster_tag: str, **changes: Any) -> dict[str, Any]:
    """Return the payload of a HELLO that a node at host ``elsewhere`` would send."""
    payload = Greeting(
        cluster=cluster_tag,
        role="script",
        link=7,
        hosts=("elsewhere",),
        pull=1,
        pub=2,
        dialled="tcp://a:1",
        is_answer=False,
    ).to_payload()
    return payload | changes


def sent(actions: list[Any], kind: Kind) -> list[bytes]:
    """Return those frames of *kind* among a node's actions."""
    wires = [action.wire for action in actions if isinstance(action, Publish | Push)]
    return [wire for wire in wires if parse(wire).kind == kind]


__all__ = [
    "BROADCAST",
    "STRANGER",
    "assert_conserved",
    "assert_meshed",
    "assert_settled",
    "control",
    "error_of",
    "frame",
    "greeting",
    "group_topic",
    "inject",
    "joined",
    "missing_of",
    "numbered",
    "read",
    "read_one",
    "send_numbers",
    "sent",
]
