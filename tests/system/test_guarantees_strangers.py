"""What anybody may put on the ports of a node does it no harm: it lives, keeps its peers, and goes on with its work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import zmq

from support.attacks import MALFORMED, OPENINGS, Stranger, frame, strangers_work, talker
from support.ledgers import taken_from
from support.node_process import NodeProcess, Nodes, wait_until
from zmqlayer.frames import node_topic
from zmqlayer.names import NodeId

pytestmark = pytest.mark.system

SECRET = "a secret of this test, long enough"
HANDSHAKE_S = 6.0
SOON_S = 5.0
GROWTH_BYTES = 20_000_000
CROWD = 300
PARTS = 10_000


class Pair:
    """A node that strangers come to, and a peer that sends to it all the while."""

    def __init__(self, nodes: Nodes, log: Path, **settings: str) -> None:
        self.node = nodes.start(capacity=10_000, **settings)
        self.peer = nodes.start(self.node, capacity=10_000, **settings)
        self.log = log
        self.channel = str(self.node.call("new_channel", pattern="inbox!"))
        self.node.call("start_readers", channels=[self.channel], log=str(log))

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Send while something happens; then assert that nothing was lost, no link ended and no memory is gone."""
        before = self.node.call("memory")
        self.peer.call("start_flow", channels=[self.channel], sender="peer", every_s=0.001)
        yield
        accepted = self.peer.call("stop_flow")[self.channel]
        wait_until(lambda: len(taken_from(self.log)) == accepted, SOON_S, "everything arrives")
        assert [entry.number for entry in taken_from(self.log)] == list(range(accepted))
        assert set(self.node.call("peers").values()) == set(self.peer.call("peers").values()) == {"ready"}
        assert self.node.call("memory") - before < GROWTH_BYTES


@pytest.fixture(params=["plain", "secret"])
def pair(request: pytest.FixtureRequest, nodes: Nodes, tmp_path: Path) -> Pair:
    """A pair without a secret, and one with."""
    return Pair(nodes, tmp_path / "log", **({"secret": SECRET} if request.param == "secret" else {}))


@pytest.fixture
def plain(nodes: Nodes, tmp_path: Path) -> Pair:
    """A pair without a secret: strangers are heard."""
    return Pair(nodes, tmp_path / "log")


def test_who_speaks_no_zmtp_is_thrown_out(pair: Pair) -> None:
    """Silence, HTTP, garbage, half handshakes, frames of 2 GB: on every port the connection ends within the limit."""
    with ExitStack() as stack, pair.undisturbed():
        strangers = [Stranger(port, opening) for port in pair.node.call("ports") for opening in OPENINGS]
        for stranger in strangers:
            stack.callback(stranger.close)
        deadline = time.monotonic() + HANDSHAKE_S + SOON_S

        stayed = [stranger for stranger in strangers if not stranger.is_out_by(deadline)]

    assert len(strangers) == len(OPENINGS) * 2
    assert not [(stranger.opening.name, stranger.port) for stranger in stayed]


def test_a_crowd_costs_little(pair: Pair) -> None:
    """Hundreds of connections that come, say something and go leave no memory behind."""
    ports = pair.node.call("ports")
    with pair.undisturbed():
        for number in range(CROWD):
            Stranger(ports[number % len(ports)], OPENINGS[number % len(OPENINGS)]).close()


def test_what_is_no_frame_is_counted(plain: Pair) -> None:
    """Through a real socket: bombs, halves and garbage are counted one by one, and 10,000 parts are as many frames."""
    frames = [*MALFORMED.values(), *[b"x"] * PARTS]
    with plain.undisturbed(), zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.connect(plain.node.call("address"))
        for wire in MALFORMED.values():
            push.send(wire)
        push.send_multipart([b"x"] * PARTS)
        wait_until(lambda: statistic(plain.node, "malformed") >= len(frames), SOON_S, "all are counted")

    assert statistic(plain.node, "malformed") == len(frames)


def test_messages_of_strangers_are_dropped_and_counted(plain: Pair) -> None:
    """Sound frames of a node that never said HELLO reach no channel."""
    frames = strangers_work(1000)
    with plain.undisturbed(), zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.connect(plain.node.call("address"))
        for wire in frames:
            push.send(wire)
        wait_until(lambda: statistic(plain.node, "ignored") >= len(frames), SOON_S, "all are counted")

    assert statistic(plain.node, "ignored") == len(frames)


def test_subscriptions_of_strangers_do_no_harm(plain: Pair) -> None:
    """Topics of every length, thousands of them, and messages upstream: the publisher goes on."""
    with plain.undisturbed(), zmq.Context() as context, context.socket(zmq.XSUB) as xsub:
        for port in plain.node.call("ports"):
            xsub.connect(f"tcp://127.0.0.1:{port}")
        for number in range(5000):
            xsub.send(b"\x01" + number.to_bytes(2, "big") * (number % 20))
        xsub.send(b"\x01" + bytes(1000))
        xsub.send(b"no subscription")
        xsub.send(b"\x01\xff")


def test_cancels_of_strangers_end_no_link(plain: Pair) -> None:
    """Who knows a node's id may say that its topic is not wanted any more: only the node itself ends its link."""
    topics = [node_topic(NodeId(bytes.fromhex(node.call("node_id")))) for node in (plain.node, plain.peer)]
    with plain.undisturbed():
        strangers = [
            Stranger(port, talker(*(frame(b"\x00" + topic) for topic in topics)))
            for node in (plain.node, plain.peer)
            for port in node.call("ports")
        ]
        for stranger in strangers:
            stranger.close()


def statistic(node: NodeProcess, name: str) -> int:
    """Return one number from a node's books."""
    return int(node.call("statistics").get(name, 0))
