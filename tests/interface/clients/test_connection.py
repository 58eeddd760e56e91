"""One TCP connection: idle, handed over, stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from zope.interface import implementer

from support.connections import (
    TEXT,
    Client,
    MemoryTransport,
    Site,
    close_frame,
    frame,
    get,
    split_frames,
    split_response,
    upgrade,
)
from zmqlayer.interface.clients.backlog import PIECE_SIZE
from zmqlayer.interface.clients.http1 import LINGER_S
from zmqlayer.messages import Message

SiteMaker = Callable[..., Site]


def test_an_idle_connection_is_closed(site: Site) -> None:
    """After a request as well as before one."""
    silent = site.connect()
    served = site.request(get())
    site.layer.reply.push({"status": 200})

    site.clock.advance(60)

    assert silent.is_closed_by_server
    assert served.is_closed_by_server


def test_half_a_request_is_not_waited_for(site: Site) -> None:
    """The time counts from the first byte; more of them do not win any."""
    client = site.request(get()[:-2])

    site.clock.advance(19)
    client.send(b"X")
    site.clock.advance(1)

    assert split_response(client.read())[0] == 408
    assert client.is_closed_by_server
    assert site.layer.take() == []
    assert site.faults.counts == {"slow headers": 1}


def test_waiting_for_a_worker_is_not_idle(site: Site) -> None:
    """The client has said all that it has to say."""
    client = site.request(get())

    site.clock.advance(100)

    assert not client.is_closed_by_server


def test_frames_sent_too_early_are_kept_in_order(site: Site) -> None:
    """A client that does not wait for the 101 is read no further, and loses nothing."""
    client = site.request(upgrade() + frame(TEXT, b"1") + frame(TEXT, b"2")[:3])
    client.send(frame(TEXT, b"2")[3:])
    assert client.transport.producerState == "paused"
    site.layer.take()

    site.layer.reply.push({"accept": True, "text": "hello"})

    assert [message["text"] for _, message in site.layer.take()] == ["1", "2"]
    assert split_frames(client.read().partition(b"\r\n\r\n")[2]) == [(TEXT, b"hello")]
    assert client.transport.producerState == "producing"


def test_frames_sent_too_early_die_with_a_refusal(site: Site) -> None:
    """They are not taken for the next request."""
    client = site.request(upgrade() + get("/smuggled"))
    site.layer.take()

    site.layer.reply.push({"accept": False})

    assert split_response(client.read())[0] == 403
    assert client.is_closed_by_server
    assert site.layer.take() == []


def test_a_frame_that_closes_too_early_ends_the_socket(site: Site) -> None:
    """The handshake is completed first."""
    client = site.request(upgrade() + close_frame(1000))

    site.layer.reply.push({"accept": True, "text": "hello"})

    assert client.is_closed_by_server
    client.leave()
    assert [channel for channel, _ in site.layer.take()] == ["websocket.connect", "websocket.disconnect"]


def test_stopping_closes_what_is_idle(site: Site) -> None:
    """And is over when nothing is left."""
    client = site.connect()
    ended: list[None] = []

    site.factory.stop(1.0).addCallback(ended.append)
    assert client.is_closed_by_server
    assert not ended

    client.leave()
    assert ended == [None]


def test_stopping_nothing_is_over_at_once(site: Site) -> None:
    """There is nobody to wait for."""
    assert site.factory.stop(1.0).called


def test_stopping_lets_a_response_end(site: Site) -> None:
    """The connection closes with it."""
    client = site.request(get())

    site.factory.stop(1.0)
    site.layer.reply.push({"status": 200, "content": b"done"})

    assert split_response(client.read())[2] == b"done"
    assert client.is_closed_by_server


def test_stopping_cuts_what_does_not_end(site: Site) -> None:
    """After the time of grace."""
    waiting, half = site.request(get()), site.request(get()[:-2])

    site.factory.stop(1.0)
    site.clock.advance(1.0)

    assert waiting.transport.is_aborted
    assert half.transport.is_aborted


def test_stopping_closes_websockets(site: Site) -> None:
    """1001 tells browsers to come back; a socket in its handshake gets a 503."""
    opened = site.open_websocket()
    asking = site.request(upgrade())

    site.factory.stop(1.0)

    ((opcode, payload),) = split_frames(opened.read())
    assert (opcode, payload[:2]) == (8, (1001).to_bytes(2, "big"))
    assert split_response(asking.read())[0] == 503
    opened.send(close_frame(1001))
    assert opened.is_closed_by_server


def test_a_refused_body_lingers_no_longer_than_it_should(make_site: SiteMaker) -> None:
    """Closing answers a client that never stops sending."""
    site = make_site(max_body_size=1000)
    client = site.request(get("/", b"Content-Length: 99999999", method="PUT"))

    site.clock.advance(LINGER_S)

    assert client.is_closed_by_server


def test_a_client_that_takes_nothing_is_cut_off(site: Site) -> None:
    """Its worker has felt it long before."""
    client = site.request(get())
    client.set_slow()

    site.clock.advance(59)
    assert not client.transport.is_aborted
    site.clock.advance(1)

    assert client.transport.is_aborted
    assert site.faults.counts == {"slow reader": 1}


def test_a_client_that_takes_little_at_a_time_is_served(site: Site) -> None:
    """What counts is what is left in the transport and the socket; and who stops taking is cut off in time."""
    client = site.request(get())
    client.transport.dataBuffer = bytes(1_000)
    client.set_slow()

    for _ in range(500):
        client.transport.dataBuffer = client.transport.dataBuffer[1:]
        site.clock.advance(1)
    assert not client.transport.is_aborted

    site.clock.pump([1.0] * 75)
    assert client.transport.is_aborted
    assert site.faults.counts == {"slow reader": 1}


def test_a_client_that_takes_the_end_slowly_gets_it(site: Site) -> None:
    """After a close too."""
    client = site.request(get("/", b"Connection: close"))
    site.layer.reply.push({"status": 200, "content": b"abc"})
    client.transport.dataBuffer = bytes(1_000)

    for _ in range(500):
        client.transport.dataBuffer = client.transport.dataBuffer[1:]
        site.clock.advance(1)

    assert not client.transport.is_aborted


def test_a_client_that_takes_a_piece_now_and_then_is_served(site: Site) -> None:
    """A large message goes out piece by piece, and each that is taken wins time."""
    client = site.request(get())
    content = bytes(10 * PIECE_SIZE)
    client.transport.producer.pauseProducing()
    site.layer.reply.is_paused = False  # what was delivered before the pause arrives
    site.layer.reply.push({"status": 200, "content": content, "headers": [[b"content-length", b"%d" % len(content)]]})

    taken = b""
    while client.transport.producer is not None:
        site.clock.advance(50)
        client.set_fast()
        client.set_slow()
        taken += client.read()
        if len(taken) > len(content):
            break

    assert split_response(taken)[2] == content
    assert not client.transport.is_aborted


def test_a_close_waits_for_what_is_to_be_written(site: Site) -> None:
    """And takes no longer than a slow client may."""
    client = site.request(get("/", b"Connection: close"))
    client.set_slow()
    site.layer.reply.is_paused = False
    site.layer.reply.push({"status": 200, "content": b"abc"})
    assert (client.read(), client.is_closed_by_server) == (b"", False)

    client.set_fast()

    assert split_response(client.read())[2] == b"abc"
    assert client.is_closed_by_server


def test_a_client_that_does_not_take_the_end_is_cut_off(site: Site) -> None:
    """The last bytes have their time too."""
    client = site.request(get("/", b"Connection: close"))
    site.layer.reply.push({"status": 200})
    client.transport.dataBuffer = bytes(100)
    assert not client.transport.is_aborted

    site.clock.pump([1.0] * 60)

    assert client.transport.is_aborted


class Writers:
    """A reactor that only knows who has something to write."""

    def __init__(self) -> None:
        self.waiting: list[object] = []
        self.asked = 0

    def addWriter(self, writer: object) -> None:
        """Note it, once."""
        if writer not in self.waiting:
            self.waiting.append(writer)
        self.asked += 1

    def removeWriter(self, writer: object) -> None:
        """Forget it."""
        self.waiting.remove(writer)

    removeReader = addReader = lambda self, reader: None


class Descriptor(FileDescriptor):
    """
    A transport of Twisted's whose socket takes so many bytes, or has lost its client.

    Attributes:
        taken: What was sent, call by call.
    """

    is_aborted = False

    def __init__(self, takes: int | ConnectionLost = 1_000_000) -> None:
        self.writers = Writers()
        super().__init__(reactor=self.writers)
        self.connected = True
        self.takes = takes
        self.taken: list[bytes] = []

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:
        if isinstance(self.takes, ConnectionLost):
            return self.takes
        self.taken.append(data[: self.takes])
        return len(self.taken[-1])

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "10.0.0.9", 51234)

    getHost = getPeer


@implementer(ISSLTransport)
class Secure(MemoryTransport):
    """TLS, above a transport that has something of its own to write."""

    def doWrite(self) -> None:
        """Nobody is to call this."""
        raise AssertionError("the transport below TLS was told to write")


def answer(site: Site, transport: Any, *messages: Message) -> None:
    """Let a client ask over *transport*, and a worker answer."""
    client = Client(site.factory, transport)
    site.clients.append(client)
    client.send(get())
    site.layer.reply.push(*messages)


def test_a_response_leaves_at_once(site: Site) -> None:
    """Head and content go in one piece, and the reactor is not even asked to watch for room."""
    transport = Descriptor()

    answer(site, transport, {"status": 200, "content": b"hello"})

    (sent,) = transport.taken
    assert split_response(sent)[2] == b"hello"
    assert transport.writers.asked == 0


def test_a_stream_leaves_at_once_when_it_ends(site: Site) -> None:
    """What waited for the end of the turn goes with the last piece; so does the whole response that follows it."""
    transport = Descriptor()
    answer(site, transport, {"status": 200, "content": b"he", "more_content": True}, {"content": b"llo"})
    streamed = list(transport.taken)

    site.clients[-1].send(get())
    site.layer.reply.push({"status": 200, "content": b"again"})

    assert [split_response(sent)[2] for sent in transport.taken] == [b"hello", b"again"]
    assert len(streamed) == 1
    assert not transport.writers.waiting


def test_a_response_with_no_end_yet_waits_for_the_turn(site: Site) -> None:
    """More may follow in the same turn: that is the transport's to collect."""
    transport = Descriptor()

    answer(
        site,
        transport,
        {"status": 200, "content": b"he", "more_content": True},
        {"content": b"l", "more_content": True},
    )

    assert not transport.taken
    assert transport.writers.waiting


def test_what_the_socket_does_not_take_at_once_follows(site: Site) -> None:
    """The reactor sends it as soon as there is room."""
    transport = Descriptor(takes=10)

    answer(site, transport, {"status": 200, "content": b"hello"})
    assert transport.writers.waiting == [transport]
    transport.takes = 1_000
    transport.doWrite()

    assert [len(transport.taken[0]), split_response(b"".join(transport.taken))[2]] == [10, b"hello"]
    assert not transport.writers.waiting


def test_a_client_that_is_lost_meanwhile_is_left_to_the_reactor(site: Site) -> None:
    """The reactor comes across the same error, and ends the connection."""
    transport = Descriptor(takes=ConnectionLost())

    answer(site, transport, {"status": 200, "content": b"hello"})

    assert transport.writers.waiting == [transport]
    assert isinstance(transport.doWrite(), ConnectionLost)


def test_over_tls_the_transport_below_is_left_alone(site: Site) -> None:
    """TLS keeps small pieces for a moment; what it is about to write it writes itself."""
    transport = Secure()

    answer(site, transport, {"status": 200, "content": b"hello"})

    assert split_response(transport.value())[2] == b"hello"
