"""What ``docs/edge.md`` promises: the configuration of nginx as it stands there, probes, and stopping."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.asyncio.client import connect

from support.bare_worker import pattern
from support.cluster import BareWorkerProcess, Cluster
from support.interface_run import UnixConnection, status_of, trusting
from support.nginx import Nginx

pytestmark = pytest.mark.system


class Edge(NamedTuple):
    """nginx, a server behind it and a worker."""

    nginx: Nginx
    cluster: Cluster


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """A site as the page builds it."""
    folder = tmp_path_factory.mktemp("edge")
    (folder / "static").mkdir()
    (folder / "static" / "style.css").write_text("body {}")
    nginx = Nginx(folder)
    options = ("-u", str(nginx.socket), "--proxy-headers", "--readiness-path", "/-/ready")
    with Cluster(1, 1, options, BareWorkerProcess) as cluster, nginx:
        yield Edge(nginx, cluster)


def curl(edge: Edge, path: str, *options: str) -> str:
    """Return what curl prints of a page."""
    command = ["curl", "-sS", "--max-time", "20", "--cacert", str(edge.nginx.cert), *options]
    done = subprocess.run(
        [*command, f"https://localhost:{edge.nginx.port}{path}"], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout


def test_a_worker_sees_the_client_through_nginx(edge: Edge) -> None:
    """Its address, its scheme, the port it called and the site's name; what it invents itself is not believed."""
    shown = curl(edge, "/seen/", "-H", "X-Forwarded-For: 192.0.2.7", "-H", "Daphne-Root-Path: /evil")
    seen = json.loads(shown)

    assert (seen["client"][0], seen["scheme"], seen["host"]) == ("127.0.0.1", "https", "localhost")
    assert not seen["root_path"]


def test_http2_ends_at_nginx(edge: Edge) -> None:
    """The server behind it gets HTTP/1.1."""
    assert json.loads(curl(edge, "/seen/", "--http2"))["http_version"] == "1.1"


def test_plain_http_is_sent_on(edge: Edge) -> None:
    """By nginx itself."""
    assert status_of(http.client.HTTPConnection("127.0.0.1", edge.nginx.plain_port, timeout=10)) == 301


def test_files_do_not_reach_the_server(edge: Edge) -> None:
    """nginx gives them out."""
    assert curl(edge, "/static/style.css") == "body {}"


def test_a_websocket_passes_through_nginx(edge: Edge) -> None:
    """Both ways."""

    async def talk() -> str | bytes:
        url = f"wss://localhost:{edge.nginx.port}/echo/"
        async with connect(url, ssl=trusting(edge.nginx.cert), proxy=None, open_timeout=10) as socket:
            await socket.send("hello")
            return await socket.recv()

    assert asyncio.run(asyncio.wait_for(talk(), 30)) == "hello"


def test_a_large_upload_and_a_large_download_pass(edge: Edge, tmp_path: Path) -> None:
    """Piece by piece, and whole."""
    content = pattern(0, 65_536) * 64
    (tmp_path / "content").write_bytes(content)

    heard = curl(edge, "/upload/", "--data-binary", f"@{tmp_path / 'content'}")
    got = curl(edge, "/bytes/3000000/", "-o", str(tmp_path / "got"), "-w", "%{size_download}")

    assert heard == f"{hashlib.sha256(content).hexdigest()} {len(content)}"
    assert got == "3000000"


def test_a_streamed_response_is_not_held_back(edge: Edge) -> None:
    """Its first piece is there while the second is not made yet."""
    connection = http.client.HTTPSConnection(
        "localhost", edge.nginx.port, context=trusting(edge.nginx.cert), timeout=10
    )
    connection.request("GET", "/begun/")
    response = connection.getresponse()

    assert response.read1(100) == b"first"  # the rest never comes
    connection.close()


def test_readiness_is_told_behind_nginx_too(edge: Edge) -> None:
    """And on the socket itself, where a balancer on the same machine may ask."""
    assert curl(edge, "/-/ready") == "200 OK\n\nThe server is ready.\n"
    assert status_of(UnixConnection(edge.nginx.socket), "/-/ready") == 200
