"""The ZeroMQ sockets: what they carry, what they refuse, and what garbage from outside does to them."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

from support.attacks import Stranger, command, frame, subscriber, talker
from support.network import STRANGER
from zmqlayer import SyncChannelLayer
from zmqlayer.actions import Connect, Disconnect, Publish, Push, Subscribe, Unsubscribe
from zmqlayer.compose import build_node
from zmqlayer.config import Bind, Config
from zmqlayer.exceptions import TransportError
from zmqlayer.frames import BROADCAST, Kind, barrier_topic, group_topic, node_topic, pack
from zmqlayer.limits import Limits
from zmqlayer.security import Keys
from zmqlayer.transport import ZmqTransport

WITHIN_S = 5.0
HEARTBEATS_END_IT_AFTER_S = 4.0
TOPIC = node_topic(STRANGER)
LARGE = dict.fromkeys(
    ("queued_bytes", "copy_bytes", "published_bytes", "peers", "accounts", "candidates", "routes"), 2**40
)
MARK = group_topic("c", "what a stranger says last")
WIRE = pack(TOPIC, Kind.HEARTBEAT, STRANGER, 0, "", b"")


def poll(transport: ZmqTransport, timeout_s: float) -> tuple[list[bytes], list[bytes]]:
    """Wait at most so long, and take what has arrived."""
    return transport.collect(transport.wait(0 if transport.has_input else timeout_s))


class Open:
    """A transport that listens, and where."""

    def __init__(self, transport: ZmqTransport) -> None:
        self.transport = transport
        self.doors = [(f"tcp://127.0.0.1:{pull}", f"tcp://127.0.0.1:{pub}") for pull, pub in transport.open()]
        self.pull, self.pub = self.doors[0]

    def do(self, *actions: Any) -> None:
        self.transport.carry_out(actions)

    def poll_until(self, is_enough: Callable[[list[bytes], list[bytes]], bool], *others: Open) -> tuple[Any, Any]:
        """Poll, and let *others* do the same, until what came is enough."""
        frames: list[bytes] = []
        changes: list[bytes] = []
        deadline = time.monotonic() + WITHIN_S
        while not is_enough(frames, changes):
            assert time.monotonic() < deadline, (frames, changes)
            for other in others:
                poll(other.transport, 0)
            new_frames, new_changes = poll(self.transport, 0.01)
            frames += new_frames
            changes += new_changes
        return frames, changes


def bind_below_ephemeral(holder: socket.socket) -> int:
    """Bind a port that has a free one behind it, out of the range from which others are given theirs; return it."""
    for port in range(20_000 + os.getpid() % 5_000 * 2, 32_000, 2):
        with contextlib.suppress(OSError), socket.socket() as neighbour:
            neighbour.bind(("127.0.0.1", port + 1))
            holder.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no two free ports in a row")


@pytest.fixture
def listen() -> Iterator[Callable[..., Open]]:
    """Return a function that opens a transport; all are closed in the end."""
    opened: list[Open] = []

    def listen(*keys: Keys, max_size: int = 10_000, pipe_frames: int = 1000, most_dialled: int = 100) -> Open:
        opened.append(Open(ZmqTransport(Bind("127.0.0.1", 0), keys, max_size, pipe_frames, 2_000_000, most_dialled)))
        return opened[-1]

    yield listen
    for one in opened:
        one.transport.close(0)


def link(publisher: Open, subscriber: Open, *topics: bytes) -> None:
    """Connect SUB to XPUB and wait, with a barrier, until the subscriptions arrived."""
    barrier = barrier_topic(os.urandom(8))
    subscriber.do(*(Subscribe(topic) for topic in topics), Connect(publisher.pub), Subscribe(barrier))
    publisher.poll_until(lambda _, changes: b"\x01" + barrier in changes, subscriber)
    subscriber.do(Unsubscribe(barrier))
    publisher.poll_until(lambda _, changes: b"\x00" + barrier in changes, subscriber)


# Carrying


def test_a_publication_reaches_who_subscribed(listen: Any) -> None:
    """XPUB reports the subscription, and only what matches is carried."""
    a, b = listen(), listen()
    link(a, b, TOPIC)

    a.do(Publish(pack(BROADCAST, Kind.HEARTBEAT, STRANGER, 0, "", b"")), Publish(WIRE))

    frames, _ = b.poll_until(lambda frames, _: len(frames) == 1)
    assert frames == [WIRE]


def test_what_arrived_outlives_a_fault_of_ours(listen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll that fails in what else it looks after has taken nothing from the sockets."""
    publisher, subscriber = listen(), listen()
    link(publisher, subscriber, TOPIC)
    publisher.do(Publish(WIRE))
    with monkeypatch.context() as patch:
        patch.setattr(subscriber.transport, "_watch_doors", fail)
        deadline = time.monotonic() + WITHIN_S
        with pytest.raises(RuntimeError):
            while time.monotonic() < deadline:
                subscriber.transport.wake()  # so that there is something else
                poll(subscriber.transport, 0.01)

    frames, _ = subscriber.poll_until(lambda frames, changes: bool(frames))

    assert frames == [WIRE]


