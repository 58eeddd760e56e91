"""Users, sessions and order of class-based consumers, alone and behind a demultiplexer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session

from support.memory_layer import MemoryLayer
from support.notes.bindings import NoteBinding
from support.notes.models import Board, Note
from support.socket_talk import SocketTalk
from support.visits import log_in, new_user
from support.worker_run import worker_for
from zmqlayer.worker import ordering
from zmqlayer.worker.generic.websockets import (
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
    WebsocketDemultiplexer,
)
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.overdue import Overdue
from zmqlayer.worker.patience import Patience

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def default_layer(layer: MemoryLayer) -> Iterator[None]:
    """Let ``Group(name)`` use the test's layer, as in a process with one layer."""
    channel_layers.put("default", layer)
    yield
    channel_layers.close()


def talk(layer: MemoryLayer, consumer: Any, **values: Any) -> SocketTalk:
    """A client of *consumer*."""
    return SocketTalk(layer, worker_for(layer, [consumer.as_route()]), **values)


def cookie(session_key: str) -> dict[str, Any]:
    """What a browser that is logged in sends when it connects."""
    return {"headers": [[b"cookie", f"{django_settings.SESSION_COOKIE_NAME}={session_key}".encode()]]}


class WhoAmI(WebsocketConsumer):
    """Says who speaks."""

    http_user = True

    def connect(self, message: Any, **kwargs: Any) -> None:
        """Greet by name."""
        self.send(text=str(message.user))

    def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
        """Say the name again."""
        self.send(text=str(self.message.user))


class AsyncWhoAmI(AsyncWebsocketConsumer):
    """The same in coroutines."""

    http_user_and_session = True

    async def connect(self, message: Any, **kwargs: Any) -> None:
        """Greet by name."""
        await self.send(text=str(await message.auser()))

    async def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
        """Say the name again, and what the browser's session has."""
        flavour = await self.message.http_session.aget("flavour")
        await self.send(text=f"{await self.message.auser()} {flavour}")


def test_who_is_logged_in_is_known(layer: MemoryLayer) -> None:
    """With every message, though cookies only come with the first."""
    socket = talk(layer, WhoAmI)

    assert socket.connects(**cookie(log_in(new_user("ada")))) == [{"text": "ada"}]
    assert socket.says("and now?") == [{"text": "ada"}]


def test_the_user_of_the_channel_session(layer: MemoryLayer) -> None:
    """Where only later messages need the user, a class of their own does with less."""

    class Later(WhoAmI):
        http_user = False
        channel_session_user = True

    socket = talk(layer, WhoAmI)
    socket.connects(**cookie(log_in(new_user("ada"))))

    assert talk(layer, Later).says("and now?") == [{"text": "ada"}]


def test_who_is_logged_in_is_known_to_coroutines(layer: MemoryLayer) -> None:
    """And what is in the browser's session, where the class asks for it."""
    socket = talk(layer, AsyncWhoAmI)

    assert socket.connects(**cookie(log_in(new_user("ada"), flavour="oat"))) == [{"text": "ada"}]
    assert socket.says("and now?") == [{"text": "ada oat"}]


def test_who_is_not_logged_in_is_nobody(layer: MemoryLayer) -> None:
    """As with requests."""
    socket = talk(layer, WhoAmI)

    assert socket.connects(headers=[]) == [{"text": "AnonymousUser"}]
    assert socket.says("and now?") == [{"text": "AnonymousUser"}]


def test_sessions_end_with_the_connection(layer: MemoryLayer) -> None:
    """The browser's stays."""
    socket = talk(layer, WhoAmI)
    socket.connects(**cookie(log_in(new_user("ada"))))
    during = Session.objects.count()

    socket.leaves()

    assert (during, Session.objects.count()) == (2, 1)


class Greeter(JsonWebsocketConsumer):
    """Greets by the name that the demultiplexer found."""

    def receive(self, content: Any, multiplexer: Any = None, **kwargs: Any) -> None:
        """Greet."""
        multiplexer.send({"hello": str(self.message.user)})


