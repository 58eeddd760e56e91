"""HTTP/1 on one connection: what is kept, what is answered, and what happens to clients that do not keep to it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.connections import Client, Site, get, post, split_response, upgrade
from zmqlayer.interface.clients.http1 import LINGER_S, LINGER_SIZE, LOOK_S, SILENCE_S

SiteMaker = Callable[..., Site]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = get("/", b"Transfer-Encoding: chunked", method="POST")
HEADERS = st.dictionaries(
    st.from_regex(r"x-[a-z0-9]{1,10}", fullmatch=True),
    st.from_regex(r"([!-~]([ -~]{0,20}[!-~])?)?", fullmatch=True),
    max_size=5,
)


def answer(site: Site, content: bytes = b"") -> None:
    """Let a worker answer the request that came last."""
    site.layer.reply.push({"status": 200, "content": content, "headers": [[b"Content-Length", b"%d" % len(content)]]})


def fields_of(data: bytes) -> dict[bytes, bytes]:
    """Return the headers of the response in *data*, with names in lower case."""
    return {name.lower(): value for name, value in split_response(data)[1]}


def send_in_pieces(client: Client, data: bytes, cuts: list[int]) -> None:
    """Let *data* arrive in segments."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        if start < end:
            client.send(data[start:end])


# What is in order.


@given(
    path=st.text(st.characters(categories=["L", "N"]), max_size=10),
    headers=HEADERS,
    body=st.binary(max_size=300),
    is_chunked=st.booleans(),
    cuts=st.lists(st.integers(0, 800), max_size=8),
)
def test_requests_mean_the_same_however_they_are_cut(
    path: str, headers: dict[str, str], body: bytes, is_chunked: bool, cuts: list[int]
) -> None:
    """Two on one connection, in any segments: path, headers and body arrive as they were."""
    site = Site()
    target = "/" + "".join(f"%{byte:02x}" for byte in path.encode())
    lines = [f"{name}: {value}".encode() for name, value in headers.items()]
    framed = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    one = (
        get(target, b"Transfer-Encoding: chunked", *lines, method="POST") + framed
        if is_chunked
        else post(body, target, *lines)
    )

    client = site.connect()
    send_in_pieces(client, one + one, cuts)

    for _ in range(2):
        message = site.layer.take_one("http.request")
        assert (message["path"], message["body"]) == ("/" + path, body)
        assert dict(message["headers"][2:]) == {name.encode(): value.encode() for name, value in headers.items()}
        answer(site)
    assert client.read().count(b"HTTP/1.1 200 OK") == 2
    site.close()


@given(st.lists(st.binary(max_size=100) | st.sampled_from([get(), CHUNKED, post(b"abc"), b"0\r\n\r\n"]), max_size=6))
def test_any_bytes_end_in_an_answer_or_a_close(pieces: list[bytes]) -> None:
    """Nothing a client sends raises out of the protocol, and nothing makes it wait for ever."""
    site = Site()
    site.layer.fill("http.request")

    client = site.connect()
    for piece in pieces:
        if piece:
            client.send(piece)
    site.clock.pump([10.0] * 20)

    assert client.is_closed_by_server
    site.close()


@pytest.mark.parametrize(
    ("data", "is_kept", "connection"),
    [
        (get(), True, None),
        (get("/", b"Connection: close"), False, b"close"),
        (get("/", b"Connection: x, Close"), False, b"close"),
        (get(version="1.0"), False, b"close"),
        (get("/", b"Connection: Keep-Alive", version="1.0"), True, b"keep-alive"),
    ],
)
def test_a_connection_is_kept_as_the_client_asks(
    site: Site, data: bytes, is_kept: bool, connection: bytes | None
) -> None:
    """RFC 9112, 9.3."""
    client = site.request(data)

    answer(site)

    assert client.is_closed_by_server is not is_kept
    assert fields_of(client.read()).get(b"connection") == connection


