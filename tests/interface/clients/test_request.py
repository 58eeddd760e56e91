"""Requests as raw bytes: which become messages, and how the others are refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import UNIXAddress

from support.connections import Site, get, post, split_response, upgrade
from zmqlayer.interface.clients.http1 import LINGER_S
from zmqlayer.interface.clients.pages import body_too_large, own_page

SiteMaker = Callable[..., Site]


def refusal(data: bytes) -> tuple[int, bytes]:
    """Return status and content of the error page in *data*."""
    status, fields, content = split_response(data)
    assert (b"Content-Type", b"text/plain; charset=utf-8") in fields
    assert (b"Content-Length", b"%d" % len(content)) in fields
    return status, content


def test_a_request_becomes_one_message(site: Site) -> None:
    """With the addresses of both ends, and the headers in the client's order."""
    site.request(get("/a%20b?x=%20", b"X-B: 1", b"Accept:  */* ", b"x-b: 2"))

    message = site.layer.take_one("http.request")
    assert message == {
        "reply_channel": site.layer.reply.name,
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/a b",
        "query_string": b"x=%20",
        "headers": [[b"host", b"localhost"], [b"x-b", b"1"], [b"accept", b"*/*"], [b"x-b", b"2"]],
        "body": b"",
        "client": ["10.0.0.9", 51234],
        "server": ["127.0.0.1", 8000],
    }


@given(body=st.binary(max_size=5000), cuts=st.lists(st.integers(0, 5200), max_size=5))
def test_a_body_arrives_whole_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    """TCP segments mean nothing."""
    site = Site()
    client = site.connect()

    data = post(body)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        client.send(data[start:end])

    assert site.layer.take_one("http.request")["body"] == body
    client.leave()
    site.close()


@given(chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=8))
def test_a_chunked_body_is_put_together(chunks: list[bytes]) -> None:
    """The worker sees content, not chunks."""
    site = Site()
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)

    site.request(get("/", b"Transfer-Encoding: chunked", method="POST") + body + b"0\r\n\r\n")

    assert site.layer.take_one("http.request")["body"] == b"".join(chunks)
    site.close()


def test_a_root_path_reaches_the_worker(make_site: SiteMaker) -> None:
    """It is an option of the server."""
    site = make_site(root_path="/shop")

    site.request(get())

    assert site.layer.take_one("http.request")["root_path"] == "/shop"


@pytest.mark.parametrize(
    "data",
    [
        get("/%ff"),
        get("nonsense"),
        get("/", b"Host: twice"),
        get("/", b"X-A: one\x0bX-B: two"),
        get("/", b"X-A: one\x85X-B: two"),
        b"GET / HTTP/1.1\r\n\r\n",
        upgrade("/", b"X-A: one\x1cX-B: two"),
        get("/", b"Upgrade: websocket"),
        post(b"body", "/", *upgrade().split(b"\r\n")[2:6]),
    ],
)
def test_a_request_out_of_order_is_refused(site: Site, data: bytes) -> None:
    """It gets a page that says why, reaches no worker, and ends the connection."""
    client = site.request(data)

    status, content = refusal(client.read())
    assert status == 400
    assert content.startswith(b"400 Bad Request\n\n")
    site.clock.advance(LINGER_S)
    assert client.is_closed_by_server
    assert site.layer.take() == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n\r\nGET\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nbad name: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
def test_bytes_that_are_no_http_end_the_connection(site: Site, data: bytes, status: int) -> None:
    """At once, or after a while if the client may still be sending."""
    client = site.request(data)

    assert refusal(client.read())[0] == status
    site.clock.advance(LINGER_S)
    assert client.is_closed_by_server
    assert site.layer.take() == []
    assert site.faults.counts.total() == 1


def test_another_version_of_websocket_is_refused(site: Site) -> None:
    """With the version that would do."""
    client = site.request(upgrade().replace(b"Version: 13", b"Version: 8"))

    status, fields, _ = split_response(client.read())
    assert status == 426
    assert (b"Sec-WebSocket-Version", b"13") in fields


def test_an_announced_body_over_the_limit_is_refused_before_it_arrives(make_site: SiteMaker) -> None:
    """The page names the limit, and no 100-continue asks for more."""
    site = make_site(max_body_size=1000)

    client = site.request(get("/", b"Content-Length: 1001", b"Expect: 100-continue", method="PUT"))

    status, content = refusal(client.read())
    assert (status, b"1,000 bytes" in content) == (413, True)
    assert not client.is_closed_by_server


def test_a_chunked_body_is_refused_where_it_passes_the_limit(make_site: SiteMaker) -> None:
    """Its end is not waited for."""
    site = make_site(max_body_size=1000)
    client = site.request(get("/", b"Transfer-Encoding: chunked", method="PUT"))

    client.send(b"3e8\r\n" + bytes(1000) + b"\r\n1\r\nx\r\n0\r\n\r\n")

    assert refusal(client.read())[0] == 413
    assert site.layer.take() == []


