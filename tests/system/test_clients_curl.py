"""What curl sends and understands over HTTP/1, in all its moods."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cluster import Cluster
from support.curl import Transfer, curl

pytestmark = pytest.mark.system

BODY = bytes(range(256)) * 1200


class Site:
    """The first server of a cluster, as curl sees it."""

    def __init__(self, port: int, directory: Path) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._directory = directory
        self.file = directory / "upload"
        self.file.write_bytes(BODY)

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return self._url + path

    def curl(self, path: str, *arguments: str, stdin: bytes = b"") -> Transfer:
        """Run curl on a path."""
        return curl(self._directory, self.url(path), *arguments, stdin=stdin)


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Site:
    """A server with Django workers behind it."""
    return Site(cluster.servers[0].port, tmp_path)


def test_one_connection_serves_many_requests(site: Site) -> None:
    """curl opens none for the second."""
    transfer = site.curl("/hello/", site.url("/hello/"))

    assert (transfer.exit, transfer.status, transfer.said["num_connects"]) == (0, 200, 0)


def test_http_1_0_gets_a_body_that_ends_with_the_connection(site: Site) -> None:
    """A client of 1996 knows nothing of chunks, and does not say that it keeps the connection."""
    transfer = site.curl("/echo/", "--http1.0", "--request", "POST", "--data-binary", f"@{site.file}")

    assert (transfer.exit, transfer.status, transfer.body) == (0, 200, BODY)
    assert "transfer-encoding" not in transfer.trace.lower()
    assert "Closing connection" in transfer.trace


def test_an_upload_of_unknown_length(site: Site) -> None:
    """curl sends chunks."""
    transfer = site.curl("/echo/", "--request", "POST", "--upload-file", "-", "--header", "Expect:", stdin=BODY)

    assert "> Transfer-Encoding: chunked" in transfer.trace
    assert (transfer.exit, transfer.status) == (0, 200)
    assert transfer.body == BODY


def test_an_upload_that_waits_to_be_invited(site: Site) -> None:
    """curl would wait for a minute, and is told to go on."""
    transfer = site.curl(
        "/echo/", "--data-binary", f"@{site.file}", "--header", "Expect: 100-continue", "--expect100-timeout", "60"
    )

    assert (transfer.exit, transfer.status, transfer.body) == (0, 200, BODY)
    assert "< HTTP/1.1 100 Continue" in transfer.trace


def test_a_form_with_a_file(site: Site) -> None:
    """In parts, as a browser would send it."""
    transfer = site.curl("/form/", "--form", "name=Ada", "--form", "notes=<-;filename=n.txt", stdin=b"one\ntwo\n")

    assert json.loads(transfer.body) == {"fields": {"name": "Ada", "notes": "one\ntwo\n"}, "files": {}}


def test_a_head_request(site: Site) -> None:
    """Headers and no body; the connection can be used on."""
    transfer = site.curl("/form/", site.url("/form/"), "--head")

    assert (transfer.exit, transfer.status, transfer.said["num_connects"]) == (0, 200, 0)
    assert "< content-type: application/json" in transfer.trace.lower()


def test_redirects_are_followed(site: Site) -> None:
    """Django's slash is added, on the same connection."""
    transfer = site.curl("/hello", "--location")

    assert (transfer.exit, transfer.status, transfer.said["num_redirects"]) == (0, 200, 1)
    assert (transfer.body, transfer.said["num_connects"]) == (b"hello", 1)


def test_a_stream_of_chunks(site: Site) -> None:
    """A response without a length comes in chunks, and curl finds its end; one that has no end is cut by curl."""
    transfer = site.curl("/endless/", "--max-time", "1")

    assert (transfer.exit, transfer.status) == (28, 200)
    assert "< transfer-encoding: chunked" in transfer.trace.lower()
    assert len(transfer.body) > 100_000