def test_http_1_0_is_not_kept_without_a_length(site: Site) -> None:
    """Only closing tells the end."""
    client = site.request(get("/", b"Connection: keep-alive", version="1.0"))

    site.layer.reply.push({"status": 200, "content": b"abc", "more_content": True}, {})

    assert client.is_closed_by_server
    assert b"transfer-encoding" not in fields_of(client.read())


def test_what_a_client_sends_ahead_waits(site: Site) -> None:
    """One segment of it; then the client does."""
    client = site.request(get("/1"))
    assert client.transport.producerState == "producing"

    client.send(get("/2"))
    assert client.transport.producerState == "paused"
    site.layer.take_one("http.request")

    answer(site)
    assert site.layer.take_one("http.request")["path"] == "/2"
    assert client.transport.producerState == "producing"


def test_a_body_is_invited_where_the_client_waits(site: Site) -> None:
    """Once, and not if it came without."""
    client = site.request(get("/", b"Content-Length: 3", b"Expect: 100-continue", method="PUT"))
    assert client.read() == CONTINUE

    client.send(b"abc")

    assert site.layer.take_one("http.request")["body"] == b"abc"
    assert client.read() == b""


@pytest.mark.parametrize("data", [get("/", b"Expect: 100-continue"), get("/", b"Expect: 100-continue", version="1.0")])
def test_without_a_body_nothing_is_invited(site: Site, data: bytes) -> None:
    """RFC 9110, 10.1.1."""
    client = site.request(data)

    answer(site)

    assert client.read().startswith(b"HTTP/1.1 200 ")


def test_other_expectations_are_a_417(site: Site) -> None:
    """RFC 9110, 10.1.1."""
    assert split_response(site.request(get("/", b"Expect: the best")).read())[0] == 417


def test_trailers_never_become_headers(site: Site) -> None:
    """They come too late to be checked by whoever checks headers."""
    site.request(CHUNKED + b"1\r\na\r\n0\r\nX-User: root\r\n\r\n")

    message = site.layer.take_one("http.request")
    assert message["body"] == b"a"
    assert b"x-user" not in dict(message["headers"])


def test_an_upgrade_to_something_else_is_ignored(site: Site) -> None:
    """curl asks for h2c; the body is a body all the same."""
    lines = b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"
    client = site.request(post(get("/smuggled"), "/", *lines))

    assert site.layer.take_one("http.request")["body"] == get("/smuggled")
    answer(site)
    assert site.layer.take() == []
    assert not client.is_closed_by_server


@pytest.mark.parametrize(("target", "path"), [("*", "*"), ("http://localhost/a?b", "/a")])
def test_rare_targets(site: Site, target: str, path: str) -> None:
    """RFC 9112, 3.2."""
    site.request(get(target, method="OPTIONS"))

    assert site.layer.take_one("http.request")["path"] == path


