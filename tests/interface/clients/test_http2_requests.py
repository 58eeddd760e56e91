"""Requests over HTTP/2 and their responses: bytes on one side, messages on the other."""

from collections.abc import Callable

import pytest
from h2.errors import ErrorCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from support.connections import Site
from support.http2_client import (
    GET,
    POST,
    Field,
    FrameClient,
    Http2Client,
    Response,
    data,
    fields_of,
    reset,
    setting,
    window,
)
from zmqlayer.interface.options import ServerOptions

SiteMaker = Callable[..., Site]

OK = {"status": 200, "headers": [[b"Content-Type", b"text/plain"]], "content": b"hello", "more_content": False}
DATED: list[Field] = [(b"date", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"server", b"zmqlayer")]


def test_request_and_response(site: Site) -> None:
    """A request becomes a message, and a worker's answer the response."""
    client = Http2Client(site)

    stream_id = client.open(fields_of("GET", "/a%20b?c=d", (b"accept", b"*/*")))
    message = site.layer.take_one("http.request")
    site.layer.reply.push(OK)
    client.talk()

    assert message["http_version"] == "2"
    assert (message["method"], message["scheme"]) == ("GET", "https")
    assert (message["path"], message["query_string"]) == ("/a b", b"c=d")
    assert message["headers"] == [[b"host", b"localhost"], [b"accept", b"*/*"]]
    assert client.responses[stream_id] == Response(
        200, [(b"content-type", b"text/plain"), (b"content-length", b"5"), *DATED], b"hello", is_complete=True
    )
    assert site.access_log == ['10.0.0.9 - - [01/Jan/1970:00:00:00 +0000] "GET /a%20b?c=d HTTP/2" 200 5 "-" "-"']


def test_responses_in_any_order(site: Site) -> None:
    """Requests on one connection are answered as their workers are ready."""
    client = Http2Client(site)
    first, second = client.open(), client.open()

    site.layer.replies[1].push({**OK, "content": b"second"})
    site.layer.replies[0].push({**OK, "content": b"first"})
    client.talk()

    assert client.responses[first].content == b"first"
    assert client.responses[second].content == b"second"


def test_body(site: Site) -> None:
    """A body arrives whole, however it is framed."""
    client = Http2Client(site)
    stream_id = client.open(POST, ends=False)

    client.send_body(stream_id, b"one ")
    client.send_body(stream_id, b"two", ends=True)

    assert site.layer.take_one("http.request")["body"] == b"one two"
    site.layer.reply.push(OK)


def test_trailers_are_ignored(site: Site) -> None:
    """Fields after the body do not become headers."""
    client = FrameClient(site)
    client.open(1, POST, ends=False)
    client.put(data(1, b"body"))

    client.open(1, [(b"x-role", b"admin")])

    message = site.layer.take_one("http.request")
    assert message["body"] == b"body"
    assert message["headers"] == [[b"host", b"localhost"]]
    site.layer.reply.push(OK)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 205), ("GET", 304)])
def test_responses_without_content(site: Site, method: str, status: int) -> None:
    """The answer to HEAD, 204, 205 and 304 have no content, whatever the worker sends."""
    client = Http2Client(site)
    stream_id = client.open(fields_of(method))

    site.layer.reply.push({**OK, "status": status})
    client.talk()

    response = client.responses[stream_id]
    assert (response.status, response.content, response.is_complete) == (status, b"", True)


def test_streaming_response(site: Site) -> None:
    """Each piece of a response leaves when it comes."""
    client = Http2Client(site)
    stream_id = client.open()
    contents = []

    for piece in ({"status": 200}, {"content": b"a"}, {"content": b"b"}):
        site.layer.reply.push({**piece, "more_content": True})
        client.talk()
        contents.append(client.responses[stream_id].content)
    site.layer.reply.push({"more_content": False})
    client.talk()

    assert contents == [b"", b"a", b"ab"]
    assert client.responses[stream_id].is_complete


def test_windows_hold_a_response_back(site: Site) -> None:
    """No more is sent than the client's window allows; the reply channel waits meanwhile, and goes on then."""
    client = Http2Client(site)
    client.takes = False
    stream_id = client.open()

    site.layer.reply.push({**OK, "content": bytes(200_000), "more_content": True})
    client.talk()

    assert len(client.responses[stream_id].content) == 65_535
    assert site.layer.reply.is_paused
    client.h2.increment_flow_control_window(1_000_000)
    client.h2.increment_flow_control_window(1_000_000, stream_id)
    client.talk()
    assert len(client.responses[stream_id].content) == 200_000
    assert not site.layer.reply.is_paused
    site.layer.reply.push({"more_content": False})


