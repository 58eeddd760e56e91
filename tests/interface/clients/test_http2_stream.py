"""One stream of HTTP/2."""

import pytest
from h2.errors import ErrorCodes

from support.http2_doubles import RecordedReceiver, RecordedSession
from zmqlayer.interface.clients.http2_stream import Http2Stream
from zmqlayer.interface.clients.pace import NEVER
from zmqlayer.interface.options import ServerOptions


@pytest.fixture
def session() -> RecordedSession:
    """A connection."""
    return RecordedSession()


@pytest.fixture
def request_() -> RecordedReceiver:
    """A request."""
    return RecordedReceiver()


@pytest.fixture
def stream(session: RecordedSession, request_: RecordedReceiver) -> Http2Stream:
    """The request's stream."""
    stream = Http2Stream(1, session, ServerOptions())
    stream.open(request_)
    return stream


def test_content_waits(stream: Http2Stream) -> None:
    """Content is given out in pieces of any size, in order, and the end comes last."""
    stream.send_content(b"abc")
    stream.send_content(b"")
    stream.send_content(b"defg")
    stream.end()

    assert repr(stream) == "<Http2Stream 1 [7 bytes wait]>"
    assert [stream.take(2), stream.take(2), stream.take(9)] == [b"ab", b"c", b"defg"]
    assert stream.is_answered


def test_fullness(stream: Http2Stream, request_: RecordedReceiver) -> None:
    """A stream that holds much asks for no more, until it holds little."""
    stream.send_content(bytes(65_536))
    assert not stream.is_congested
    stream.send_content(b"x")
    assert stream.is_congested

    while stream.waiting_size > 16_384:
        assert request_.told == ["congested"]
        stream.take(1_000)

    assert request_.told == ["congested", "relieved"]


def test_congestion_of_the_connection(
    stream: Http2Stream, session: RecordedSession, request_: RecordedReceiver
) -> None:
    """What holds up the connection holds up its streams; each is told once."""
    for is_congested in (True, True, False, False):
        session.is_congested = is_congested
        stream.tell()

    assert request_.told == ["congested", "relieved"]


def test_the_window_of_a_body(stream: Http2Stream, session: RecordedSession) -> None:
    """Once half of the window is taken it is opened again, unless the body is paused."""
    stream.receive(bytes(10_000), 10_000)
    stream.receive(bytes(121_071), 121_071)
    assert session.take() == []
    stream.pause_body()
    stream.receive(b"x", 2)
    assert session.take() == []

    stream.resume_body()

    assert session.take()[0] == ("invite", 131_073)


def test_no_window_for_what_is_complete(stream: Http2Stream, session: RecordedSession) -> None:
    """A body that is complete, and one of a stream that is closed, need no window."""
    stream.is_body_complete = True
    stream.receive(bytes(200_000), 200_000)
    stream.resume_body()

    assert session.take() == []


def test_length(stream: Http2Stream, request_: RecordedReceiver) -> None:
    """A body keeps to the announced length, or is none."""
    stream.expect_body(3, awaits_invitation=False)

    assert stream.receive(b"ab", 2)
    assert not stream.complete()
    assert not stream.receive(b"cd", 2)
    assert request_.told == [b"ab"]


def test_invitation(stream: Http2Stream, session: RecordedSession) -> None:
    """A client that waits is invited once, and its time runs from then on."""
    stream.expect_body(3, awaits_invitation=True)
    assert stream.deadline() == NEVER

    session.time = 5.0
    stream.invite_body()
    stream.invite_body()

    assert session.take() == [("head", 100), ("expect", 25.0)]


def test_no_invitation_after_an_answer(stream: Http2Stream, session: RecordedSession) -> None:
    """Neither a client that has begun nor one that has its answer is invited."""
    stream.expect_body(None, awaits_invitation=True)
    stream.send_head(200, (), has_content=True)
    stream.invite_body()

    assert session.take() == [("head", 200)]


def test_broken_off(stream: Http2Stream, session: RecordedSession) -> None:
    """A response that breaks off is the server's failure, unless the client is to blame."""
    stream.abort()
    stream.code = ErrorCodes.PROTOCOL_ERROR
    stream.abort()

    assert session.take() == [("reset", ErrorCodes.INTERNAL_ERROR), ("reset", ErrorCodes.PROTOCOL_ERROR)]


def test_after_its_end(stream: Http2Stream, session: RecordedSession, request_: RecordedReceiver) -> None:
    """A stream that is closed does nothing any more, and gives its request back once."""
    assert stream.close() is request_
    assert stream.close() is None

    stream.send_head(200, (), has_content=True)
    stream.send_content(b"x")
    stream.end()
    stream.abort()
    stream.invite_body()
    stream.resume_body()
    stream.stop()

    assert session.take() == []
    assert request_.told == []


def test_pace_of_a_frame_that_arrives(stream: Http2Stream, session: RecordedSession) -> None:
    """The bytes of a frame count as they come, and once."""
    stream.expect_body(None, awaits_invitation=False)
    for session.time in range(1, 20):
        stream.receive_part(session.time * 500)
    stream.receive(bytes(9_500), 9_500)

    assert stream.body_pace.is_too_slow(20.0)