def fail(ready: object) -> None:
    """Fail once there is something to take."""
    if ready:
        raise RuntimeError("a bug")


def test_an_unsubscription_and_a_disconnection_are_reported(listen: Any) -> None:
    """XPUB says when nobody wants a topic any more, whatever the reason."""
    a, b = listen(), listen()
    other = group_topic("c", "g")
    link(a, b, TOPIC, other)

    b.do(Unsubscribe(other))
    a.poll_until(lambda _, changes: changes == [b"\x00" + other], b)
    b.do(Disconnect(a.pub))

    a.poll_until(lambda _, changes: changes == [b"\x00" + TOPIC], b)


@pytest.mark.parametrize("noted", [b"\x02", b"\x05", b"\xff"])
def test_a_message_upstream_is_no_report(listen: Any, noted: bytes) -> None:
    """Only ZeroMQ itself tells of topics; a message that is as long as a report, of whoever, is dropped."""
    a = listen()

    changes = hear_upstream(a, frame(noted + TOPIC))

    assert changes == [b"\x01" + MARK]


@pytest.mark.parametrize(
    "cancel",
    [frame(b"\x00" + TOPIC), frame(b"some", has_more=True) + frame(b"\x00" + TOPIC), command(b"CANCEL", TOPIC)],
    ids=["message", "second part", "command"],
)
def test_a_cancel_that_a_stranger_says_is_no_end(listen: Any, cancel: bytes) -> None:
    """ZeroMQ reports it even of who never subscribed; the subscription goes on, and its end is told when it comes."""
    a, b = listen(), listen()
    link(a, b, TOPIC)

    changes = hear_upstream(a, cancel)

    assert changes == [b"\x01" + MARK]
    a.do(Publish(WIRE))
    frames, _ = b.poll_until(lambda frames, _: bool(frames), a)
    assert frames == [WIRE]
    b.do(Disconnect(a.pub))
    a.poll_until(lambda _, changes: b"\x00" + TOPIC in changes, b)


@pytest.mark.parametrize("opening", [b"\xff" + bytes(7) + b"\x01\x7f\x01\x02\x00\x00", b"\x01\x00"], ids=["2", "1"])
def test_who_speaks_an_older_zmtp_is_not_heard(listen: Any, opening: bytes) -> None:
    """Of such a connection libzmq does not tell who said what."""
    a, b = listen(), listen()
    link(a, b, TOPIC)

    knock(a.pub, opening, b"\x00\x06\x00" + TOPIC)

    assert hear_upstream(a) == [b"\x01" + MARK]