def test_a_slow_stream_holds_no_other_back(site: Site) -> None:
    """While one stream's window is closed, another is answered."""
    client = FrameClient(site)
    client.put(setting(INITIAL_WINDOW_SIZE=0))
    client.open(1)
    client.open(3)
    client.put(window(3, 100))

    site.layer.replies[0].push({**OK, "content": b"slow"})
    site.layer.replies[1].push({**OK, "content": b"quick"})

    assert client.contents() == {3: b"quick"}
    client.put(window(1, 100))
    assert client.contents() == {1: b"slow"}


def test_fair_turns(site: Site) -> None:
    """Streams that have content take turns of one frame, however much one of them has."""
    client = FrameClient(site)
    client.put(setting(INITIAL_WINDOW_SIZE=0), window(0, 2**30))
    for stream_id in (1, 3, 5):
        client.open(stream_id)
    for reply in site.layer.replies:
        reply.push({**OK, "content": bytes(40_000)})

    client.put(setting(INITIAL_WINDOW_SIZE=2**20))

    assert [frame.stream_id for frame in client.frames() if frame.type == 0] == [1, 3, 5, 1, 3, 5, 1, 3, 5]


def test_a_slow_transport_holds_all_back(site: Site) -> None:
    """While the client takes nothing at all, all reply channels wait, and nothing is written."""
    client = Http2Client(site, INITIAL_WINDOW_SIZE=2**20)
    client.open()
    client.open()

    client.set_slow()
    site.layer.replies[0].push(OK)

    assert [reply.is_paused for reply in site.layer.replies] == [True, True]
    client.set_fast()
    assert [reply.is_paused for reply in site.layer.replies] == [False, False]


def test_a_stream_opened_while_the_transport_is_slow(site: Site) -> None:
    """A request that comes while the client takes nothing is asked, and its answer waits."""
    client = Http2Client(site)
    client.set_slow()

    client.open()

    assert site.layer.take_one("http.request")
    assert site.layer.reply.is_paused
    client.set_fast()
    assert not site.layer.reply.is_paused


@settings(max_examples=30, deadline=None)
@given(
    contents=st.lists(st.integers(0, 70_000), min_size=1, max_size=4),
    first_window=st.integers(0, 70_000),
    steps=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 50_000)), max_size=20),
)
def test_any_windows(contents: list[int], first_window: int, steps: list[tuple[int, int]]) -> None:
    """However a client opens its windows, no more is sent than they allow, and all of it in the end."""
    site = Site(ServerOptions())
    client = Http2Client(site, INITIAL_WINDOW_SIZE=first_window)
    client.takes = False
    streams = [client.open() for _ in contents]
    for number, size in enumerate(contents):
        site.layer.replies[number].push({**OK, "content": bytes([number]) * size})
    for number, size in steps:
        stream_id = streams[number] if number < len(streams) else None
        if stream_id is None or not client.responses[stream_id].is_complete:
            client.h2.increment_flow_control_window(size, stream_id)
            client.talk()

    for stream_id in streams:
        if not client.responses[stream_id].is_complete:
            client.h2.increment_flow_control_window(70_000, stream_id)
    client.h2.increment_flow_control_window(300_000)
    client.talk()

    for number, size in enumerate(contents):
        response = client.responses[streams[number]]
        assert (response.content, response.is_complete) == (bytes([number]) * size, True)
    site.close()


def test_reset_by_the_client(site: Site) -> None:
    """A stream that the client gives up is abandoned at once; the others go on."""
    client = Http2Client(site)
    given_up, kept = client.open(), client.open()
    site.layer.take()

    client.reset(given_up)
    site.layer.replies[1].push(OK)
    client.talk()

    assert site.layer.replies[0].is_closed
    assert [channel for channel, _ in site.layer.take()] == ["http.disconnect"]
    assert client.responses[kept].is_complete


def test_a_response_that_breaks_off(site: Site) -> None:
    """A response that the worker does not finish is reset, so that nobody takes it for complete."""
    client = Http2Client(site)
    stream_id = client.open()
    site.layer.reply.push({**OK, "more_content": True})

    site.layer.reply.push({"closed": True})
    client.talk()

    assert client.responses[stream_id].reset is ErrorCodes.INTERNAL_ERROR
    assert not client.is_closed_by_server