def test_connect_is_refused(site: Site) -> None:
    """This is no proxy."""
    client = site.request(b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")

    assert split_response(client.read())[0] == 501
    assert client.is_closed_by_server


@pytest.mark.parametrize("data", [get(), get("/%ff"), b"\x00"])
def test_every_response_has_a_date_and_the_servers_name(make_site: SiteMaker, data: bytes) -> None:
    """Error pages too; the name is the operator's choice."""
    named, unnamed = make_site(server_name="shop"), make_site(server_name="")
    for site in (named, unnamed):
        site.layer.fill("http.request")

    fields = fields_of(named.request(data).read())

    assert fields[b"date"] == b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert fields[b"server"] == b"shop"
    assert b"server" not in fields_of(unnamed.request(data).read())


def test_an_early_answer_ends_the_connection(make_site: SiteMaker) -> None:
    """It says so; the rest of the body is thrown away for a while, and is no request."""
    site = make_site(body_inline_size=10)
    client = site.request(get("/", b"Content-Length: 999999999999999999", method="PUT") + bytes(20))
    answer(site)
    assert fields_of(client.read())[b"connection"] == b"close"

    client.send(get() * 3)
    assert not client.is_closed_by_server
    site.clock.advance(LINGER_S)
    assert client.is_closed_by_server


def test_the_rest_of_an_answered_request_is_bounded(make_site: SiteMaker) -> None:
    """After some bytes the client waits for the time to be over."""
    site = make_site(max_body_size=10)
    client = site.request(get("/", b"Content-Length: 11", method="PUT"))

    client.send(bytes(LINGER_SIZE))
    assert client.transport.producerState == "producing"
    client.send(b"a")
    assert client.transport.producerState == "paused"


# Clients that do not keep to it.


def test_an_idle_connection_is_closed_in_silence(site: Site) -> None:
    """A page would be taken for the answer to the next request."""
    client = site.request(get())
    answer(site)
    client.read()

    site.clock.advance(60)

    assert (client.read(), client.is_closed_by_server) == (b"", True)
    assert not site.faults.counts


@pytest.mark.parametrize("data", [get()[:-1], b"\r\nG", b"G"])
def test_a_slow_head_is_a_408(site: Site, data: bytes) -> None:
    """From its first byte on."""
    client = site.request(data)

    site.clock.advance(20)

    assert split_response(client.read())[0] == 408
    assert client.is_closed_by_server
    assert site.faults.counts == {"slow headers": 1}


def test_a_body_without_a_byte_is_a_408(site: Site) -> None:
    """No worker hears of it."""
    client = site.request(post(b"abc")[:-1])

    site.clock.advance(20)

    assert split_response(client.read())[0] == 408
    assert client.is_closed_by_server
    assert site.faults.counts == {"slow body": 1}
    assert site.layer.take() == []


@pytest.mark.parametrize(("rate", "status"), [(490, 408), (600, 200)])
def test_a_body_has_a_least_rate(site: Site, rate: int, status: int) -> None:
    """A byte now and then does not keep a connection."""
    client = site.request(get("/", b"Content-Length: %d" % (40 * rate), method="PUT"))

    for _ in range(40):
        site.clock.advance(1)
        client.send(bytes(rate))
    if status == 200:
        answer(site)

    assert split_response(client.read())[0] == status


def test_a_client_that_waits_for_100_is_not_slow(site: Site) -> None:
    """Its time begins when it is invited; the exchange does that at once."""
    client = site.request(get("/", b"Content-Length: 3", b"Expect: 100-continue", method="PUT"))

    site.clock.advance(19)
    assert client.read() == CONTINUE
    site.clock.advance(1)

    assert split_response(client.read())[0] == 408


@pytest.mark.parametrize(
    "data",
    [
        get("/", b"Content-Length: 11", method="PUT"),
        get("/", b"Transfer-Encoding: chunked", method="PUT") + b"b\r\n" + bytes(11),
    ],
)
def test_a_body_over_the_limit_is_a_413(make_site: SiteMaker, data: bytes) -> None:
    """Announced or not."""
    site = make_site(max_body_size=10)

    client = site.request(data)

    status, _, content = split_response(client.read())
    assert (status, b"10 bytes" in content) == (413, True)
    assert site.faults.counts == {"long body": 1}
    assert site.layer.take() == []


@pytest.mark.parametrize("data", [get("/", b"Host: x"), upgrade()])
def test_other_hosts_are_a_400(make_site: SiteMaker, data: bytes) -> None:
    """For requests and WebSockets."""
    site = make_site(allowed_hosts=("example.com",))

    client = site.request(data)

    assert split_response(client.read())[0] == 400
    assert client.is_closed_by_server
    assert site.layer.take() == []


def test_an_allowed_host_is_served(make_site: SiteMaker) -> None:
    """The target's authority counts where there is one."""
    site = make_site(allowed_hosts=("example.com",))

    site.request(get("http://EXAMPLE.com:80/"))
    site.layer.take_one("http.request")

    site.request(get())
    assert site.faults.counts == {"unknown host": 1}


def test_many_tiny_requests_are_answered_one_by_one(site: Site) -> None:
    """However many a segment holds, one is known to the mesh at a time."""
    client = site.request(get() * 500)

    for _ in range(500):
        site.layer.take_one("http.request")
        answer(site)

    assert client.read().count(b"HTTP/1.1 200 OK") == 500


def test_other_clients_notice_nothing(site: Site) -> None:
    """One is refused, the other served."""
    good = site.request(get())

    site.request(b"\x00")

    answer(site)
    assert split_response(good.read())[0] == 200
    assert site.faults.counts == {"malformed head": 1}


def test_faults_are_logged_without_what_the_client_sent(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Address and kind will do."""
    site.request(get("/secret%ff", b"Cookie: secret"))

    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["refused a client at 10.0.0.9"]
    assert "secret" not in caplog.text


# Half-closed sockets.


def test_a_client_that_ended_gets_its_answer(site: Site) -> None:
    """It has said all that it has to say; what it sent ahead is answered too."""
    client = site.request(get("/1") + get("/2"))
    client.end()

    answer(site, b"1")
    answer(site, b"2")

    assert client.read().count(b"HTTP/1.1 200 OK") == 2
    assert client.is_closed_by_server


def test_a_client_that_ended_is_probed(site: Site) -> None:
    """A client that is gone answers with a reset, and only that tells it from one that still reads."""
    client = site.request(get())

    client.end()
    assert client.read() == CONTINUE
    site.clock.advance(0.25)
    assert client.read() == CONTINUE
    site.clock.pump([1.0] * 100)
    assert client.read() == 4 * CONTINUE


def test_http_1_0_is_not_probed(site: Site) -> None:
    """It does not know informational responses."""
    client = site.request(get(version="1.0"))

    client.end()

    assert client.read() == b""
    answer(site)
    assert split_response(client.read())[0] == 200


def test_a_response_that_has_begun_is_not_probed(site: Site) -> None:
    """Its own bytes are probe enough."""
    client = site.request(get())
    site.layer.reply.push({"status": 200, "more_content": True})
    client.read()

    client.end()

    assert client.read() == b""


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_ended_and_cannot_be_probed_is_given_up(site: Site, version: str) -> None:
    """Most that end are gone; nothing was sent to it, or taken by it, for as long as one that is there may wait."""
    client = site.request(get(version=version))
    if version == "1.1":
        site.layer.reply.push({"status": 200, "content": b"1", "more_content": True})
    site.layer.take()

    client.end()
    site.clock.pump([1.0] * int(SILENCE_S - 1))
    assert not client.transport.is_aborted
    site.clock.pump([1.0] * 2)
    assert client.transport.is_aborted

    client.leave()
    assert [channel for channel, _ in site.layer.take()] == ["http.disconnect"]


def test_a_client_that_ended_gets_a_response_that_goes_on(site: Site) -> None:
    """Each piece shows that it is worth waiting; so does each that is taken of what it got before."""
    client = site.request(get())
    client.end()
    site.clock.pump([1.0] * 100)
    site.layer.reply.push({"status": 200, "content": b"", "more_content": True})

    for _ in range(10):
        site.clock.pump([1.0] * 14)
        site.layer.reply.push({"content": b"1", "more_content": True})
    for left in range(100, 0, -10):
        client.transport.dataBuffer = bytes(left)
        site.clock.pump([1.0] * 10)
    site.layer.reply.push({"content": b"2"})

    assert split_response(client.read().rpartition(CONTINUE)[2])[2] == 10 * b"1" + b"2"
    assert not client.transport.is_aborted


@pytest.fixture
def link() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end and the client's of a connection whose standing the kernel knows."""
    server, client = socket.socketpair()
    yield server, client
    server.close()
    client.close()


Link = tuple[socket.socket, socket.socket]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_who_closed_a_unix_socket_is_lost_at_once(site: Site, link: Link, version: str) -> None:
    """It cannot be taken for one that still reads."""
    client = site.request(get(version=version))
    client.transport.socket, far_end = link

    far_end.close()
    client.end()

    assert client.transport.is_aborted


@pytest.mark.parametrize("data", [get() + b"G", get() + get(), post(b"a" * 9)[:-1], upgrade() + b"x"])
def test_a_client_that_is_gone_is_seen_while_nothing_is_read(site: Site, link: Link, data: bytes) -> None:
    """What it sent ahead, or a body that waits, does not hide that nobody waits for an answer any more."""
    client = site.request(data)
    client.transport.socket, far_end = link
    if data.startswith(b"POST"):
        client.connection._codec.pause_body()  # as for a worker that is slow
    assert client.transport.producerState == "paused"
    site.clock.pump([0.5] * 6)
    assert not client.transport.is_aborted

    far_end.close()
    site.clock.advance(LOOK_S)

    assert client.transport.is_aborted


def test_a_client_that_ends_while_nothing_is_read_is_probed(site: Site, link: Link) -> None:
    """As one whose end was read; and what it sent ahead is answered if it is there."""
    client = site.request(get("/1") + get("/2"))
    client.transport.socket, far_end = link
    far_end.shutdown(socket.SHUT_WR)

    site.clock.advance(LOOK_S)
    assert client.read() == CONTINUE
    answer(site, b"1")
    client.end()
    answer(site, b"2")

    assert client.read().count(b"HTTP/1.1 200 OK") == 2
    assert not client.transport.is_aborted


def test_a_client_that_ends_while_its_body_waits_is_probed(site: Site, link: Link) -> None:
    """The end stands behind what is not read yet; the body is taken all the same if the client is there."""
    client = site.request(post(b"abc")[:-1])
    client.transport.socket, far_end = link
    client.connection._codec.pause_body()  # as for a worker that is slow
    far_end.shutdown(socket.SHUT_WR)

    site.clock.advance(LOOK_S)
    assert client.read() == CONTINUE
    client.connection._codec.resume_body()
    client.send(b"c")

    assert site.layer.take_one("http.request")["body"] == b"abc"


def test_a_body_that_is_taken_is_a_sign_of_life(site: Site, link: Link) -> None:
    """As for HTTP/1.0, which knows no probes, something that is sent is."""
    client = site.request(get("/", b"Content-Length: 3", method="POST", version="1.0") + b"a")
    client.transport.socket, far_end = link
    far_end.shutdown(socket.SHUT_WR)

    for _ in range(3):
        client.connection._codec.pause_body()
        site.clock.pump([1.0] * int(SILENCE_S - 1))
        client.connection._codec.resume_body()
    assert not client.transport.is_aborted
    client.connection._codec.pause_body()
    site.clock.pump([1.0] * int(SILENCE_S + 1))

    assert client.transport.is_aborted


def test_what_a_client_sent_ahead_before_it_ended_is_probed_for_too(site: Site) -> None:
    """Each request anew: the client may be gone by then."""
    client = site.request(get("/1") + get("/2"))
    client.end()
    site.clock.pump([1.0] * 20)
    answer(site, b"1")
    client.read()

    site.clock.advance(LOOK_S)

    assert client.read() == CONTINUE


def test_a_client_that_ends_while_nothing_is_read_may_be_of_no_use(site: Site, link: Link) -> None:
    """One that wants a WebSocket, and sends frames too early."""
    client = site.request(upgrade() + b"x")
    client.transport.socket, far_end = link
    far_end.shutdown(socket.SHUT_WR)

    site.clock.advance(LOOK_S)

    assert client.transport.is_aborted


def test_a_body_that_ends_too_early_is_a_400(site: Site) -> None:
    """Nothing else can come of it."""
    client = site.request(post(b"abc")[:-1])

    client.end()

    assert split_response(client.read())[0] == 400
    assert client.is_closed_by_server
    assert site.faults.counts == {"body cut short": 1}


@pytest.mark.parametrize("data", [b"", b"GET", get()[:-2]])
def test_a_client_that_ends_without_a_request_is_closed(site: Site, data: bytes) -> None:
    """In silence."""
    client = site.request(data) if data else site.connect()

    client.end()

    assert (client.read(), client.is_closed_by_server) == (b"", True)


def test_a_websocket_is_of_no_use_to_a_client_that_ended(site: Site) -> None:
    """Neither before it is open nor afterwards."""
    opened, asking = site.open_websocket(), site.request(upgrade())

    asking.end()
    opened.end()

    assert asking.is_closed_by_server
    assert opened.is_closed_by_server


# The server stops.


def test_stopping_announces_the_end(site: Site) -> None:
    """A response that has not begun says that it is the last."""
    client = site.request(get())

    site.factory.stop(10.0)
    answer(site)

    assert fields_of(client.read())[b"connection"] == b"close"
    assert client.is_closed_by_server


def test_stopping_lets_a_request_arrive(site: Site) -> None:
    """It was begun before."""
    client = site.request(post(b"abc")[:-1])

    site.factory.stop(10.0)
    client.send(b"c")
    answer(site)

    assert split_response(client.read())[0] == 200
    assert client.is_closed_by_server


@pytest.mark.parametrize(
    "data",
    [
        get("/%zz", method="HEAD"),
        b"\r\n" + get("/" + 9_000 * "x", method="HEAD"),
        get("/", b"X: " + 40_000 * b"x", method="HEAD"),
        get("/", *100 * [b"X: y"], method="HEAD"),
        get("/", b"Expect: the best", method="HEAD"),
        get(method="HEAD")[:-2],
    ],
)
def test_a_refused_head_request_gets_no_content(site: Site, data: bytes) -> None:
    """However early it is refused (RFC 9110, 9.3.2)."""
    client = site.request(data)
    site.clock.advance(20)

    status, fields, content = split_response(client.read())
    assert (status // 100, content) == (4, b"")
    assert dict(fields)[b"Content-Length"] != b"0"


@pytest.mark.parametrize("blank", [[b"\r\n"], [b"\r", b"\n"], [b"\r\n", b"\r\n\r"]])
def test_a_blank_line_behind_a_body_begins_no_request(site: Site, blank: list[bytes]) -> None:
    """Old clients send one (RFC 9112, 2.2): the connection is idle, and is closed without a word."""
    client = site.request(post(b"abc"))
    answer(site)
    client.read()
    for piece in blank:
        client.send(piece)

    site.clock.advance(59)
    assert not client.is_closed_by_server
    site.clock.advance(1)

    assert (client.is_closed_by_server, client.read()) == (True, b"")
    assert not site.faults.counts


@pytest.mark.parametrize("blank", [b"\r\n", b"\r"])
def test_a_server_that_stops_does_not_wait_behind_a_blank_line(site: Site, blank: bytes) -> None:
    """Nothing was asked."""
    client = site.request(post(b"abc"))
    answer(site)
    client.send(blank)

    site.factory.stop(10.0)

    assert client.is_closed_by_server


def test_blank_lines_alone_keep_no_connection(site: Site) -> None:
    """The first bytes of a connection may be some; then it is idle."""
    client = site.request(b"\r\n")

    site.clock.advance(60)

    assert client.is_closed_by_server


def test_blank_lines_are_counted_over_segments(site: Site) -> None:
    """Anew for each request."""
    client = site.connect()
    for _ in range(2):
        for _ in range(8):
            client.send(b"\r\n")
        client.send(get())
        answer(site)
    assert client.read().count(b" 200 OK") == 2

    for _ in range(9):
        client.send(b"\r\n")

    assert split_response(client.read())[0] == 400
    assert site.faults.counts == {"blank lines": 1}
