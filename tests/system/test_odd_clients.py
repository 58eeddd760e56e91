"""Clients that are allowed to be odd: they do not wait, end half a connection, or send one byte after the other."""

from __future__ import annotations

import pytest

from support.cluster import Cluster
from support.raw_client import RawClient

pytestmark = pytest.mark.system


@pytest.fixture
def port(cluster: Cluster) -> int:
    """Where a server with Django workers listens."""
    return cluster.servers[0].port


def test_requests_one_behind_the_other(port: int) -> None:
    """Who does not wait for answers gets them in order, although several workers make them."""
    bodies = [b"number %d" % number for number in range(20)]
    heads = [f"POST /echo/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n" for body in bodies]
    with RawClient(port) as client:
        client.send(b"".join(head.encode() + body for head, body in zip(heads, bodies, strict=True)))

        answers = [client.read_response() for _ in bodies]

    assert answers == [(200, body) for body in bodies]


def test_byte_after_byte(port: int) -> None:
    """Wherever the network cuts a request, it is the same."""
    with RawClient(port) as client:
        for (
            byte
        ) in b"POST /echo/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":
            client.send(bytes([byte]))

        assert client.read_response() == (200, b"ok")


def test_half_a_connection(port: int) -> None:
    """Who has said all it has to say, and ends its half, still gets the answer; then the server ends the other."""
    with RawClient(port) as client:
        client.get("/hello/")
        client.end_sending()

        assert client.read_response() == (200, b"hello")
        assert client.read_to_end() == b""


def test_trailers(port: int) -> None:
    """What follows the last chunk is read and changes nothing; the next request is found."""
    with RawClient(port) as client:
        client.send("POST /echo/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nTrailer: Host\r\n\r\n")
        client.send("2\r\nok\r\n0\r\nHost: evil.example\r\nContent-Length: 5\r\n\r\n")
        client.get("/hello/")

        assert [client.read_response(), client.read_response()] == [(200, b"ok"), (200, b"hello")]


def test_empty_lines_before_a_request(port: int) -> None:
    """Some send them after a body (RFC 9112, section 2.2)."""
    with RawClient(port) as client:
        client.send("\r\n\r\n")
        client.get("/hello/")

        assert client.read_response() == (200, b"hello")


def test_an_absolute_target(port: int) -> None:
    """As clients of proxies send it (RFC 9112, section 3.2.2)."""
    with RawClient(port) as client:
        client.get(f"http://127.0.0.1:{port}/hello/")

        assert client.read_response() == (200, b"hello")
