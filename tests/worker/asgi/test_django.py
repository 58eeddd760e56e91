"""Django's own ASGI application behind the worker."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

from django.core.asgi import get_asgi_application

from support.asgi_stage import Stage, eventually, play


def ask(path: str, method: str = "GET", body: bytes = b"", **settings: Any) -> Any:
    """Return the first message of the response, its content, and how many messages more came."""

    async def script(stage: Stage) -> Any:
        reply = stage.request(path, method, body=body)
        first, content = await stage.read_content(reply)
        await eventually(lambda: "running | 0" in repr(stage.worker))
        return first, content, stage.unread(reply)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Django warns of streams that it must gather
        return play(get_asgi_application(), script, settings)


def test_a_view() -> None:
    """One message, although Django listens for the client's end all the time."""
    first, content, more = ask("/hello/")

    assert (first["status"], content, more) == (200, b"Hello, nobody", 0)
    assert first["more_content"] is False


def test_an_asynchronous_view() -> None:
    """Runs on the worker's loop."""
    assert ask("/async/")[0]["status"] == 200


def test_an_upload() -> None:
    """The body reaches the view."""
    body = bytes(range(256)) * 1000

    assert ask("/digest/", "POST", body)[1].decode() == hashlib.sha256(body).hexdigest()


def test_a_view_that_fails() -> None:
    """Django answers itself, with its 500."""
    first, _, _ = ask("/fail/")

    assert first["status"] == 500
    assert "order" in first


def test_a_stream() -> None:
    """Piece by piece, at the pace of the client."""
    assert ask("/long/", capacity=4)[1] == b"".join(b"%d " % number for number in range(40))
