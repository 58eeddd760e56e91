"""
WebSockets to a real server and a real worker, with clients that nobody here wrote, over TCP and TLS.

The client of ``websockets`` is that of asyncio: the one for threads reads and writes one SSL object in two threads at
once, which Python 3.11 does not lock, and then now and then hears nothing.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from support.autobahn_run import AutobahnRun
from support.certificates import make_pair
from support.cluster import BareWorkerProcess, Cluster
from support.interface_run import trusting
from support.ports import free_ports

pytestmark = pytest.mark.system

SOON_S = 10.0
TEXTS = ["", "hi", "κόσμε ☃ 𝄞", "x" * 200_000]
BINARIES = [b"", b"\x00\xff", os.urandom(200_000)]
BURST = 200


@dataclass(frozen=True)
class Place:
    """Where a server listens."""

    url: str
    tls: ssl.SSLContext | None

    def open(self, **options: Any) -> connect:
        """Return what opens a WebSocket."""
        return connect(
            self.url + "/", ssl=self.tls, open_timeout=SOON_S, close_timeout=SOON_S, max_size=None, **options
        )


def run(talk: Coroutine[Any, Any, None]) -> None:
    """Run a conversation to its end."""
    asyncio.run(asyncio.wait_for(talk, 3 * SOON_S))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    """One server on two ports, and one worker behind it."""
    pair = make_pair(tmp_path_factory.mktemp("tls"), "site")
    (port,) = free_ports(1)  # an endpoint does not tell which one it took
    tls = f"ssl:{port}:interface=127.0.0.1:privateKey={pair.key}:certKey={pair.cert}"
    options = ("--endpoint", tls, "--websocket-max-message-size", "300000")
    with Cluster(1, 1, options, BareWorkerProcess) as cluster:
        yield {
            "tcp": Place(f"ws://127.0.0.1:{cluster.servers[0].port}", None),
            "tls": Place(f"wss://127.0.0.1:{port}", trusting(pair.cert)),
        }


@pytest.fixture(params=["tcp", "tls"])
def place(places: dict[str, Place], request: pytest.FixtureRequest) -> Place:
    """One of the two."""
    return places[request.param]


@pytest.mark.parametrize("compression", ["deflate", None])
def test_websockets_says_and_hears(place: Place, compression: str | None) -> None:
    """Texts and bytes of all sizes come back, one after the other and all at once, and the goodbye is clean."""

    async def talk() -> None:
        async with place.open(compression=compression) as opened:
            assert bool(opened.protocol.extensions) is (compression is not None)
            for payload in [*TEXTS, *BINARIES]:
                await opened.send(payload)
                assert await opened.recv() == payload
            for number in range(BURST):
                await opened.send(str(number))
            assert sorted([int(await opened.recv()) for _ in range(BURST)]) == list(range(BURST))
            await opened.send(["in ", "three ", "pieces"])
            assert await opened.recv() == "in three pieces"
            await (await opened.ping())
        assert (opened.protocol.close_rcvd is not None, opened.close_code) == (True, 1000)

    run(talk())


def test_websockets_may_say_too_much(place: Place) -> None:
    """1009 reaches the client although it still sends; also where it is a few bytes before it is decompressed."""

    async def talk() -> None:
        async with place.open(compression="deflate") as opened:
            await opened.send(b"\0" * 10_000_000)
            await opened.recv()

    with pytest.raises(ConnectionClosedError) as caught:
        run(talk())

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


def test_a_malformed_handshake_is_refused(place: Place) -> None:
    """With an answer of HTTP, which clients understand."""

    async def talk() -> None:
        async with place.open(additional_headers={"Sec-WebSocket-Extensions": "a b"}):
            raise AssertionError("it was accepted")

    with pytest.raises(InvalidStatus) as caught:
        run(talk())

    assert caught.value.response.status_code == 400


@pytest.mark.parametrize("compression", [True, False])
def test_autobahn_says_and_hears(place: Place, compression: bool) -> None:
    """Autobahn's own client, in a process of its own, says the same and closes in order."""
    with AutobahnRun(place.url + "/", place.tls is not None, compression) as run:
        assert run.result(SOON_S) == {"heard": True, "compressed": compression, "clean": True, "code": 1000}