def test_an_early_response(site: Site) -> None:
    """A response that is complete before its request tells the client to send no more (RFC 9113, 8.1)."""
    client = Http2Client(site)
    stream_id, _ = client.hold_body(site)

    site.layer.reply.push({**OK, "status": 403})
    client.talk()

    response = client.responses[stream_id]
    assert (response.status, response.is_complete, response.reset) == (403, True, ErrorCodes.NO_ERROR)


def test_the_rest_of_a_body_that_is_not_wanted(site: Site) -> None:
    """What a client sends before it knows that it need not is taken, and is nobody's."""
    client = FrameClient(site)
    client.open(1, [*POST, (b"expect", b"more")], ends=False)
    assert [fields[0] for _, fields in client.heads()] == [(b":status", b"417")]

    client.put(data(1, bytes(10_000)), data(1, bytes(10_000), ends=True))
    client.open(3)

    assert [channel for channel, _ in site.layer.take()] == ["http.request"]


@pytest.mark.parametrize(
    "extra", [[(b"Accept", b"*/*")], [(b"connection", b"close")], [(b"te", b"gzip")], [(b":path", b"/")]]
)
@pytest.mark.parametrize("ends", [True, False])
def test_malformed(site: Site, extra: list[Field], ends: bool) -> None:
    """A malformed request is answered with 400 and reset; the connection goes on (RFC 9113, 8.1.1)."""
    client = FrameClient(site)
    client.open(1, [*GET, *extra], ends=ends)

    frames = client.frames()
    client.open(3)

    assert [frame.error_code for frame in frames if frame.type == 3] == [ErrorCodes.PROTOCOL_ERROR]
    assert frames[-1].type == 3, "the answer comes before the reset"
    assert [client.decode(frame)[0] for frame in frames if frame.type == 1] == [(b":status", b"400")]
    assert site.faults.counts == {"malformed head": 1}
    assert site.layer.take_one("http.request")


@pytest.mark.parametrize(
    ("length", "pieces"),
    [(b"3", [b"four"]), (b"3", [b"tw", b"o!"]), (b"3", [b"two", b"."]), (b"3", [b"2"]), (b"1", [b""])],
)
def test_a_body_of_another_length(site: Site, length: bytes, pieces: list[bytes]) -> None:
    """A body that does not keep to its Content-Length is malformed (RFC 9113, 8.1.1)."""
    client = FrameClient(site)
    client.open(1, [*POST, (b"content-length", length)], ends=False)

    client.put(*(data(1, piece) for piece in pieces[:-1]), data(1, pieces[-1], ends=True))

    assert client.resets() == [(1, ErrorCodes.PROTOCOL_ERROR)]
    assert not site.layer.take()
    assert site.faults.counts == {"malformed body": 1}


def test_no_body_where_one_was_announced(site: Site) -> None:
    """A head that ends its stream and announces a body is malformed."""
    client = FrameClient(site)

    client.open(1, [*POST, (b"content-length", b"3")])

    assert client.resets() == [(1, ErrorCodes.PROTOCOL_ERROR)]
    assert not site.layer.take()


@pytest.mark.parametrize("trailer", [(b":path", b"/"), (b"X-Upper", b"case"), (b"connection", b"close")])
def test_malformed_trailers(site: Site, trailer: Field) -> None:
    """Trailers are held to the rules for fields."""
    client = FrameClient(site)
    client.open(1, POST, ends=False)
    client.put(data(1, b"body"))

    client.open(1, [trailer])

    assert client.resets() == [(1, ErrorCodes.PROTOCOL_ERROR)]
    assert not site.layer.take()


def test_no_tunnels(site: Site) -> None:
    """CONNECT is refused, and so is a WebSocket over HTTP/2, which is not offered (RFC 8441)."""
    client = FrameClient(site)
    client.open(1, [(b":method", b"CONNECT"), GET[3]], ends=False)
    client.open(3, [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:]], ends=False)

    frames = client.frames()

    assert [client.decode(frame)[0][1] for frame in frames if frame.type == 1] == [b"501", b"400"]
    offered = [frame.settings.get(8, 0) for frame in frames if frame.type == 4 and not frame.flags]
    assert offered == [0]