def hear_upstream(publisher: Open, *said: bytes) -> Any:
    """Let a stranger say something to an XPUB, subscribe to a topic, and go; return what is reported until then."""
    stranger = Stranger(int(publisher.pub.rpartition(":")[2]), talker(*said, frame(b"\x01" + MARK)))
    _, changes = publisher.poll_until(lambda _, changes: b"\x01" + MARK in changes)
    stranger.close()
    return changes


def test_thousands_of_subscriptions_arrive(listen: Any) -> None:
    """SUB drops none of its own, however many groups there are."""
    a, b = listen(), listen()

    link(a, b, *(group_topic("c", f"g{n}") for n in range(3000)))


def test_an_address_that_is_none_is_no_error(listen: Any) -> None:
    """Subscribing to an address that is none, and ending it: nothing happens."""
    a = listen()

    a.do(Connect("tcp://:::::"), Disconnect("tcp://:::::"))

    assert poll(a.transport, 0) == ([], [])


def test_a_full_pipe_loses_its_own_frames_only(listen: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A subscriber that stands still loses what has no room, counted; the other gets everything."""
    a, stopped, reads = (listen(pipe_frames=200) for _ in range(3))
    group = group_topic("c", "g")
    link(a, stopped, TOPIC, group)
    link(a, reads, group)
    own = Publish(pack(TOPIC, Kind.DIRECT, STRANGER, 0, "", bytes(9000)))
    shared = Publish(pack(group, Kind.GROUP, STRANGER, 0, "", bytes(9000)))
    while not a.transport.lost["pipe full"]:
        a.do(own)

    for _ in range(50):
        a.do(own, shared)

    reads.poll_until(lambda frames, _: len(frames) == 50)
    assert a.transport.lost["pipe full"] >= 1
    assert len([message for message in caplog.messages if "pipe full" in message]) == 1


def test_what_is_too_much_to_publish_is_lost_and_counted(listen: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the bytes that may be on their way a large group message goes to nobody; the log says so once."""
    a = listen()
    wire = pack(group_topic("c", "g"), Kind.GROUP, STRANGER, 1000, "g", bytes(2_000_000))

    a.do(Publish(wire), Publish(wire))

    assert a.transport.lost == {"too much published": 2}
    assert caplog.text.count("too much published; further ones are only counted") == 1


@pytest.mark.parametrize("secrets", [b"", b"1", b"12"], ids=["plain", "one secret", "two secrets"])
def test_there_are_sockets_for_all_that_may_be_dialled(listen: Any, secrets: bytes) -> None:
    """And not for one more: its frame is lost, counted, and takes along none of those behind it."""
    keys = [Keys.derive(bytes([secret]) * 32, "cluster") for secret in secrets]
    a, b = listen(*keys, most_dialled=2), listen(*keys)

    addresses = ["tcp://127.0.0.1:1", b.pull, "tcp://127.0.0.1:2", b.pull]

    a.do(*(Push(address, WIRE, 0) for address in addresses))

    frames, _ = b.poll_until(lambda frames, _: len(frames) == 2, a)
    assert frames == [WIRE, WIRE]
    assert a.transport.lost == {"cannot dial: Too many open files": 1}


def test_an_action_that_meets_a_bug_is_the_only_one(
    listen: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is behind it is done, and whoever sent that hears nothing of it; the log does."""
    a, b = listen(), listen()
    link(a, b, TOPIC)
    monkeypatch.setitem(a.transport._do, Unsubscribe, lambda action: 1 / 0)

    a.do(Unsubscribe(TOPIC), Publish(WIRE))

    frames, _ = b.poll_until(lambda frames, _: len(frames) == 1)
    assert frames == [WIRE]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


def test_a_ring_ends_a_poll(listen: Any) -> None:
    """wake() may come from any thread, any number of times, and is heard once."""
    a = listen()
    for _ in range(100_000):
        a.transport.wake()

    before = time.monotonic()
    poll(a.transport, WITHIN_S)

    assert time.monotonic() - before < WITHIN_S / 2


def test_a_peek_sees_frames_alone(listen: Any) -> None:
    """Not while the bell rings: that is for who sleeps, and would not be heard any more."""
    publisher, subscriber = listen(), listen()
    link(publisher, subscriber, TOPIC)
    before = subscriber.transport.peek()
    publisher.do(Publish(WIRE))
    subscriber.transport.wait(WITHIN_S)

    there = subscriber.transport.peek()
    subscriber.transport.wake()
    rung = subscriber.transport.peek()

    assert (before, rung) == (set(), set())
    assert there
    assert subscriber.transport.collect(there) == ([WIRE], [])


def test_a_ring_after_the_end_is_no_error() -> None:
    """A caller may be late."""
    transport = ZmqTransport(Bind("127.0.0.1", 0), (), 1000, 100, 10_000, 100)
    transport.open()
    transport.close(0)

    transport.wake()


def test_a_port_in_use_may_be_free_later(listen: Any) -> None:
    """Who could not listen can be opened again, and then publishes as if nothing had been."""
    first = socket.socket()
    pull = bind_below_ephemeral(first)
    second = ZmqTransport(Bind("127.0.0.1", pull), (), 10_000, 1000, 10_000, 100)
    with pytest.raises(TransportError):
        second.open()
    first.close()

    opened, reads = Open(second), listen()
    try:
        link(opened, reads, TOPIC)
        opened.do(Publish(WIRE))
        frames, _ = reads.poll_until(lambda frames, _: len(frames) == 1)
    finally:
        second.close(0)

    assert frames == [WIRE]


def test_what_was_closed_can_be_opened_again(listen: Any) -> None:
    """A node that finds no thread closes its sockets, and tries again later."""
    again = ZmqTransport(Bind("127.0.0.1", 0), (), 10_000, 1000, 10_000, 100)
    again.open()
    again.close(0)

    opened, reads = Open(again), listen()
    try:
        link(opened, reads, TOPIC)
        opened.do(Publish(WIRE))
        frames, _ = reads.poll_until(lambda frames, _: len(frames) == 1)
    finally:
        again.close(0)

    assert frames == [WIRE]


def interrupt(*args: object, **options: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("part", ["Bell", "Probes", "Pushes", "descriptor_of", "DoorWatch"])
def test_what_was_opened_is_closed_whatever_ends_it(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """No socket stays that the garbage collector would wait for, and no descriptor; and it can be opened again."""
    transport = ZmqTransport(Bind("127.0.0.1", 0), (), 10_000, 1000, 10_000, 100)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(f"zmqlayer.transport.{part}", interrupt)
        transport.open()

    try:
        assert transport._sockets._context.closed
        with pytest.raises(ValueError, match="closed"):
            transport._descriptors.fileno()
        assert (transport._pulls, transport._xpubs, transport._watches, transport._suspects) == ([], [], [], set())
    finally:
        transport._sockets.close(0)
    transport.open()
    transport.close(0)


def test_the_largest_settings_open() -> None:
    """libzmq takes all that the settings allow."""
    config = Config(
        discovery="off", peer_messages=10**9, max_message_size=2**32 - 1, peer_bytes=2**40, limits=Limits(**LARGE)
    )
    node = build_node(config)

    node.start()
    node.close()


# Encryption


def test_the_same_secret_carries(listen: Any) -> None:
    """Two nodes with one secret talk; their keys are never sent."""
    keys = Keys.derive(b"s" * 32, "cluster")
    a, b = listen(keys), listen(keys)

    a.do(Push(b.pull, WIRE))

    b.poll_until(lambda frames, _: frames == [WIRE], a)


def test_several_doors_are_told_of_as_one(listen: Any) -> None:
    """A topic comes with its first subscription at any door, and goes with the last, whether cancelled or cut off."""
    one, two = Keys.derive(b"s" * 32, "cluster"), Keys.derive(b"t" * 32, "cluster")
    a, b, c = listen(one, two), listen(one), listen(two)
    group, barrier = group_topic("c", "g"), barrier_topic(bytes(8))
    link(a, b, TOPIC, group)

    c.do(Subscribe(TOPIC), Subscribe(group), Connect(a.doors[1][1]), Subscribe(barrier))
    _, came = a.poll_until(lambda _, changes: b"\x01" + barrier in changes, c)
    b.do(Unsubscribe(group), Disconnect(a.pub))
    c.do(Unsubscribe(group), Unsubscribe(barrier), Disconnect(a.doors[1][1]))
    _, went = a.poll_until(lambda _, changes: len(changes) == 3, b, c)

    assert came == [b"\x01" + barrier]
    assert set(went) == {b"\x00" + topic for topic in (TOPIC, group, barrier)}


@pytest.mark.parametrize("keys", [(), (Keys.derive(b"x" * 32, "cluster"),)], ids=["plain", "another secret"])
def test_another_secret_carries_nothing(listen: Any, keys: tuple[Keys, ...]) -> None:
    """Who does not know the secret reaches nobody, however often it dials; who does is served meanwhile."""
    ours = Keys.derive(b"s" * 32, "cluster")
    a, foreign, b = listen(ours), listen(*keys), listen(ours)
    foreign.do(Push(b.pull, WIRE + b"foreign"), Subscribe(TOPIC), Connect(b.pub))

    a.do(Push(b.pull, WIRE))
    frames, changes = b.poll_until(lambda frames, _: len(frames) == 1, a, foreign)

    assert (frames, changes) == ([WIRE], [])


# Whole nodes


@pytest.fixture
def open_layer() -> Iterator[Callable[..., SyncChannelLayer]]:
    """Return a function that opens a layer without discovery; all are closed in the end."""
    layers: list[SyncChannelLayer] = []

    def open_layer(**settings: Any) -> SyncChannelLayer:
        layer = SyncChannelLayer(**{"discovery": "off", "bind": "127.0.0.1", **settings})
        layers.append(layer)
        layer.start()
        return layer

    yield open_layer
    for layer in layers:
        layer.close()


def knock(address: str, *chunks: bytes) -> None:
    """Connect over plain TCP, write, and wait until the other side hangs up or says nothing more."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=0.2) as connection:
        try:
            for chunk in chunks:
                connection.sendall(chunk)
            while connection.recv(4096):
                pass
        except (TimeoutError, ConnectionError):
            return


@pytest.mark.parametrize(
    "chunks",
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),),
        (b"\xff" * 10 + b"\x7f\x03\x01NULL" + bytes(48), b"\x00" * 1000),
        (b"\x00" * 100_000,),
        (),
    ],
    ids=["HTTP", "TLS", "ZMTP that goes wrong", "zeros", "nothing"],
)
@pytest.mark.parametrize("offset", ["PULL", "XPUB"])
def test_garbage_over_tcp_harms_nobody(open_layer: Any, chunks: tuple[bytes, ...], offset: str) -> None:
    """A browser or a scanner at the mesh's ports is hung up on; peers see nothing of it."""
    a = open_layer()
    b = open_layer(seeds=[a.address])
    b.ready()
    pub = a.node.ask(lambda mesh, now: mesh.identity.pub)

    knock(a.address if offset == "PULL" else f"tcp://127.0.0.1:{pub}", *chunks)

    b.send("jobs", {"n": 1})
    assert a.receive(["jobs"], block=True, timeout=WITHIN_S) == ("jobs", {"n": 1})
    assert a.statistics()["malformed"] == 0


