"""WebSockets to a real server and a real worker, with clients that nobody here wrote, over TCP and TLS."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from support.autobahn_run import AutobahnRun
from support.certificates import make_pair
from support.cluster import BareWorkerProcess, Cluster
from support.demo_run import free_ports
from support.interface_run import trusting

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

    def open(self, path: str = "/", **options: Any) -> ClientConnection:
        """Return an open WebSocket."""
        return connect(
            self.url + path, ssl=self.tls, open_timeout=SOON_S, close_timeout=SOON_S, max_size=None, **options
        )


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
    with place.open(compression=compression) as opened:
        assert bool(opened.protocol.extensions) is (compression is not None)
        for payload in [*TEXTS, *BINARIES]:
            opened.send(payload)
            assert opened.recv(SOON_S) == payload
        for number in range(BURST):
            opened.send(str(number))
        assert sorted(int(opened.recv(SOON_S)) for _ in range(BURST)) == list(range(BURST))
        opened.send(["in ", "three ", "pieces"])
        assert opened.recv(SOON_S) == "in three pieces"
        opened.ping().wait(SOON_S)

    assert (opened.protocol.close_rcvd is not None, opened.close_code) == (True, 1000)


def test_websockets_may_say_too_much(place: Place) -> None:
    """1009 reaches the client although it still sends; also where it is a few bytes before it is decompressed."""
    with place.open(compression="deflate") as opened, pytest.raises(ConnectionClosedError) as caught:
        opened.send(b"\0" * 10_000_000)
        opened.recv(SOON_S)

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


def test_a_malformed_handshake_is_refused(place: Place) -> None:
    """With an answer of HTTP, which clients understand."""
    with pytest.raises(InvalidStatus) as caught:
        place.open(additional_headers={"Sec-WebSocket-Extensions": "a b"})

    assert caught.value.response.status_code == 400


@pytest.mark.parametrize("compression", [True, False])
def test_autobahn_says_and_hears(place: Place, compression: bool) -> None:
    """Autobahn's own client, in a process of its own, says the same and closes in order."""
    with AutobahnRun(place.url + "/", place.tls is not None, compression) as run:
        assert run.result(SOON_S) == {"heard": True, "compressed": compression, "clean": True, "code": 1000}
