"""What httpx sends and understands over HTTP/1."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.cluster import Cluster
from support.journey_project.journey.gate import Gate

pytestmark = pytest.mark.system

SOON_S = 10.0
PIECES = [bytes([number]) * 4000 for number in range(60)]


@pytest.fixture
def client(cluster: Cluster) -> Iterator[httpx.Client]:
    """A client with a pool of connections."""
    url = f"http://127.0.0.1:{cluster.servers[0].port}"
    with httpx.Client(base_url=url, timeout=SOON_S, trust_env=False) as client:
        yield client


def test_an_upload_in_pieces(client: httpx.Client) -> None:
    """Nobody knew its length, and it comes back whole."""
    response = client.post("/echo/", content=iter(PIECES))

    assert "content-length" not in response.request.headers
    assert (response.status_code, response.content) == (200, b"".join(PIECES))


def test_a_download_in_pieces(client: httpx.Client, gate: Gate) -> None:
    """The first piece is there before the second is made."""
    with client.stream("GET", "/stream/", params={"gate": str(gate.path)}) as response:
        pieces = response.iter_raw()
        first = next(pieces)
        gate.wait_for(1, SOON_S)
        gate.open()

        assert (first, b"".join(pieces)) == (b"first", b"last")


def test_a_download_that_is_left(client: httpx.Client) -> None:
    """The client goes on with others."""
    with client.stream("GET", "/endless/") as response:
        next(response.iter_raw())

    assert client.get("/hello/").content == b"hello"


def test_many_at_once(client: httpx.Client) -> None:
    """Each gets what it asked for."""
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: client.post("/echo/", content=b"%d" % n).content, range(100)))

    assert answers == [b"%d" % number for number in range(100)]


def test_a_cookie_jar(client: httpx.Client) -> None:
    """A header of 8 KiB, as cookies grow to be, is nothing special."""
    client.cookies.set("flavour", "x" * 8192)

    assert client.get("/hello/").status_code == 200