def test_malformed_frames_over_zeromq_are_counted(open_layer: Any) -> None:
    """Bytes that are no frame, in one part or several, are counted and do nothing else."""
    a = open_layer()
    b = open_layer(seeds=[a.address])
    b.ready()
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.connect(a.address)
        push.send(b"")
        push.send(b"garbage")
        push.send_multipart([b"x" * 47, b"y" * 47])
        push.send(pack(BROADCAST, Kind.HELLO, STRANGER, 0, "", b"\xc1"))
        push.send(pack(node_topic(a.node_id), Kind.DIRECT, STRANGER, 1000, "x", b"\x80"))

        deadline = time.monotonic() + WITHIN_S
        while a.statistics()["ignored"] != 1:
            assert time.monotonic() < deadline
            b.send("jobs", {})
            a.receive(["jobs"], block=True, timeout=WITHIN_S)

    assert a.statistics()["malformed"] == 5
    assert len(a.peers()) == 1


def test_odd_subscriptions_over_zeromq_do_nothing(open_layer: Any) -> None:
    """Subscriptions of other lengths, and messages where subscriptions belong, are ignored."""
    a = open_layer()
    b = open_layer(seeds=[a.address])
    b.ready()
    pub = a.node.ask(lambda mesh, now: mesh.identity.pub)
    with zmq.Context() as context, context.socket(zmq.XSUB) as xsub:
        xsub.connect(f"tcp://127.0.0.1:{pub}")
        for wire in (b"\x01", b"\x01short", b"\x01" + bytes(100), b"\x05" + node_topic(b.node_id), b"\x00never"):
            xsub.send(wire)
        xsub.send(b"\x01" + BROADCAST)
        assert xsub.poll(int(WITHIN_S * 1000))  # a heartbeat: what was sent before has been read

    assert [peer.state for peer in a.peers()] == ["ready"]


