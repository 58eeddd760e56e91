"""One HTTP/2 connection: what ends it, and how."""

import itertools
from collections.abc import Callable

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import ContinuationFrame, Frame, GoAwayFrame, HeadersFrame, PriorityFrame, PushPromiseFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from support.connections import Site
from support.http2_client import GET, POST, FrameClient, Http2Client, data, fields_of, ping, reset, setting, window
from zmqlayer.interface.clients.http2_frames import PREFACE
from zmqlayer.interface.options import ServerOptions

SiteMaker = Callable[..., Site]

OK = {"status": 200, "content": b"hello", "more_content": False}
LAST = 2**31 - 1
CALM, PROTOCOL, CLOSED = ErrorCodes.ENHANCE_YOUR_CALM, ErrorCodes.PROTOCOL_ERROR, ErrorCodes.STREAM_CLOSED
SIZE, FLOW = ErrorCodes.FRAME_SIZE_ERROR, ErrorCodes.FLOW_CONTROL_ERROR


def raw(kind: int, stream_id: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """Return a frame of any kind and content."""
    size = len(payload).to_bytes(3, "big")
    return size + bytes([kind, flags]) + stream_id.to_bytes(4, "big") + payload


def test_our_settings(make_site: SiteMaker) -> None:
    """A client is told our limits first of all, and that nothing is pushed."""
    site = make_site(max_streams=7, max_header_size=9_000)
    client = FrameClient(site)

    first, second = client.frames()[:2]

    assert first.settings == {1: 4_096, 2: 0, 3: 7, 4: 262_144, 5: 16_384, 6: 9_000, 8: 0, 9: 1}
    assert (second.stream_id, second.window_increment) == (0, 1_048_576 - 65_535)


def test_acknowledgements(site: Site) -> None:
    """Settings and pings are acknowledged, a ping with what it held."""
    client = FrameClient(site)
    client.frames()

    client.put(setting(INITIAL_WINDOW_SIZE=1), ping(b"abcdefgh"))

    acks = client.frames()
    assert [(frame.type, "ACK" in frame.flags) for frame in acks] == [(4, True), (6, True)]
    assert acks[1].opaque_data == b"abcdefgh"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(raw(0, 0, b"x"), PROTOCOL, id="content on the connection"),
        pytest.param(raw(0, 1, b"x"), PROTOCOL, id="content on a stream that was not opened"),
        pytest.param(raw(0, 1, b"\x05x", 0x8), PROTOCOL, id="more padding than content"),
        pytest.param(raw(1, 0, b"\x82", 0x5), PROTOCOL, id="a head on the connection"),
        pytest.param(raw(1, 2, b"\x82", 0x5), PROTOCOL, id="a stream of the server"),
        pytest.param(raw(1, 1, b"\x40", 0x5), ErrorCodes.COMPRESSION_ERROR, id="HPACK cut short"),
        pytest.param(raw(1, 1, b"\xff\xff\xff\x7f", 0x5), ErrorCodes.COMPRESSION_ERROR, id="HPACK of no entry"),
        pytest.param(raw(1, 1, b"\x3f\xff\xff\x7f", 0x5), ErrorCodes.COMPRESSION_ERROR, id="HPACK table too large"),
        pytest.param(raw(2, 0, bytes(5)), PROTOCOL, id="a priority of the connection"),
        pytest.param(raw(2, 1, bytes(4)), SIZE, id="a priority too short"),
        pytest.param(raw(2, 1, b"\0\0\0\1\0"), PROTOCOL, id="a priority below itself"),
        pytest.param(raw(3, 0, bytes(4)), PROTOCOL, id="a reset of the connection"),
        pytest.param(raw(3, 1, bytes(4)), PROTOCOL, id="a reset of a stream that was not opened"),
        pytest.param(raw(3, 2, bytes(4)), PROTOCOL, id="a reset of a stream of the server"),
        pytest.param(raw(3, 1, bytes(3)), SIZE, id="a reset too short"),
        pytest.param(raw(4, 1), PROTOCOL, id="settings of a stream"),
        pytest.param(raw(4, 0, bytes(5)), SIZE, id="settings cut short"),
        pytest.param(raw(4, 0, bytes(6), 0x1), SIZE, id="settings in an acknowledgement"),
        pytest.param(raw(4, 0, b"\0\2\0\0\0\2"), PROTOCOL, id="a setting that is neither yes nor no"),
        pytest.param(raw(4, 0, b"\0\4\x80\0\0\0"), FLOW, id="a window too large"),
        pytest.param(raw(4, 0, b"\0\5\0\0\x3f\xff"), PROTOCOL, id="frames too small"),
        pytest.param(raw(4, 0, b"\0\5\1\0\0\0"), PROTOCOL, id="frames too large"),
        pytest.param(raw(5, 1, b"\0\0\0\2", 0x4), PROTOCOL, id="a push"),
        pytest.param(raw(6, 1, bytes(8)), PROTOCOL, id="a ping of a stream"),
        pytest.param(raw(6, 0, bytes(7)), SIZE, id="a ping too short"),
        pytest.param(raw(7, 1, bytes(8)), PROTOCOL, id="the end of a stream as of a connection"),
        pytest.param(raw(7, 0, bytes(7)), PROTOCOL, id="an end too short"),
        pytest.param(raw(8, 0, bytes(4)), PROTOCOL, id="a window opened by nothing"),
        pytest.param(raw(8, 0, bytes(3)), SIZE, id="a window cut short"),
        pytest.param(raw(8, 1, b"\0\0\0\1"), PROTOCOL, id="a window of a stream that was not opened"),
        pytest.param(raw(8, 0, b"\x7f\xff\xff\xff"), FLOW, id="a window opened too wide"),
        pytest.param(raw(9, 1, b"", 0x4), PROTOCOL, id="a continuation of nothing"),
        pytest.param(raw(0, 1, bytes(16_385)), SIZE, id="a frame too large"),
    ],
)
def test_errors_of_the_connection(site: Site, sent: bytes, code: ErrorCodes) -> None:
    """What breaks the rules of the connection ends it, with the code that says why; and only this one."""
    other = Http2Client(site)
    client = FrameClient(site)

    client.send(sent)

    assert client.goaways() == [(0, code)]
    site.clock.advance(2.0)
    assert client.is_closed_by_server
    assert sum(site.faults.counts.values()) == 1
    other.open()
    assert site.layer.take_one("http.request")


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        pytest.param([data(1, b"x")], {CLOSED}, id="content"),
        pytest.param([HeadersFrame(1, b"\x82", flags=["END_HEADERS"])], {CLOSED, PROTOCOL}, id="trailers"),
        pytest.param([ContinuationFrame(1, b"\x82", flags=["END_HEADERS"])], {PROTOCOL}, id="a continuation"),
    ],
)
def test_after_the_end_of_a_request(site: Site, sent: list[Frame], codes: set[ErrorCodes]) -> None:
    """On a stream whose request is complete neither content nor a head may come (RFC 9113, 5.1)."""
    client = FrameClient(site)
    client.open(1)

    client.put(*sent)

    found = {frame.error_code for frame in client.frames() if frame.type in (3, 7)}
    assert found
    assert found <= codes


