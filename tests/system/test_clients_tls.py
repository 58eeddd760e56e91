"""Clients that nobody here wrote, over TLS: HTTP/1.1, HTTP/2 where they speak it, and WebSockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from support.certificates import Pair, make_pair
from support.cluster import BareWorkerProcess, Cluster, Server
from support.curl import curl
from support.raw_client import RawClient

pytestmark = pytest.mark.system

SOON_S = 10.0


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A certificate for 127.0.0.1."""
    return make_pair(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture
def trust(pair: Pair) -> ssl.SSLContext:
    """Trusts that certificate only. Each test has its own: httpx writes its protocols into it."""
    return ssl.create_default_context(cafile=str(pair.cert))


@pytest.fixture(scope="module")
def server(pair: Pair) -> Iterator[Server]:
    """A server with TLS on loopback, and a bare worker behind it; which is found by the first request."""
    options = ("--tls-cert", str(pair.cert), "--tls-key", str(pair.key))
    with Cluster(1, 0, options, BareWorkerProcess) as cluster:
        cluster.start_worker().wait_until_reading()
        yield cluster.servers[0]


@pytest.mark.parametrize(("flag", "version"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl(server: Server, pair: Pair, tmp_path: Path, flag: str, version: str) -> None:
    """It takes the protocol that it offers."""
    url = f"https://127.0.0.1:{server.port}/hello/"

    transfer = curl(tmp_path, url, url, flag, "--cacert", str(pair.cert))

    assert (transfer.exit, transfer.status, transfer.said["http_version"]) == (0, 200, version)


@pytest.mark.parametrize("is_http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_httpx(server: Server, trust: ssl.SSLContext, is_http2: bool) -> None:
    """A pool of connections, many requests."""
    url = f"https://127.0.0.1:{server.port}"
    with httpx.Client(base_url=url, verify=trust, http2=is_http2, trust_env=False, timeout=SOON_S) as client:
        answers = [client.get("/hello/") for _ in range(20)]

    assert {answer.http_version for answer in answers} == {"HTTP/2" if is_http2 else "HTTP/1.1"}
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"hello")}


def test_a_websocket(server: Server, trust: ssl.SSLContext) -> None:
    """It offers HTTP/1.1 alone, and talks."""

    async def talk() -> list[str | bytes]:
        # Not the client with threads: of OpenSSL's connections only one thread at a time may make use.
        async with connect(f"wss://127.0.0.1:{server.port}/talk/", ssl=trust) as socket:
            await socket.send("hello")
            await socket.send(bytes(200_000))
            async with asyncio.timeout(SOON_S):
                return [await socket.recv(), await socket.recv()]

    assert asyncio.run(talk()) == ["hello", bytes(200_000)]


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(1000), b"\x16\x03\x01\xff\xff" * 1000])
def test_what_is_not_tls(server: Server, trust: ssl.SSLContext, said: bytes) -> None:
    """50 clients that speak something else are hung up on; others are answered."""
    for _ in range(50):
        with RawClient(server.port) as client:
            client.send(said)
            client.end_sending()
            client.read_to_end()

    assert httpx.get(f"https://127.0.0.1:{server.port}/hello/", verify=trust, trust_env=False).content == b"hello"