def test_a_topic_that_is_too_long_ends_its_connection(listen: Any) -> None:
    """Topics have 17 bytes, and libzmq keeps a node of memory for each byte of one: it takes no long ones."""
    stranger = Stranger(int(listen(max_size=1_000_000).pub.rpartition(":")[2]), subscriber(bytes(10_000)))

    is_out = stranger.is_out_by(time.monotonic() + HEARTBEATS_END_IT_AFTER_S - 1)

    stranger.close()
    assert is_out


def test_a_frame_that_is_too_large_ends_its_connection(open_layer: Any) -> None:
    """libzmq hangs up on who sends more than a frame may have; the node does not even see it."""
    a = open_layer(max_message_size=1000)
    b = open_layer(seeds=[a.address])
    b.ready()
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.linger = 0
        with push.get_monitor_socket(zmq.EVENT_DISCONNECTED) as monitor:
            push.connect(a.address)
            push.send(bytes(200_000))
            assert monitor.poll(int(WITHIN_S * 1000))
            push.disable_monitor()

    assert a.statistics()["malformed"] == 0
    assert len(a.peers()) == 1


def test_nodes_with_one_secret_link(open_layer: Any) -> None:
    """An encrypted pair behaves as a plain one."""
    settings = {"secret": "correct horse battery staple", "discovery": "off"}
    a = open_layer(**settings)
    b = open_layer(**settings, seeds=[a.address])
    b.ready()

    b.send("jobs", {"n": 1})

    assert a.receive(["jobs"], block=True, timeout=WITHIN_S) == ("jobs", {"n": 1})


@pytest.mark.parametrize("secret", [None, "another horse battery staple"], ids=["plain", "another secret"])
def test_nodes_with_different_secrets_never_link(open_layer: Any, secret: str | None) -> None:
    """Who does not know the secret never becomes a peer, while who does becomes one."""
    a = open_layer(secret="correct horse battery staple")
    foreign = open_layer(secret=secret, seeds=[a.address])
    friend = open_layer(secret="correct horse battery staple", seeds=[a.address])

    friend.ready()
    foreign.group_channels("any")  # waits for the join, which finds nobody

    assert foreign.peers() == []
    assert [peer.node_id for peer in a.peers()] == [friend.node_id]
