"""Message to ``HttpRequest``."""

from __future__ import annotations

from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.worker_run import http_message
from zmqlayer.worker import Message
from zmqlayer.worker.request import AsgiRequest, BadRequest


def request_for(path: str = "/", method: str = "GET", **values: Any) -> AsgiRequest:
    """The request made from a message."""
    layer = MemoryLayer()
    return AsgiRequest(Message(http_message(layer, path, method, **values), "http.request", layer))


def test_the_request_line() -> None:
    """Method, path and query come through; a path is decoded already."""
    request = request_for("/café/", "PUT", query_string=b"q=a%20b&q=c")

    assert (request.method, request.path, request.path_info) == ("PUT", "/café/", "/café/")
    assert request.GET.getlist("q") == ["a b", "c"]


def test_where_it_came_from() -> None:
    """Client, server and scheme are those of the message."""
    request = request_for(scheme="https", server=["testserver", 443])

    assert request.META["REMOTE_ADDR"] == "192.0.2.7"
    assert request.is_secure()
    assert request.build_absolute_uri("/x") == "https://testserver/x"


def test_unknown_ends() -> None:
    """A request over a UNIX socket has neither client nor server."""
    request = request_for(client=None, server=None)

    assert "REMOTE_ADDR" not in request.META
    assert request.META["SERVER_NAME"] == "unknown"


def test_headers() -> None:
    """Headers are Latin-1; repetitions are joined; names with underscores could pose as others and are dropped."""
    request = request_for(headers=[[b"x-name", b"Zo\xeb"], [b"x-tag", b"a"], [b"x-tag", b"b"], [b"x_name", b"evil"]])

    assert request.headers["X-Name"] == "Zoë"
    assert request.headers["X-Tag"] == "a,b"


def test_cookies() -> None:
    """Cookies are parsed."""
    assert request_for(headers=[[b"cookie", b"a=1; b=2"]]).COOKIES == {"a": "1", "b": "2"}


def test_mounted_below_a_path() -> None:
    """What follows the root path is what Django routes."""
    request = request_for("/site/hello/", root_path="/site")

    assert (request.path, request.path_info, request.script_name) == ("/site/hello/", "/hello/", "/site")


def test_the_body_is_a_stream() -> None:
    """A view may read the body in pieces."""
    request = request_for(method="POST", body=b"one two")

    assert (request.read(4), request.read()) == (b"one ", b"two")


def test_a_chunked_body_has_a_length() -> None:
    """A body that came without Content-Length has one here, or the form parser would not read it."""
    request = request_for(method="POST", body=b"a=1", headers=[[b"content-type", b"application/x-www-form-urlencoded"]])

    assert request.META["CONTENT_LENGTH"] == "3"
    assert request.POST.dict() == {"a": "1"}


def test_the_way_back() -> None:
    """Views can see the message and its reply channel."""
    request = request_for()

    assert str(request.reply_channel) == MemoryLayer().reply_channel()
    assert request.message["path"] == "/"


def test_a_query_that_is_no_text() -> None:
    """Raw bytes that are not UTF-8 cannot become a request."""
    with pytest.raises(BadRequest, match="can't decode byte 0xff"):
        request_for(query_string=b"\xff")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"path": b"/caf\xe9/"}, "for a path"),
        ({"path": None}, "for a path"),
        ({"method": "GE T"}, "for a method"),
        ({"method": 7}, "for a method"),
        ({"method": ""}, "for a method"),
        ({"headers": [b"host"]}, "cannot be read"),
        ({"headers": [[b"x-a", 7]]}, "cannot be read"),
        ({"query_string": 7}, "query_string"),
        ({"client": 7}, "cannot be read"),
        ({"body": "text", "body_channel": None}, "cannot be read"),
    ],
)
def test_what_no_server_sends(values: dict[str, Any], problem: str) -> None:
    """A message that is none of the 2016 draft says what is wrong with it."""
    with pytest.raises(BadRequest, match=problem):
        request_for(**{"path": "/", **values})
