"""Whose content leaves next on an HTTP/2 connection."""

from dataclasses import dataclass, field

import pytest
from hpack import Encoder
from hyperframe.frame import HeadersFrame

from support.http2_client import GET, setting, window
from support.http2_doubles import RecordedSession
from zmqlayer.interface.clients.http2_conduct import Conduct
from zmqlayer.interface.clients.http2_machine import Machine
from zmqlayer.interface.clients.http2_stream import Http2Stream
from zmqlayer.interface.clients.http2_turns import Turns
from zmqlayer.interface.options import ServerOptions


@dataclass
class RecordedOutlet:
    """A connection that lets *room* frames through."""

    machine: Machine
    room: int = 100
    sent: list[tuple[int, int]] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)

    @property
    def may_write(self) -> bool:
        return self.room > 0

    def flush(self) -> None:
        """Note stream and size of the frame that was sent."""
        frame = self.machine.data_to_send()
        self.sent.append((int.from_bytes(frame[5:9], "big"), len(frame) - 9))
        self.room -= 1

    def now(self) -> float:
        return 0.0

    def answered(self, stream: Http2Stream) -> None:
        self.ended.append(stream.stream_id)


class Connection:
    """A client's connection with streams 1, 3 and 5, whose answers have begun."""

    def __init__(self) -> None:
        self.machine = Machine(ServerOptions())
        self.machine.initiate_connection()
        self.machine.receive_data(setting().serialize())
        encoder = Encoder()
        for stream_id in (1, 3, 5):
            head = HeadersFrame(stream_id, encoder.encode(GET), flags=["END_HEADERS", "END_STREAM"])
            self.machine.receive_data(head.serialize())
            self.machine.send_headers(stream_id, [(b":status", b"200")])
        self.machine.data_to_send()
        self.outlet = RecordedOutlet(self.machine)
        self.turns = Turns(self.machine, Conduct(0.0), self.outlet)
        session = RecordedSession()
        self.streams = {number: Http2Stream(number, session, ServerOptions()) for number in (1, 3, 5)}

    def fill(self, stream_id: int, size: int) -> None:
        """Give a stream content, and a turn."""
        self.streams[stream_id].send_content(bytes(size))
        self.turns.join(self.streams[stream_id])


@pytest.fixture
def connection() -> Connection:
    """The connection, of which 65,535 bytes may be sent."""
    return Connection()


def test_turns_of_a_frame(connection: Connection) -> None:
    """Each stream sends a frame, and then it is the next one's turn."""
    connection.fill(1, 20_000)
    connection.fill(3, 100)
    connection.fill(5, 17_000)

    connection.turns.run()

    assert connection.outlet.sent == [(1, 16_384), (3, 100), (5, 16_384), (1, 3_616), (5, 616)]


def test_a_transport_that_takes_no_more(connection: Connection) -> None:
    """When the transport is full the turns stop, and go on where they were."""
    connection.fill(1, 40_000)
    connection.fill(3, 100)
    connection.outlet.room = 1
    connection.turns.run()
    assert connection.outlet.sent == [(1, 16_384)]

    connection.outlet.room = 2
    connection.turns.run()

    assert connection.outlet.sent[1:] == [(3, 100), (1, 16_384)]


def test_the_window_of_the_connection(connection: Connection) -> None:
    """When the window for all is used up nobody loses his turn, and each one's time runs."""
    connection.fill(1, 65_000)
    connection.fill(3, 65_000)
    connection.turns.run()
    assert sum(size for _, size in connection.outlet.sent) == 65_535
    assert {connection.streams[number].write_pace.deadline() for number in (1, 3)} == {60.0}

    connection.machine.receive_data(window(0, 10).serialize())
    connection.turns.run()

    assert connection.outlet.sent[-1] == (1, 10)


def test_the_window_of_a_stream(connection: Connection) -> None:
    """A stream whose own window is closed gives its turn up, and has one again when it opens."""
    connection.machine.receive_data(setting(INITIAL_WINDOW_SIZE=5).serialize())
    connection.machine.data_to_send()
    connection.fill(1, 12)
    connection.turns.run()
    assert connection.outlet.sent == [(1, 5)]
    assert not connection.streams[1].is_queued

    connection.machine.receive_data(window(1, 100).serialize())
    connection.turns.join(connection.streams[1])
    connection.turns.run()

    assert connection.outlet.sent == [(1, 5), (1, 7)]


def test_ends(connection: Connection) -> None:
    """The last piece of content bears the end; without content the end leaves at once, whatever the windows are."""
    connection.streams[1].end()
    connection.outlet.room = 0
    connection.turns.join(connection.streams[1])
    assert connection.machine.data_to_send() == b"\0\0\0\0\1\0\0\0\1"
    connection.streams[3].send_content(b"abc")
    connection.streams[3].end()
    connection.turns.join(connection.streams[3])
    assert connection.outlet.ended == [1]

    connection.outlet.room = 1
    connection.turns.run()

    assert connection.outlet.ended == [1, 3]


def test_a_stream_that_was_closed_meanwhile(connection: Connection) -> None:
    """A turn of a stream that was reset passes."""
    connection.fill(1, 100)
    connection.streams[1].close()

    connection.turns.run()

    assert connection.outlet.sent == []