def test_limits_of_a_head(make_site: SiteMaker) -> None:
    """A head over a limit is answered as HTTP/1's is, and the connection goes on."""
    site = make_site(max_header_size=2_000, max_headers=10, max_url_size=100)
    client = FrameClient(site)
    client.open(1, fields_of("GET", "/" + 100 * "x"))
    client.open(3, fields_of("GET", "/", *[(b"x", b"y")] * 11))
    client.open(5, fields_of("GET", "/", (b"x", 2_000 * b"y")))
    client.open(7)

    assert [fields[0][1] for _, fields in client.heads()] == [b"414", b"431", b"431"]
    assert all('"-" 4' in line for line in site.access_log), "what is too long is too long for the log too"
    assert site.layer.take_one("http.request")
    assert site.faults.counts == {"URL too long": 1, "too many headers": 1, "headers too large": 1}


def test_too_many_streams(make_site: SiteMaker) -> None:
    """A stream too many is refused by itself, so that the client may ask again (RFC 9113, 5.1.2 and 8.7)."""
    site = make_site(max_streams=2)
    client = FrameClient(site)
    for stream_id in (1, 3, 5):
        client.open(stream_id)
    assert client.resets() == [(5, ErrorCodes.REFUSED_STREAM)]

    site.layer.replies[0].push(OK)
    client.open(7)

    assert len(site.layer.take()) == 3
    assert site.faults.counts == {"too many HTTP/2 streams": 1}


def test_invitation_of_a_body(site: Site) -> None:
    """A client that waits for 100 is invited."""
    client = Http2Client(site)
    stream_id = client.open([*POST, (b"expect", b"100-continue")], ends=False)
    assert client.responses[stream_id].informational == [100]

    client.send_body(stream_id, b"body", ends=True)

    assert site.layer.take_one("http.request")["body"] == b"body"


def test_no_invitation_without_a_body(site: Site) -> None:
    """A request that is complete needs no invitation."""
    client = Http2Client(site)

    stream_id = client.open([*GET, (b"expect", b"100-continue")])

    assert client.responses[stream_id].informational == []


@settings(max_examples=30, deadline=None)
@given(
    body=st.binary(max_size=300),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=10),
    segment=st.integers(1, 200),
    padding=st.integers(0, 20),
)
def test_any_framing_of_a_body(body: bytes, cuts: list[int], segment: int, padding: int) -> None:
    """However a body is cut into frames, padded and sent, it arrives as it was."""
    site = Site(ServerOptions())
    client = FrameClient(site)
    frames = [client.head(1, [*POST, (b"content-length", b"%d" % len(body))], ends=False)]
    at = 0
    while at < len(body):
        piece = data(1, body[at : at + cuts[len(frames) % len(cuts)]])
        at += len(piece.data)
        piece.flags.add("PADDED")
        piece.pad_length = padding
        frames.append(piece)
    sent = b"".join(frame.serialize() for frame in (*frames, data(1, ends=True)))

    for start in range(0, len(sent), segment):
        client.send(sent[start : start + segment])

    assert site.layer.take_one("http.request")["body"] == body
    site.close()


def test_resets_of_what_is_over(site: Site) -> None:
    """A reset that crosses the end of a response does nothing."""
    client = FrameClient(site)
    client.open(1)
    site.layer.reply.push(OK)

    client.put(reset(1), window(1, 10))
    client.open(3)

    assert len(site.layer.take()) == 2
    assert not client.goaways()


def test_a_refused_head_request_gets_no_content(make_site: SiteMaker) -> None:
    """Clients take content for a breach of the protocol, and end the connection (RFC 9110, 9.3.2)."""
    site = make_site(max_header_size=2_000, max_headers=10, max_url_size=100)
    client = Http2Client(site)
    wrong = [
        fields_of("HEAD", "/%zz"),
        fields_of("HEAD", "/", (b"expect", b"more")),
        fields_of("HEAD", "/" + 100 * "x"),
        fields_of("HEAD", "/", *[(b"x", b"y")] * 11),
        fields_of("HEAD", "/", (b"x", 2_000 * b"y")),
    ]

    stream_ids = [client.open(fields) for fields in wrong]
    client.talk()

    responses = [client.responses[stream_id] for stream_id in stream_ids]
    assert [(response.status, response.content) for response in responses] == [
        (400, b""),
        (417, b""),
        (414, b""),
        (431, b""),
        (431, b""),
    ]
