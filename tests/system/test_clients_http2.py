"""What curl and httpx send and understand over HTTP/2."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.bare_worker import PIECE, pattern
from support.cluster import BareWorkerProcess
from support.journey_project.journey.gate import Gate
from support.tls_site import TlsSite

pytestmark = pytest.mark.system

SOON_S = 10.0
BODY = bytes(range(256)) * 2_000
MANY = bytes(range(256)) * 40_000
"""10 MB."""
DIGEST = f"{hashlib.sha256(MANY).hexdigest()} {len(MANY)}".encode()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsSite]:
    """A TLS server with a Django worker behind it."""
    with TlsSite(tmp_path_factory.mktemp("http2")) as site:
        yield site


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsSite]:
    """A TLS server with a worker without Django behind it, which takes bodies of any size."""
    with TlsSite(tmp_path_factory.mktemp("bare"), BareWorkerProcess) as site:
        yield site


@pytest.fixture
def client(site: TlsSite) -> Iterator[httpx.Client]:
    """A client with one connection."""
    with site.client(http2=True) as client:
        yield client


def test_curl_gets(site: TlsSite) -> None:
    """curl speaks HTTP/2 where it is offered, and gets two answers on one connection."""
    transfer = site.curl("/hello/", site.url("/hello/"), "--http2")

    assert (transfer.exit, transfer.status, transfer.said["http_version"]) == (0, 200, "2")
    assert (transfer.body, transfer.said["num_connects"]) == (b"hello", 0)


def test_curl_without_http2(site: TlsSite) -> None:
    """A client that does not offer HTTP/2 is served as ever."""
    transfer = site.curl("/hello/", "--http1.1")

    assert (transfer.exit, transfer.status, transfer.said["http_version"]) == (0, 200, "1.1")


def test_curl_asks_for_the_head(site: TlsSite) -> None:
    """A HEAD request has an answer without content, after which the connection goes on."""
    transfer = site.curl("/form/", site.url("/form/"), "--http2", "--head")

    assert (transfer.exit, transfer.status, transfer.said["num_connects"]) == (0, 200, 0)


def test_curl_uploads(site: TlsSite) -> None:
    """A body goes up and comes back."""
    transfer = site.curl("/echo/", "--http2", "--data-binary", "@-", stdin=BODY)

    assert (transfer.exit, transfer.status, transfer.said["http_version"]) == (0, 200, "2")
    assert transfer.body == BODY


def test_curl_uploads_much(bare: TlsSite) -> None:
    """10 MB go up through windows that open as the worker reads."""
    transfer = bare.curl("/upload/", "--http2", "--data-binary", "@-", stdin=MANY)

    assert (transfer.exit, transfer.status, transfer.body) == (0, 200, DIGEST)


def test_curl_downloads_much(bare: TlsSite) -> None:
    """10 MB come down whole."""
    transfer = bare.curl(f"/bytes/{len(MANY)}/", "--http2")

    assert (transfer.exit, transfer.status) == (0, 200)
    starts = range(0, len(MANY), PIECE)
    assert transfer.body == b"".join(pattern(start, min(PIECE, len(MANY) - start)) for start in starts)


def test_curl_waits_to_be_invited(site: TlsSite) -> None:
    """curl would wait for a minute, and is told to go on."""
    transfer = site.curl(
        "/echo/", "--http2", "--data-binary", "@-", "--header", "Expect: 100-continue", "--expect100-timeout", "60",
        stdin=BODY[:300_000],
    )  # fmt: skip

    assert (transfer.exit, transfer.body) == (0, BODY[:300_000])
    assert "< HTTP/2 100" in transfer.trace


def test_curl_leaves_midway(site: TlsSite) -> None:
    """A response without end is cut off by curl; the server goes on."""
    transfer = site.curl("/endless/", "--http2", "--max-time", "1")

    assert (transfer.exit, transfer.status) == (28, 200)
    assert len(transfer.body) > 100_000
    assert site.curl("/hello/", "--http2").body == b"hello"


def test_many_at_once(site: TlsSite) -> None:
    """50 requests on one connection each get what they asked for."""

    async def ask() -> list[bytes]:
        async with site.async_client() as client:
            answers = await asyncio.gather(*(client.post("/echo/", content=b"%d" % n * 1_000) for n in range(50)))
        assert {answer.http_version for answer in answers} == {"HTTP/2"}
        return [answer.content for answer in answers]

    assert asyncio.run(ask()) == [b"%d" % number * 1_000 for number in range(50)]


def test_an_upload_in_pieces(bare: TlsSite) -> None:
    """Nobody knew its length, and it arrives whole."""
    pieces = (MANY[start : start + 50_000] for start in range(0, len(MANY), 50_000))

    with bare.client(http2=True) as client:
        response = client.post("/upload/", content=pieces)

    assert "content-length" not in response.request.headers
    assert (response.status_code, response.content) == (200, DIGEST)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_many_uploads_at_once(bare: TlsSite, tmp_path: Path) -> None:
    """
    Large bodies share a connection, and none holds another back.

    By curl: httpcore reads on, and may wait for ever, for a window that another of its tasks has read of already.
    """
    body = tmp_path / "upload"
    body.write_bytes(MANY[:1_000_000])
    targets = [part for n in range(8) for part in ("--output", str(tmp_path / f"{n}"), bare.url("/upload/20/"))]
    told = ["--silent", "--write-out", "%{http_version} %{num_connects}\n", "--max-time", "20"]

    done = subprocess.run(
        ["curl", "-q", *told, "--cacert", str(bare.pair.cert), "--parallel", "--data-binary", f"@{body}", *targets],
        capture_output=True,
        timeout=30,
        check=False,
    )

    digest = f"{hashlib.sha256(MANY[:1_000_000]).hexdigest()} 1000000".encode()
    assert (done.returncode, sorted(done.stdout.split(b"\n"))) == (0, [b"", *7 * [b"2 0"], b"2 1"])
    assert [(tmp_path / f"{n}").read_bytes() for n in range(8)] == 8 * [digest]


def test_a_download_in_pieces(client: httpx.Client, gate: Gate) -> None:
    """The first piece is there before the second is made."""
    with client.stream("GET", "/stream/", params={"gate": str(gate.path)}) as response:
        pieces = response.iter_raw()
        first = next(pieces)
        gate.wait_for(1, SOON_S)
        gate.open()

        assert (first, b"".join(pieces)) == (b"first", b"last")


def test_a_download_that_is_left(client: httpx.Client) -> None:
    """A stream is reset midway, and the connection goes on."""
    with client.stream("GET", "/endless/") as response:
        next(response.iter_raw())

    assert client.get("/hello/").content == b"hello"


def test_a_response_that_breaks_off(client: httpx.Client, gate: Gate) -> None:
    """A response that its view does not finish is no whole one to the client."""
    with (
        pytest.raises(httpx.RemoteProtocolError),
        client.stream("GET", "/broken/", params={"gate": str(gate.path)}) as response,
    ):
        pieces = response.iter_raw()
        assert next(pieces) == b"first"
        gate.open()
        list(pieces)

    assert client.get("/hello/").content == b"hello"


def test_cookies(client: httpx.Client) -> None:
    """Cookies as large as they grow to be go up in pieces or whole."""
    client.cookies.set("flavour", "x" * 8192)
    client.cookies.set("size", "large")

    assert client.get("/hello/").status_code == 200


def test_the_server_stops(tmp_path_factory: pytest.TempPathFactory, gate: Gate) -> None:
    """A response that is on its way when the server is told to end is finished."""
    with TlsSite(tmp_path_factory.mktemp("stop")) as site, site.client(http2=True) as client:
        with client.stream("GET", "/stream/", params={"gate": str(gate.path)}) as response:
            pieces = response.iter_raw()
            first = next(pieces)
            site.server.process.terminate()
            gate.wait_for(1, SOON_S)
            gate.open()
            assert (first, b"".join(pieces)) == (b"first", b"last")

        assert site.server.process.wait(SOON_S) == 0


def test_a_server_that_offers_no_http2(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where it is switched off clients speak HTTP/1.1, without a word about it."""
    with TlsSite(tmp_path_factory.mktemp("no-http2"), options=("--no-http2",)) as site:
        transfer = site.curl("/hello/", "--http2")

    assert (transfer.exit, transfer.status, transfer.said["http_version"]) == (0, 200, "1.1")