def test_the_rest_of_a_refused_body_is_thrown_away(make_site: SiteMaker) -> None:
    """The client gets time to read the page: closing at once would reset the connection."""
    site = make_site(max_body_size=1000)
    client = site.request(post(bytes(5000))[:3000])
    client.read()

    client.send(bytes(5000) + get())
    assert (client.read(), site.layer.take(), client.is_closed_by_server) == (b"", [], False)

    site.clock.advance(2.0)
    assert client.is_closed_by_server


def test_a_refused_client_may_leave_before_its_time(make_site: SiteMaker) -> None:
    """No timer outlives it."""
    site = make_site(max_body_size=1000)
    client = site.request(post(bytes(5000))[:3000])

    client.leave()

    assert not site.clock.getDelayedCalls()


def test_each_response_is_a_line_in_the_access_log(make_site: SiteMaker) -> None:
    """Also refusals, of which nothing but the request line may be known."""
    site = make_site(max_body_size=1000)

    site.request(get("/a?b", b"User-Agent: curl/8", b"Referer: http://x/"))
    site.layer.reply.push({"status": 201, "content": b"abc"})
    site.request(get("/%ff"))
    site.request(get("/", b"Content-Length: 1001", method="PUT"))

    date = "[01/Jan/1970:00:00:00 +0000]"
    _, page = own_page(413, body_too_large(1000))  # its title is another in Python 3.13
    assert site.access_log == [
        f'10.0.0.9 - - {date} "GET /a?b HTTP/1.1" 201 3 "http://x/" "curl/8"',
        f'10.0.0.9 - - {date} "GET /%ff HTTP/1.1" 400 75 "-" "-"',
        f'10.0.0.9 - - {date} "PUT / HTTP/1.1" 413 {len(page)} "-" "-"',
    ]


def test_a_unix_socket_has_no_addresses(site: Site) -> None:
    """A worker is told None instead of a host and a port."""
    client = site.connect()
    client.transport.peerAddr = UNIXAddress(None)
    client.transport.hostAddr = UNIXAddress("/run/site.socket")

    client.send(get())

    message = site.layer.take_one("http.request")
    assert (message["client"], message["server"]) == (None, None)


def test_without_an_access_log_nothing_is_written(site: Site) -> None:
    """It is optional."""
    object.__setattr__(site.factory.context, "log_access", None)

    site.request(get("/%ff"))

    assert site.access_log == []


def test_the_server_answers_for_itself(make_site: SiteMaker) -> None:
    """Whether it runs, and whether it is ready; whatever the Host header says, and no worker is asked."""
    site = make_site(liveness_path="/live", readiness_path="/ready", allowed_hosts=("a.example",))
    site.layer.unread.add("http.request")
    client = site.request(get("/live") + get("/ready", method="HEAD"))

    first, _, second = client.read().partition(b"The server runs.\n")

    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 503 ")
    assert not client.is_closed_by_server
    assert site.layer.take() == []


def test_a_trusted_proxy_tells_who_the_client_is(make_site: SiteMaker) -> None:
    """Workers and the access log see the same."""
    site = make_site(proxy_headers=True, forwarded_allow_ips=("10.0.0.9",))
    site.request(get("/", b"X-Forwarded-For: 192.0.2.7", b"X-Forwarded-Proto: https", b"Daphne-Root-Path: /shop"))

    message = site.layer.take_one("http.request")
    site.layer.reply.push({"status": 200})

    assert (message["client"], message["scheme"], message["root_path"]) == (["192.0.2.7", 0], "https", "/shop")
    assert site.access_log[0].startswith("192.0.2.7 - - ")


def test_a_websocket_has_a_proxy_too(make_site: SiteMaker) -> None:
    """Its scheme is wss where the client came by TLS."""
    site = make_site(proxy_headers=True, forwarded_allow_ips=("*",))

    site.request(upgrade("/", b"X-Forwarded-For: 192.0.2.7", b"X-Forwarded-Proto: https"))

    message = site.layer.take_one("websocket.connect")
    assert (message["client"], message["scheme"]) == (["192.0.2.7", 0], "wss")


@pytest.mark.parametrize(("status", "length"), [(204, None), (205, b"0"), (304, b"5")])
def test_some_statuses_decide_on_the_length(site: Site, status: int, length: bytes | None) -> None:
    """204 has no Content-Length, 205 has no content (RFC 9110, 8.6 and 15.3.6); 304 tells of what it spared."""
    client = site.request(get())

    site.layer.reply.push({"status": status, "headers": [[b"content-length", b"5"]], "content": b"hello"})

    answered, fields, content = split_response(client.read())
    assert (answered, content) == (status, b"")
    assert {name.lower(): value for name, value in fields}.get(b"content-length") == length
    assert not client.is_closed_by_server


def test_an_opened_websocket_has_no_length(site: Site) -> None:
    """101 has none either (RFC 9110, 8.6)."""
    client = site.request(upgrade())

    site.layer.reply.push({"accept": True, "headers": [[b"Content-Length", b"5"], [b"X", b"y"]]})

    head = client.read().partition(b"\r\n\r\n")[0].lower()
    assert (b"content-length" in head, b"x: y" in head) == (False, True)