class OwnNotes(NoteBinding):
    """Only who is logged in may write; the class is not connected to signals, for there is no group."""

    model = Note
    channel_session_user = True

    @classmethod
    def group_names(cls, instance: Note) -> list[str]:
        """Nobody needs to hear."""
        return []

    def has_permission(self, user: Any, action: str, pk: Any) -> bool:
        """As said."""
        return bool(user.is_authenticated)


class Site(WebsocketDemultiplexer):
    """Knows who is logged in, for all streams."""

    http_user = True
    consumers = {"greeter": Greeter, "notes": OwnNotes.consumer}


@pytest.fixture
def board() -> Iterator[Board]:
    """A board; the bindings of other tests do not hear of it."""
    NoteBinding.unregister()
    yield Board.objects.create(name="kitchen")
    OwnNotes.unregister()


def test_consumers_behind_a_demultiplexer_share_the_user(layer: MemoryLayer, board: Board) -> None:
    """A class and a binding."""
    socket = talk(layer, Site)
    socket.connects(**cookie(log_in(new_user("ada"))))

    assert socket.says_on("greeter", {}) == [{"hello": "ada"}]
    assert socket.says_on("notes", {"action": "create", "data": {"board": board.pk, "title": "milk"}}) == []
    assert Note.objects.count() == 1


def test_a_binding_refuses_strangers(layer: MemoryLayer, board: Board) -> None:
    """Who is not logged in is an ``AnonymousUser``."""
    socket = talk(layer, Site)
    socket.connects(headers=[])

    [answer] = socket.says_on("notes", {"action": "create", "data": {"board": board.pk, "title": "milk"}})

    assert answer["errors"] == {"__all__": ["You may not create this."]}
    assert Note.objects.count() == 0


# Order, where the server does not keep one message in flight.


class Ordered(WebsocketConsumer):
    """Repeats what came."""

    strict_ordering = True

    def receive(self, text: str | None = None, bytes: bytes | None = None, **kwargs: Any) -> None:
        """Answer."""
        self.send(text=text)


class OrderedStream(JsonWebsocketConsumer):
    """The same on a stream."""

    strict_ordering = True

    def receive(self, content: Any, multiplexer: Any = None, **kwargs: Any) -> None:
        """Answer."""
        multiplexer.send(content["n"])


class OrderedSite(WebsocketDemultiplexer):
    """One of its consumers wants order."""

    consumers = {"ordered": OrderedStream, "greeter": Greeter}


def in_disorder(layer: MemoryLayer, socket: SocketTalk, say: Any) -> list[str]:
    """Send messages 1, 3 and 2 of a connection, and return what the client heard."""
    worker = socket.worker
    socket.connects()
    for order in (1, 3, 2):
        worker.consume(
            "websocket.receive",
            {"reply_channel": socket.reply_channel, "path": "/", "order": order, "text": say(order)},
        )
    while layer.waiting("websocket.receive"):
        worker.consume("websocket.receive", layer.sent("websocket.receive")[0])
    return [message["text"] for message in socket.hears()]


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks for messages that are lost."""
    monkeypatch.setattr(ordering, "overdue", Overdue(Patience(), lambda run: None))


@pytest.mark.usefixtures("unwatched")
def test_strict_ordering(layer: MemoryLayer) -> None:
    """A message that comes too early waits."""
    assert in_disorder(layer, talk(layer, Ordered), str) == ["1", "2", "3"]


@pytest.mark.usefixtures("unwatched")
def test_strict_ordering_behind_a_demultiplexer(layer: MemoryLayer) -> None:
    """If one consumer wants order, the whole connection has it: its messages have one sequence."""

    def say(order: int) -> str:
        return f'{{"stream": "ordered", "payload": {{"n": {order}}}}}'

    assert in_disorder(layer, talk(layer, OrderedSite), say) == [
        f'{{"stream": "ordered", "payload": {order}}}' for order in (1, 2, 3)
    ]