def test_stream_numbers_rise(site: Site) -> None:
    """A stream with a lower number than one before was closed with that (RFC 9113, 5.1.1)."""
    client = FrameClient(site)
    client.open(5)

    client.open(3)

    assert client.goaways() == [(5, PROTOCOL)]


def test_a_window_opened_too_wide(site: Site) -> None:
    """A stream whose window overflows is reset, and only that one (RFC 9113, 6.9.1)."""
    client = FrameClient(site)
    client.open(1)
    client.open(3)

    client.put(window(1, LAST))

    assert client.resets() == [(1, FLOW)]
    assert site.layer.replies[0].is_closed
    site.layer.replies[1].push(OK)
    assert client.contents() == {3: b"hello"}


def test_more_body_than_the_window(site: Site) -> None:
    """A body beyond its window ends the connection (RFC 9113, 6.9)."""
    client = Http2Client(site)
    stream_id, _ = client.hold_body(site)
    room = client.h2.local_flow_control_window(stream_id)

    client.send(b"".join(data(stream_id, bytes(16_384)).serialize() for _ in range(room // 16_384 + 1)))

    frame, _ = GoAwayFrame.parse_frame_header(memoryview(client.read())[:9])
    assert frame.type == 7
    assert site.faults.counts == {"HTTP/2 flow control error": 1}


@pytest.mark.parametrize("sent", [raw(0xFA, 0, b"?"), raw(0xFA, 1, b"?", 0xFF), raw(4, 0, b"\x0a\x0a\0\0\0\1")])
def test_what_is_unknown_is_ignored(site: Site, sent: bytes) -> None:
    """Frames and settings of extensions do nothing (RFC 9113, 5.5 and 6.5.2)."""
    client = FrameClient(site)

    client.send(sent)
    client.open(1)

    assert not client.goaways()
    assert site.layer.take_one("http.request")


def test_reserved_bits_are_ignored(site: Site) -> None:
    """The bit before a stream's number, and flags without meaning, do nothing (RFC 9113, 4.1)."""
    client = FrameClient(site)
    head = client.encoder.encode(GET)

    client.send(raw(1, 1, head, 0x5 | 0x40 | 0x80).replace(b"\0\0\0\1", b"\x80\0\0\1", 1))
    client.send(raw(6, 2**31, bytes(8), 0xFE))

    assert site.layer.take_one("http.request")
    assert not client.goaways()


def test_priorities_are_ignored(site: Site) -> None:
    """Clients may still send what RFC 7540 asked them to, for streams in any state."""
    client = FrameClient(site)
    client.put(PriorityFrame(7, depends_on=3, stream_weight=200, exclusive=True))
    client.open(9)
    client.put(PriorityFrame(9), PriorityFrame(1))

    assert site.layer.take_one("http.request")
    assert not client.goaways()


def test_a_head_in_pieces(site: Site) -> None:
    """A head may come in several frames, and the bytes of those one by one."""
    client = FrameClient(site)
    head = client.encoder.encode(fields_of("GET", "/", (b"x-long", 300 * b"y")), huffman=False)
    frames = [
        HeadersFrame(1, head[:100], flags=["END_STREAM"]),
        ContinuationFrame(1, head[100:200]),
        ContinuationFrame(1, head[200:], flags=["END_HEADERS"]),
    ]

    for byte in b"".join(frame.serialize() for frame in frames):
        client.send(bytes([byte]))

    assert site.layer.take_one("http.request")["headers"][1] == [b"x-long", 300 * b"y"]


def test_windows_are_opened_again(site: Site) -> None:
    """A body of any length flows: its window is opened again, and that of the connection too."""
    client = Http2Client(site)
    stream_id = client.open(POST, ends=False)

    rest = bytes(3_000_000)
    while rest and not client.responses[stream_id].status:
        before, rest = rest, client.send_body(stream_id, rest)
        assert len(rest) < len(before)


def test_a_paused_body_holds_no_other_back(site: Site) -> None:
    """Of a body that is paused a window's worth comes; other bodies flow past it."""
    client = Http2Client(site)
    paused, channel = client.hold_body(site)

    rest = client.send_body(paused, bytes(300_000))
    other = client.open(POST, ends=False)
    assert client.send_body(other, bytes(200_000)) == b""

    assert len(rest) > 300_000 - 262_144
    site.layer.make_room(channel)
    client.talk()
    assert len(client.send_body(paused, rest)) < len(rest)


def test_the_client_leaves(site: Site) -> None:
    """A client that says goodbye still gets what it asked for (RFC 9113, 6.8)."""
    client = FrameClient(site)
    client.open(1)

    client.put(GoAwayFrame(0))
    site.layer.reply.push(OK)

    assert client.contents() == {1: b"hello"}
    assert client.is_closed_by_server


def test_connection_lost(site: Site) -> None:
    """All requests of a connection that is lost are abandoned."""
    client = Http2Client(site)
    client.open()
    client.open()
    site.layer.take()

    client.leave()

    assert [channel for channel, _ in site.layer.take()] == ["http.disconnect", "http.disconnect"]


def test_stop_without_requests(site: Site) -> None:
    """An idle connection is told of the end, and closed when the client has heard."""
    client = FrameClient(site)
    site.factory.stop(10.0)
    told = client.frames()
    assert [frame.type for frame in told[-2:]] == [6, 7]
    assert (told[-1].last_stream_id, told[-1].error_code) == (LAST, 0)
    assert not client.is_closed_by_server

    client.put(ping(told[-2].opaque_data, is_ack=True))

    assert client.goaways() == [(0, ErrorCodes.NO_ERROR)]
    assert client.is_closed_by_server
    client.leave()


def test_stop_with_a_request(site: Site) -> None:
    """A client that waits for a response is told of the end after it."""
    client = FrameClient(site)
    client.open(1)
    client.frames()
    site.factory.stop(10.0)
    assert not client.frames()

    site.layer.reply.push(OK)

    assert [frame.type for frame in client.frames()] == [1, 0, 0, 6, 7]
    client.put(ping(b"zmqlayer", is_ack=True))
    assert client.goaways() == [(1, ErrorCodes.NO_ERROR)]
    assert client.is_closed_by_server
    client.leave()


def test_stop_of_a_busy_client(site: Site) -> None:
    """What a client asked before it heard of the end is answered; what it asks after, refused."""
    client = FrameClient(site)
    client.open(1)
    site.factory.stop(10.0)
    client.open(3)
    client.put(ping(b"zmqlayer", is_ack=True))
    client.open(5)

    frames = client.frames()
    assert [frame.last_stream_id for frame in frames if frame.type == 7] == [LAST, 3]
    assert [(frame.stream_id, frame.error_code) for frame in frames if frame.type == 3] == [
        (5, ErrorCodes.REFUSED_STREAM)
    ]
    for reply in site.layer.replies:
        reply.push(OK)
    assert client.contents() == {1: b"hello", 3: b"hello"}
    assert client.is_closed_by_server
    assert not site.faults.counts
    client.leave()


def test_stop_of_a_client_that_does_not_answer(site: Site) -> None:
    """A client that does not answer our ping is closed after a moment."""
    client = FrameClient(site)
    site.factory.stop(10.0)

    site.clock.advance(1.0)

    assert client.is_closed_by_server
    client.leave()


def test_idle(make_site: SiteMaker) -> None:
    """A connection without requests ends in order after a while; pings do not keep it."""
    site = make_site(keep_alive_timeout_s=30.0)
    client = FrameClient(site)
    client.open(1)
    site.clock.advance(20.0)
    site.layer.reply.push(OK)
    client.frames()
    site.clock.pump([10.0, 10.0])
    client.put(ping())
    assert not client.goaways()

    site.clock.pump([10.0, 1.0])

    assert client.goaways() == [(LAST, ErrorCodes.NO_ERROR), (1, ErrorCodes.NO_ERROR)]
    assert client.is_closed_by_server


def test_a_long_response_is_not_idle(make_site: SiteMaker) -> None:
    """A request that is not answered yet, or a response that flows now and then, keeps its connection."""
    site = make_site(keep_alive_timeout_s=30.0)
    client = FrameClient(site)
    client.open(1)
    site.layer.reply.push({"status": 200, "more_content": True})

    site.clock.pump([50.0] * 100)

    assert not client.is_closed_by_server
    site.layer.reply.push({"content": b"late", "more_content": False})
    assert client.contents() == {1: b"late"}


@pytest.mark.parametrize(
    "begun", [PREFACE[:5], PREFACE, PREFACE + setting().serialize() + raw(1, 1, b"\x82"), b"\0\0\x08\x06"]
)
def test_slow_heads(make_site: SiteMaker, begun: bytes) -> None:
    """What is begun and not finished, be it a preface, a head or a frame, ends the connection."""
    site = make_site(header_timeout_s=5.0)
    client = FrameClient(site, greets=not begun.startswith(b"PRI"))
    client.send(begun)

    site.clock.advance(5.0)

    assert client.goaways() == [(0, CALM)]
    assert site.faults.counts == {"slow headers": 1}


def test_slow_heads_that_move(make_site: SiteMaker) -> None:
    """A byte now and then does not help."""
    site = make_site(header_timeout_s=5.0)
    client = FrameClient(site)

    for byte in raw(1, 1, bytes(10)):
        client.send(bytes([byte]))
        site.clock.advance(1.0)

    assert client.goaways() == [(0, CALM)]


def test_slow_body(make_site: SiteMaker) -> None:
    """A body that does not come is refused with 408; other requests go on."""
    site = make_site(body_timeout_s=20.0)
    client = Http2Client(site)
    slow, other = client.open(POST, ends=False), client.open()
    site.layer.take()

    site.clock.advance(20.0)
    client.talk()

    response = client.responses[slow]
    assert (response.status, response.is_complete, response.reset) == (408, True, ErrorCodes.NO_ERROR)
    assert site.faults.counts == {"slow body": 1}
    site.layer.reply.push(OK)
    client.talk()
    assert client.responses[other].is_complete


def test_a_body_a_byte_at_a_time(make_site: SiteMaker) -> None:
    """A body below the least rate is refused, though it never stands still."""
    site = make_site(body_timeout_s=20.0, body_min_rate=500)
    client = Http2Client(site)
    stream_id = client.open(POST, ends=False)

    for _ in range(20):
        client.send_body(stream_id, bytes(400))
        site.clock.advance(1.0)
    client.talk()

    assert client.responses[stream_id].status == 408


def test_a_slow_frame_of_a_body(make_site: SiteMaker) -> None:
    """A body moves as its bytes come, though their frame is not complete for long."""
    site = make_site(body_timeout_s=20.0, body_min_rate=500, header_timeout_s=5.0)
    client = FrameClient(site)
    client.open(1, POST, ends=False)
    frame = data(1, bytes(16_000), ends=True).serialize()

    for start in range(0, len(frame), 600):
        client.send(frame[start : start + 600])
        site.clock.advance(1.0)

    assert site.layer.take_one("http.request")["body"] == bytes(16_000)
    assert not site.faults.counts


def test_a_body_that_we_pause_has_time(make_site: SiteMaker) -> None:
    """While the body is paused its client is not slow."""
    site = make_site(body_timeout_s=20.0)
    client = Http2Client(site)
    _, channel = client.hold_body(site)
    site.clock.advance(100.0)
    site.layer.make_room(channel)
    site.clock.advance(19.0)
    assert not site.faults.counts

    site.clock.advance(1.0)

    assert site.faults.counts == {"slow body": 1}


def test_a_window_that_stays_closed(make_site: SiteMaker) -> None:
    """A client that does not open its window for a response loses that; other requests go on."""
    site = make_site(write_timeout_s=60.0)
    client = FrameClient(site)
    client.put(setting(INITIAL_WINDOW_SIZE=0))
    client.open(1)
    client.open(3)
    site.layer.replies[0].push(OK)

    site.clock.advance(60.0)

    assert client.resets() == [(1, CALM)]
    assert site.layer.replies[0].is_closed
    assert site.faults.counts == {"slow reader": 1}
    client.put(setting(INITIAL_WINDOW_SIZE=100))
    site.layer.replies[1].push(OK)
    assert client.contents() == {3: b"hello"}


def test_a_window_that_opens_by_bytes(make_site: SiteMaker) -> None:
    """A window that opens for a byte now and then is as good as closed (CVE-2019-9511)."""
    site = make_site(write_timeout_s=60.0)
    client = FrameClient(site)
    client.put(setting(INITIAL_WINDOW_SIZE=0))
    client.open(1)
    site.layer.reply.push({**OK, "content": bytes(5_000)})

    for _ in range(6):
        client.put(window(1, 1))
        site.clock.advance(10.0)

    assert client.contents() == {1: bytes(6)}
    assert site.faults.counts == {"slow reader": 1}


def test_a_transport_that_stays_slow(make_site: SiteMaker) -> None:
    """A client that takes nothing at all is cut off."""
    site = make_site(write_timeout_s=60.0)
    client = FrameClient(site)
    client.open(1)
    client.set_slow()

    site.clock.advance(60.0)

    assert client.transport.is_aborted
    assert site.faults.counts == {"slow reader": 1}


def test_rapid_reset(site: Site) -> None:
    """Streams that are opened and reset without end end the connection (CVE-2023-44487); few do not."""
    client = FrameClient(site)

    for stream_id in range(1, 403, 2):
        client.put(client.head(stream_id), reset(stream_id))

    assert client.goaways() == [(201, CALM)]
    assert site.faults.counts == {"HTTP/2 streams reset": 1}
    assert len(site.layer.take()) <= 300
    assert all(reply.is_closed for reply in site.layer.replies)


def test_resets_that_we_are_made_to_send(site: Site) -> None:
    """Streams that a client makes us reset count as if it had reset them itself (CVE-2025-8671)."""
    client = FrameClient(site)

    for stream_id in range(1, 403, 2):
        client.put(client.head(stream_id), window(stream_id, LAST))

    assert client.goaways()[0][1] is CALM


@pytest.mark.parametrize(
    "idle", [ping(), setting(INITIAL_WINDOW_SIZE=5), PriorityFrame(1), data(1), window(0, 1), reset(3), raw(0xFA, 0)]
)
def test_floods(site: Site, idle: Frame | bytes) -> None:
    """Frames that carry nothing end the connection when they come without end (CVE-2019-9512 and others)."""
    client = FrameClient(site)
    client.open(1, POST, ends=False)
    client.open(3, ends=False)
    client.put(reset(3))
    flood = (idle if isinstance(idle, bytes) else idle.serialize()) * 1_001

    client.send(flood)

    assert client.goaways() == [(3, CALM)]
    assert site.faults.counts == {"HTTP/2 frames without use": 1}


def test_answers_that_are_not_read(site: Site) -> None:
    """Short answers are not kept for a client that reads none."""
    site.layer.fill("http.request")
    client = FrameClient(site)
    client.set_slow()

    for stream_id in range(1, 8_001, 2):
        client.open(stream_id, fields_of("HEAD"))

    assert client.transport.is_aborted
    assert len(client.transport.value()) < 70_000
    assert site.faults.counts == {"HTTP/2 answers left unread": 1}


def test_a_head_bomb(site: Site) -> None:
    """A few bytes that stand for a head of megabytes end the connection while they are read (CVE-2016-6581)."""
    client = FrameClient(site)
    planted = client.encoder.encode([(b"x", 4_000 * b"y")], huffman=False)
    client.send(raw(1, 1, client.encoder.encode(GET) + planted + 1_000 * b"\xbe", 0x5))

    assert client.goaways()[0][1] is CALM
    assert not site.layer.take()


def test_the_table_of_fields_stays_small(site: Site) -> None:
    """A client cannot have us remember more of the fields that we send than a few kilobytes."""
    client = FrameClient(site)

    for size in (2**32 - 1, 100, 50, 2**32 - 1, 60, 65_536):
        client.put(setting(HEADER_TABLE_SIZE=size))
    client.open(1)
    site.layer.reply.push({**OK, "headers": [[b"x", 1_000 * b"y"]]})

    head = next(frame for frame in client.frames() if frame.type == 1)
    assert head.data.startswith(b"\x3f\x13\x3f\xe1\x1f"), "the least size, 50, and then the last, 4,096"
    assert client.decode(head)[0] == (b":status", b"200")


def test_what_follows_the_end_is_thrown_away(site: Site) -> None:
    """A client whose connection was broken off may send on for a moment; then it is read no more."""
    client = FrameClient(site)
    client.send(raw(0, 0, b"x"))
    client.frames()

    for _ in range(3):
        client.send(bytes(600_000))

    assert not client.frames()
    assert client.transport.producerState == "paused"


def test_time_to_read_why(site: Site) -> None:
    """A client whose connection is broken off has its time, whatever else was due."""
    client = FrameClient(site)
    client.open(1, POST, ends=False)
    site.clock.advance(19.0)
    client.send(raw(0, 0, b"x"))

    site.clock.advance(1.0)
    assert not client.is_closed_by_server

    site.clock.advance(1.0)
    assert client.is_closed_by_server


def test_a_push_of_a_client(site: Site) -> None:
    """Clients may not push (RFC 9113, 8.4)."""
    client = FrameClient(site)
    client.open(1, POST, ends=False)

    client.put(PushPromiseFrame(1, 2, client.encoder.encode(GET), flags=["END_HEADERS"]))

    assert client.goaways() == [(1, PROTOCOL)]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.builds(
                raw, st.integers(0, 11), st.sampled_from([0, 1, 2, 3, 5]), st.binary(max_size=20), st.integers(0, 255)
            ),
            st.sampled_from([1, 3, 5]).map(lambda stream_id: raw(1, stream_id, b"\x82\x87\x84\x41\x01a", 0x4)),
        ),
        max_size=12,
    )
)
def test_any_frames(sent: list[bytes]) -> None:
    """Whatever frames come, the server keeps its own rules, forgets nothing, and logs no bug."""
    site = Site(ServerOptions())
    client = FrameClient(site)

    for frame in sent:
        client.send(frame)
    client.frames()

    site.close()


