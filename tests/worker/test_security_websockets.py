"""From where a WebSocket may be opened: the ``Origin`` header against a list of hosts."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from support.visits import on, run
from support.worker_run import worker_for
from zmqlayer.worker import Message, route, route_class
from zmqlayer.worker.exceptions import AcceptConnection, DenyConnection
from zmqlayer.worker.security.websockets import BaseOriginValidator, allowed_hosts_only
from zmqlayer.worker.sessions import channel_session, uses_channel_session


@allowed_hosts_only
def connect(message: Message) -> str:
    """Let the page in."""
    return "welcome"


@allowed_hosts_only
async def connect_later(message: Message) -> str:
    """Let the page in, from a coroutine."""
    return "welcome"


BOTH = pytest.mark.parametrize("consumer", [connect, connect_later])


def opened_by(*origins: bytes, name: bytes = b"origin") -> Message:
    """The first message of a WebSocket that a page opened."""
    return on("websocket.connect", path="/", headers=[[b"host", b"testserver"], *([name, it] for it in origins)])


def is_welcome(consumer: Any, *origins: bytes) -> bool:
    """Whether *consumer* lets the page in."""
    try:
        return bool(run(consumer, opened_by(*origins)) == "welcome")
    except DenyConnection:
        return False


@BOTH
@pytest.mark.parametrize(
    ("allowed", "origin"),
    [
        (["testserver"], b"http://testserver"),
        (["testserver"], b"https://testserver"),
        (["testserver"], b"http://testserver:8000"),
        (["testserver"], b"HTTP://TestServer"),
        (["testserver"], b"http://testserver."),
        ([".example.com"], b"https://chat.example.com"),
        ([".example.com"], b"https://example.com"),
        (["[2001:db8::1]"], b"http://[2001:db8::1]:8000"),
        (["192.0.2.1"], b"http://192.0.2.1"),
        (["*"], b"https://anywhere.example"),
    ],
)
def test_pages_of_the_site_are_let_in(consumer: Any, allowed: list[str], origin: bytes, settings: Any) -> None:
    """ALLOWED_HOSTS is read as Django reads it for the ``Host`` header; scheme and port do not matter."""
    settings.ALLOWED_HOSTS = allowed

    assert is_welcome(consumer, origin)


@BOTH
@pytest.mark.parametrize(
    "origin",
    [
        b"http://evil.example",
        b"http://testserver.evil.example",
        b"http://eviltestserver",
        b"http://testserver@evil.example",
        b"http://evil.example#@testserver",
        b"http://evil.example\\@testserver",
    ],
)
def test_pages_of_others_are_refused(consumer: Any, origin: bytes) -> None:
    """However much they look like the site."""
    assert not is_welcome(consumer, origin)


@BOTH
@pytest.mark.parametrize("allowed", [["testserver"], ["*"]])
@pytest.mark.parametrize(
    "origin",
    [
        b"",
        b" ",
        b"null",
        b"testserver",
        b"//testserver",
        b"http://",
        b"http:testserver",
        b"file://",
        b"http://testserver/",
        b"http://testserver/path",
        b"http://testserver?query",
        b"http://testserver http://testserver",
        b"http://user@testserver",
        b"http://test\nserver",
        b"http://testserver:port",
        b"http://testserver:99999",
        b"http://[::1",
        b"http://\xc3\xa4.example",
        b"\xff\xfe",
    ],
)
def test_what_is_no_origin_is_refused(consumer: Any, origin: bytes, allowed: list[str], settings: Any) -> None:
    """Even where any host is welcome."""
    settings.ALLOWED_HOSTS = allowed

    assert not is_welcome(consumer, origin)


@BOTH
def test_there_has_to_be_one_origin(consumer: Any, settings: Any) -> None:
    """None, or several, is what no browser sends."""
    settings.ALLOWED_HOSTS = ["*"]

    assert not is_welcome(consumer)
    assert not is_welcome(consumer, b"http://testserver", b"http://testserver")
    with pytest.raises(DenyConnection):
        run(consumer, on("websocket.connect", path="/"))


@pytest.mark.parametrize("headers", [[[]], [[b"origin"]], [None], [["origin", b"http://testserver"]], 7])
def test_headers_that_no_server_sends_are_refused(headers: Any, settings: Any) -> None:
    """Nobody is let in by them, and nothing fails."""
    settings.ALLOWED_HOSTS = ["*"]

    with pytest.raises(DenyConnection):
        run(connect, on("websocket.connect", path="/", headers=headers))


def test_names_of_headers_are_in_any_case() -> None:
    """Servers write them small; others may not."""
    assert connect(opened_by(b"http://testserver", name=b"Origin")) == "welcome"


@pytest.mark.parametrize("origin", [b"http://localhost:8000", b"http://127.0.0.1:8000", b"http://[::1]:8000"])
def test_debugging_lets_this_machine_in(origin: bytes, settings: Any) -> None:
    """As Django does for the ``Host`` header, when the list is empty."""
    settings.ALLOWED_HOSTS = []
    assert not is_welcome(connect, origin)

    settings.DEBUG = True

    assert is_welcome(connect, origin)
    assert is_welcome(connect, b"http://chat.localhost")
    assert not is_welcome(connect, b"http://testserver")


def test_the_client_gets_403(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """By a ``DenyConnection``: no failure, but the log says who was refused."""

    @allowed_hosts_only
    def accept(message: Message) -> None:
        raise AcceptConnection

    worker = worker_for(layer, [route("websocket.connect", accept)])

    worker.consume("websocket.connect", opened_by(b"http://evil.example").content)
    refused = layer.sent(layer.reply_channel())
    worker.consume("websocket.connect", opened_by(b"http://testserver").content)
    accepted = layer.sent(layer.reply_channel())

    assert (refused, accepted) == ([{"close": True}], [{"accept": True}])
    assert "refused a WebSocket at '/': 'http://evil.example' is not welcome" in caplog.text
    assert "failed" not in caplog.text


def test_messages_of_an_open_connection_pass() -> None:
    """They have no headers, and their connection was let in."""
    assert connect(on("websocket.receive", text="hi")) == "welcome"
    assert connect(on("websocket.disconnect")) == "welcome"


def test_a_list_of_ones_own() -> None:
    """By a subclass, or for one consumer."""

    class OurPagesOnly(BaseOriginValidator):
        allowed_origins = (".example.com",)

    def accept(message: Message) -> str:
        return "welcome"

    only_theirs = functools.partial(OurPagesOnly, allowed_origins=["example.org"])

    assert is_welcome(OurPagesOnly(accept), b"https://chat.example.com")
    assert not is_welcome(OurPagesOnly(accept), b"http://testserver")
    assert is_welcome(only_theirs(accept), b"https://example.org")
    assert not is_welcome(only_theirs(accept), b"https://chat.example.com")


def test_a_rule_of_ones_own() -> None:
    """A subclass may look at the whole message."""

    class SecurePagesOnly(BaseOriginValidator):
        def validate_origin(self, message: Message, origin: str) -> bool:
            return origin.startswith("https://") and message["path"] == "/"

    @SecurePagesOnly
    def accept(message: Message) -> str:
        return "welcome"

    assert is_welcome(accept, b"https://testserver")
    assert not is_welcome(accept, b"http://testserver")


def test_a_validator_without_a_rule() -> None:
    """Does not let everybody in, nor keep everybody out: it says what is missing."""

    @BaseOriginValidator
    def accept(message: Message) -> str:
        return "welcome"

    with pytest.raises(NotImplementedError, match="BaseOriginValidator does not say which origins it allows"):
        accept(opened_by(b"http://testserver"))


class Chat:
    """A consumer class, as the router knows them."""

    def __init__(self, message: Message, **kwargs: Any) -> None:
        self.message = message

    @classmethod
    def channel_names(cls) -> list[str]:
        """Return what it reads."""
        return ["websocket.connect", "websocket.receive"]

    def dispatch(self, message: Message, **kwargs: Any) -> None:
        """Answer."""
        assert message.reply_channel is not None
        message.reply_channel.send({"text": f"welcome to {kwargs['room']}"})


def test_classes_are_protected_too(layer: MemoryLayer) -> None:
    """The decorator gives a subclass, so that it can be routed as before."""
    protected = allowed_hosts_only(Chat)
    worker = worker_for(layer, [route_class(protected, path="^/(?P<room>[a-z]+)/")])

    worker.consume("websocket.connect", {**opened_by(b"http://evil.example").content, "path": "/lobby/"})
    refused = layer.sent(layer.reply_channel())
    worker.consume("websocket.connect", {**opened_by(b"http://testserver").content, "path": "/lobby/"})
    worker.consume("websocket.receive", {"reply_channel": layer.reply_channel(), "path": "/lobby/", "text": "hi"})
    answers = layer.sent(layer.reply_channel())

    assert refused == [{"close": True}]
    assert answers == [{"text": "welcome to lobby"}] * 2
    assert issubclass(protected, Chat)
    assert protected.__name__ == "Chat"


def test_methods_are_protected_too() -> None:
    """The message is then the second argument."""

    class Page:
        @allowed_hosts_only
        def connect(self, message: Message) -> str:
            return type(self).__name__

    assert Page().connect(opened_by(b"http://testserver")) == "Page"
    with pytest.raises(DenyConnection):
        Page().connect(opened_by(b"http://evil.example"))


@pytest.mark.usefixtures("database")
def test_it_goes_with_other_decorators() -> None:
    """In any order; what others have marked shows through."""

    def accept(message: Message) -> str:
        message.channel_session["is_in"] = True
        return "welcome"

    for consumer in (allowed_hosts_only(channel_session(accept)), channel_session(allowed_hosts_only(accept))):
        assert is_welcome(consumer, b"http://testserver")
        assert not is_welcome(consumer, b"http://evil.example")
        assert uses_channel_session(consumer)
        assert consumer.__name__ == "accept"
