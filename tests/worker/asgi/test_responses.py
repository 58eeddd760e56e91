"""What an application sends as a response becomes messages: few, small, numbered."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.messages import Message
from zmqlayer.worker.asgi.responses import Response

HEADERS = [(b"content-type", b"text/plain")]


def start(status: int = 200, **values: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": HEADERS, **values}


def body(content: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


def messages(response: Response, *events: dict[str, Any]) -> list[Message]:
    """Return all that *events* become, and send it."""
    made = [message for event in events for message in response.read(event)]
    for _ in made:
        response.sent()
    return made


@pytest.fixture
def response() -> Response:
    """A response in pieces of four bytes."""
    return Response("GET", 4)


def test_a_short_response_is_one_message(response: Response) -> None:
    """The start waits for the content."""
    assert list(response.read(start())) == []
    assert not response.is_begun
    assert list(response.read(body(b"abcd"))) == [
        {
            "status": 200,
            "headers": [[b"content-type", b"text/plain"]],
            "content": b"abcd",
            "more_content": False,
            "order": 0,
        }
    ]
    assert response.is_complete


def test_a_long_body_is_cut(response: Response) -> None:
    """Each piece is made when it is asked for; only the last says that nothing follows."""
    parts = messages(response, start(), body(b"abcdefghij"))

    assert [part["content"] for part in parts] == [b"abcd", b"efgh", b"ij"]
    assert [part["more_content"] for part in parts] == [True, True, False]
    assert [part["order"] for part in parts] == [0, 1, 2]
    assert ["status" in part for part in parts] == [True, False, False]


def test_a_stream(response: Response) -> None:
    """Empty pieces count too; the default is that nothing follows."""
    parts = messages(response, start(), body(b"ab", True), body(b"", True), {"type": "http.response.body"})

    assert [(part["content"], part["more_content"]) for part in parts] == [(b"ab", True), (b"", True), (b"", False)]
    assert response.is_complete


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_no_content(method: str, status: int) -> None:
    """The head goes out at once, and whatever the application sends as content stays here."""
    response = Response(method, 4)

    parts = messages(response, start(status), body(b"abcdefgh", True), body(b"ij"))

    assert [(part["status"], part["content"], part["more_content"]) for part in parts] == [(status, b"", False)]
    assert response.is_complete


def test_trailers_are_left_out(response: Response) -> None:
    """They may come after the end, and nothing becomes of them."""
    trailers = {"type": "http.response.trailers", "headers": []}

    assert len(messages(response, start(trailers=True), body(b"a"), trailers)) == 1


@pytest.mark.parametrize(
    ("before", "event", "expected"),
    [
        ([], body(), "'http.response.start' is expected"),
        ([start()], start(), "'http.response.body', after the start is expected"),
        ([start(), body(b"", True)], start(), "'http.response.body', since the last one said that more follows"),
        ([start(), body()], body(), "nothing, since the response is complete, is expected"),
        ([start(), body()], start(), "nothing, since the response is complete, is expected"),
        ([], {"type": "http.response.trailers"}, "sent 'http.response.trailers' where 'http.response.start'"),
        ([start()], {"type": "http.response.push"}, "sent 'http.response.push' where 'http.response.body'"),
        ([], {"type": "websocket.send"}, "sent 'websocket.send' where 'http.response.start'"),
    ],
)
def test_out_of_turn(response: Response, before: list[dict[str, Any]], event: dict[str, Any], expected: str) -> None:
    """The error names what came and what is expected."""
    messages(response, *before)

    with pytest.raises(RuntimeError, match=expected):
        response.read(event)


@pytest.mark.parametrize(
    ("event", "mistake"),
    [
        (start(status="200"), "'status' of 'http.response.start' is '200'"),
        ({"type": "http.response.start"}, "'status' of 'http.response.start' is None"),
        (start(103), "is 103, and not from 200 to 999"),
        (start(headers=[("a", "b")]), "'headers' of 'http.response.start' is no list of pairs"),
        ("hello", "where a dict with a 'type' is expected"),
    ],
)
def test_wrong_types(response: Response, event: Any, mistake: str) -> None:
    """They are named, and a right start may follow."""
    with pytest.raises(TypeError, match=mistake):
        response.read(event)
    assert len(messages(response, start(), body(b"a"))) == 1


def test_a_response_that_breaks_off(response: Response) -> None:
    """Before anything went out it is an error page; afterwards the client must not take it for whole."""
    streaming = Response("GET", 4)
    messages(response, start())
    messages(streaming, start(), body(b"a", True))

    assert (response.break_off(500, "broken") or {})["status"] == 500
    assert streaming.break_off(500, "broken") == {"content": b"", "more_content": False, "closed": True}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_breaks_off_what_the_client_has(method: str) -> None:
    """A response that is whole, or the answer to HEAD, stays as it is."""
    response = Response(method, 4)
    messages(response, start(), body(b"a", method == "HEAD"))

    assert response.break_off(500, "broken") is None


def test_a_message_that_cannot_be_sent(response: Response) -> None:
    """The response is broken, from its beginning or in the middle, and that of HEAD too."""
    streaming, head = Response("GET", 4), Response("HEAD", 4)
    messages(streaming, start(), body(b"a", True))
    for each in (response, streaming, head):
        if each is not streaming:
            each.read(start())
        assert len(list(each.read(body(b"a")))) == 1
        each.lose()

    with pytest.raises(RuntimeError, match="could not be sent"):
        response.read(body())
    assert [(each.break_off(500, "broken") or {}).get("status") for each in (response, head)] == [500, 500]
    assert (streaming.break_off(500, "broken") or {})["closed"] is True