STREAMS = st.sampled_from([1, 3, 5, 7])
COURSE = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.booleans()),
        st.tuples(st.just("bad"), st.booleans()),
        st.tuples(st.just("body"), STREAMS, st.booleans(), st.sampled_from([0, 1, 9_000])),
        st.tuples(st.just("trailers"), STREAMS),
        st.tuples(st.just("reset"), STREAMS),
        st.tuples(st.just("window"), st.sampled_from([0, 1, 3, 5, 7]), st.sampled_from([1, 50_000, LAST])),
        st.tuples(st.just("settings"), st.sampled_from([0, 1, 70_000])),
        st.tuples(st.just("goaway")),
        st.tuples(st.just("pong")),
        st.tuples(st.just("slow")),
        st.tuples(st.just("fast")),
        st.tuples(st.just("answer"), st.integers(0, 3), st.sampled_from([0, 5, 90_000]), st.booleans()),
        st.tuples(st.just("break off"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 5.0, 25.0, 70.0, 130.0])),
        st.tuples(st.just("stop")),
    ),
    max_size=25,
)


class Course:
    """A client and workers who do anything in any order; each step is a method."""

    def __init__(self) -> None:
        self.site = Site(ServerOptions(max_streams=3))
        self.client = FrameClient(self.site)
        self.stream_ids = itertools.count(1, 2)

    def open(self, ends: bool) -> None:
        self.client.open(next(self.stream_ids), GET if ends else POST, ends=ends)

    def bad(self, ends: bool) -> None:
        self.client.open(next(self.stream_ids), [*GET, (b"te", b"gzip")], ends=ends)

    def body(self, stream_id: int, ends: bool, size: int) -> None:
        self.client.put(data(stream_id, bytes(size), ends=ends))

    def trailers(self, stream_id: int) -> None:
        self.client.open(stream_id, [(b"x", b"y")])

    def reset(self, stream_id: int) -> None:
        self.client.put(reset(stream_id))

    def window(self, stream_id: int, size: int) -> None:
        self.client.put(window(stream_id, size))

    def settings(self, size: int) -> None:
        self.client.put(setting(INITIAL_WINDOW_SIZE=size))

    def goaway(self) -> None:
        self.client.put(GoAwayFrame(0))

    def pong(self) -> None:
        self.client.put(ping(b"zmqlayer", is_ack=True))

    def slow(self) -> None:
        if self.client.transport.producer is not None:
            self.client.set_slow()

    def fast(self) -> None:
        if self.client.transport.producer is not None:
            self.client.set_fast()

    def answer(self, number: int, size: int, more: bool) -> None:
        if number < len(self.site.layer.replies):
            message = {"status": 200, "content": bytes(size), "more_content": more}
            self.site.layer.replies[number].push(message)

    def break_off(self, number: int) -> None:
        if number < len(self.site.layer.replies):
            self.site.layer.replies[number].push({"closed": True})

    def wait(self, seconds: float) -> None:
        self.site.clock.advance(seconds)

    def stop(self) -> None:
        self.client.connection.stop()


@settings(max_examples=150, deadline=None)
@given(COURSE)
def test_any_course(steps: list[tuple[str, ...]]) -> None:
    """Whatever client and workers do, and when, no step fails, and nothing is left of it."""
    course = Course()

    for name, *values in steps:
        getattr(course, name.replace(" ", "_"))(*values)

    for client in course.site.clients:
        client.leave()
    course.site.close()


def test_its_representation(site: Site) -> None:
    """A connection tells how far it is."""
    client = Http2Client(site)
    client.open()

    assert repr(client.connection._codec) == "<Http2 OPEN [1 streams]>"
