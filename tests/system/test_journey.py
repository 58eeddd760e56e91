"""A request crosses the mesh: clients, interface servers and Django workers in processes of their own."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlencode

import pytest

from support.clients import ask, get
from support.cluster import Cluster
from support.journey_project.journey.gate import Gate

pytestmark = pytest.mark.system

MEGABYTE = bytes(range(256)) * 4000
SOON_S = 5.0
"""For what takes milliseconds on an idle machine."""


@pytest.fixture(params=[0, 1], ids=["first server", "second server"])
def port(request: pytest.FixtureRequest, cluster: Cluster) -> int:
    """Where one of the servers listens; each test meets both."""
    number: int = request.param
    return cluster.servers[number].port


@pytest.fixture
def client(port: int) -> Iterator[http.client.HTTPConnection]:
    """A client that reads as it likes."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SOON_S)) as client:
        yield client


def test_a_get_reaches_a_view(port: int) -> None:
    """Path and query arrive decoded, in the view's words."""
    answer = get(port, "/echo/sm%C3%B8rrebr%C3%B8d/?a=1&b=%20%26")

    assert (answer.status, answer.body) == (200, b"")
    assert (answer.headers["x-method"], answer.headers["x-query"]) == ("GET", "a=1&b=+%26")
    assert answer.headers["x-path"] == ascii("/echo/smørrebrød/")


def test_a_form_reaches_a_view(port: int) -> None:
    """Its fields arrive as they were filled in."""
    fields = {"name": "Ada", "says": "a&b = ü\r\n"}

    answer = ask(port, "POST", "/form/", urlencode(fields).encode(), "application/x-www-form-urlencoded")

    assert (answer.status, json.loads(answer.body)["fields"]) == (200, fields)


def test_an_upload_reaches_a_view(port: int) -> None:
    """A form in parts may carry a file."""
    part = 'Content-Disposition: form-data; name="notes"; filename="notes.txt"\r\n\r\nline one\r\nline two\r\n'
    body = f"--cut\r\n{part}--cut--\r\n".encode()

    answer = ask(port, "POST", "/form/", body, "multipart/form-data; boundary=cut")

    assert json.loads(answer.body)["files"] == {"notes": "line one\r\nline two"}


def test_json_comes_back_intact(port: int) -> None:
    """Byte for byte, under its own type."""
    body = json.dumps({"numbers": [1, 2.5, None], "text": "ü"}, ensure_ascii=False).encode()

    answer = ask(port, "POST", "/echo/", body, "application/json")

    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/json", body)


def test_a_megabyte_comes_back_intact(port: int) -> None:
    """In several messages, there and back."""
    answer = ask(port, "POST", "/echo/", MEGABYTE, "application/octet-stream")

    assert (answer.status, len(answer.body)) == (200, len(MEGABYTE))
    assert answer.body == MEGABYTE


def test_a_body_over_djangos_limit_is_refused(port: int) -> None:
    """By Django, for a view that wants it whole; the connection has room for ten times as much."""
    answer = ask(port, "POST", "/echo/", MEGABYTE * 3, "application/octet-stream")

    assert (answer.status, answer.worker > 0) == (400, True)


def test_every_worker_gets_requests(cluster: Cluster, port: int) -> None:
    """Those that are as free as each other take turns."""
    workers = {get(port, "/hello/").worker for _ in range(10)}

    assert workers == {worker.pid for worker in cluster.workers}


def test_a_stream_arrives_in_pieces(client: http.client.HTTPConnection, gate: Gate) -> None:
    """The client has the first piece before the view produces the second."""
    client.request("GET", f"/stream/?gate={gate.path}")
    response = client.getresponse()
    first = response.read(len(b"first"))
    gate.wait_for(1, SOON_S)

    gate.open()

    assert (first, response.read()) == (b"first", b"last")


def test_a_stream_that_fails_is_not_taken_for_complete(client: http.client.HTTPConnection, gate: Gate) -> None:
    """The connection is cut after what was sent."""
    client.request("GET", f"/broken/?gate={gate.path}")
    response = client.getresponse()
    first = response.read(len(b"first"))

    gate.open()

    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        response.read()
    assert (response.status, first) == (200, b"first")


def test_a_path_that_is_not_there_is_a_404(port: int) -> None:
    """The page is Django's."""
    answer = get(port, "/nowhere/")

    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"The requested resource was not found on this server." in answer.body


def test_a_view_that_raises_is_a_500(port: int) -> None:
    """The page is Django's, and tells nothing."""
    answer = get(port, "/fail/")

    assert answer.status == 500
    assert b"<h1>Server Error (500)</h1>" in answer.body
    assert b"broken" not in answer.body


def test_a_method_that_a_view_does_not_take_is_a_405(port: int) -> None:
    """Django says which it takes."""
    answer = ask(port, "POST", "/hello/", b"")

    assert (answer.status, answer.headers["allow"], answer.body) == (405, "GET", b"")


@pytest.mark.parametrize("method", ["PATCH", "PROPFIND", "QUERY"])
def test_a_rare_method_reaches_the_view(port: int, method: str) -> None:
    """Django lets the view decide."""
    answer = ask(port, method, "/echo/", b"tea")

    assert (answer.status, answer.headers["x-method"], answer.body) == (200, method, b"tea")


def test_a_head_request_gets_no_body(port: int) -> None:
    """It gets the headers that GET would get."""
    answer = ask(port, "HEAD", "/echo/?a=1")

    assert (answer.status, answer.headers["x-query"], answer.body) == (200, "a=1", b"")


def test_a_path_without_its_slash_is_redirected(port: int) -> None:
    """Django's middleware is at work."""
    answer = get(port, "/hello")

    assert (answer.status, answer.headers["location"]) == (301, "/hello/")
