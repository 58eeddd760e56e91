"""``WebsocketBinding``: rows as JSON on a stream, both ways."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models

from support.memory_layer import MemoryLayer
from support.notes.bindings import BoardSocket, NoteBinding
from support.notes.models import Account, Board, GardenWall, Note, Tag, Wall
from support.socket_talk import SocketTalk
from support.worker_run import worker_for
from zmqlayer.worker import route
from zmqlayer.worker.binding.websockets import WebsocketBinding, WebsocketBindingWithMembers
from zmqlayer.worker.generic.websockets import WebsocketDemultiplexer
from zmqlayer.worker.sessions import uses_channel_session

Write = Callable[..., Note]


@pytest.fixture(autouse=True)
def bound(disconnected: None) -> None:
    """Connect the binding of notes."""
    NoteBinding.register()


@pytest.fixture
def socket(layer: MemoryLayer, board: Board) -> SocketTalk:
    """Somebody who looks at the board."""
    return talk(layer, board)


def talk(layer: MemoryLayer, board: Board, name: str = "browser") -> SocketTalk:
    """Return the client of a page that shows *board*."""
    worker = worker_for(layer, [BoardSocket.as_route(path=r"^/(?P<board>\d+)/$")])
    socket = SocketTalk(layer, worker, f"/{board.pk}/", name)
    socket.connects()
    return socket


def errors_of(answers: list[Any]) -> dict[str, list[str]]:
    """Return the errors of the one answer there is."""
    [answer] = answers
    assert answer["action"] == "error"
    assert answer["model"] == "notes.note"
    errors: dict[str, list[str]] = answer["errors"]
    return errors


# Outwards.


def test_what_browsers_hear(socket: SocketTalk, write: Write) -> None:
    """The action, the key, the model and the chosen fields, on the binding's stream."""
    note = write(title="milk", text="buy some", stars=3, due="2026-11-29")

    assert socket.hears_json() == [
        {
            "stream": "notes",
            "payload": {
                "action": "create",
                "pk": note.pk,
                "model": "notes.note",
                "data": {
                    "board": note.board_id,
                    "title": "milk",
                    "text": "buy some",
                    "stars": 3,
                    "weight": 0.0,
                    "due": "2026-11-29",
                    "picture": "",
                    "tags": [],
                },
            },
        }
    ]


def test_only_chosen_fields_are_sent(layer: MemoryLayer, database: None) -> None:
    """A password is not among all."""

    class AccountBinding(WebsocketBinding):
        model = Account
        stream = "accounts"
        fields = "__all__"

        @classmethod
        def group_names(cls, instance: Account) -> list[str]:
            return ["accounts"]

    layer.group_add("accounts", "reader")
    Account.objects.create(name="ada", password="secret")

    [message] = layer.sent("reader")
    assert json.loads(message["text"])["payload"]["data"] == {"name": "ada"}


def test_inherited_fields_are_sent(layer: MemoryLayer, database: None) -> None:
    """Also where they are in the table of the parent; Django's serializer writes a model's own fields only."""

    class WallBinding(WebsocketBinding):
        model = Wall
        stream = "walls"
        fields = ["name", "height"]

        @classmethod
        def group_names(cls, instance: Wall) -> list[str]:
            return ["walls"]

    layer.group_add("walls", "reader")
    wall = Wall.objects.create(name="north", height=3)
    wall.board_ptr.name = "stale"
    wall.name = "south"
    wall.save()
    wall.delete()

    told = [json.loads(message["text"])["payload"]["data"] for message in layer.sent("reader")]
    assert told == [{"name": "north", "height": 3}, *[{"name": "south", "height": 3}] * 2]


def test_fields_of_grandparents_are_sent(layer: MemoryLayer, database: None) -> None:
    """They are inherited over any number of tables."""

    class GardenWallBinding(WebsocketBinding):
        model = GardenWall
        stream = "walls"
        fields = ["name", "height", "ivy"]

        @classmethod
        def group_names(cls, instance: GardenWall) -> list[str]:
            return ["walls"]

    layer.group_add("walls", "reader")
    GardenWall.objects.create(name="north")

    (message,) = layer.sent("reader")
    assert json.loads(message["text"])["payload"]["data"] == {"name": "north", "height": 2, "ivy": True}


def test_members(layer: MemoryLayer, write: Write) -> None:
    """Attributes, properties, methods and what is behind a dot."""

    class ShoutingBinding(WebsocketBindingWithMembers):
        model = Note
        stream = "notes"
        fields = ["title"]
        send_members = ["shout", "word_count", "board.name", "written.year"]

        @classmethod
        def group_names(cls, instance: Note) -> list[str]:
            return ["readers"]

    layer.group_add("readers", "reader")
    note = write(title="milk", text="buy some")

    [message] = layer.sent("reader")
    assert json.loads(message["text"])["payload"]["data"] == {
        "title": "milk",
        "shout": "MILK",
        "word_count": 2,
        "board__name": "kitchen",
        "written__year": note.written.year,
    }


def test_numbers_that_json_does_not_have(
    layer: MemoryLayer, caplog: pytest.LogCaptureFixture, socket: SocketTalk, write: Write
) -> None:
    """They spoil the announcement, not the save."""
    write(weight=float("inf"))

    assert Note.objects.count() == 1
    assert socket.hears() == []
    assert "not JSON compliant" in caplog.text


# Inwards.


def test_creating(layer: MemoryLayer, board: Board, socket: SocketTalk) -> None:
    """Who creates hears of it like all the others."""
    Tag.objects.create(word="food")
    other = talk(layer, board, "other")

    [answer] = socket.says_on(
        "notes", {"action": "create", "data": {"board": board.pk, "title": "milk", "tags": ["food"]}}
    )

    note = Note.objects.get()
    assert (note.title, note.board, [tag.word for tag in note.tags.all()]) == ("milk", board, ["food"])
    assert note.written is not None
    assert (answer["action"], answer["pk"], answer["data"]["title"]) == ("create", note.pk, "milk")
    assert other.hears_json() == [{"stream": "notes", "payload": answer}]


def test_updating(socket: SocketTalk, write: Write) -> None:
    """Only what was sent changes, and only where it is chosen."""
    note = write(title="milk", text="buy some")
    Tag.objects.create(word="food")
    socket.hears()

    [answer] = socket.says_on(
        "notes",
        {"action": "update", "pk": note.pk, "data": {"title": "eggs", "tags": ["food"], "written": "2000-01-01"}},
    )

    changed = Note.objects.get()
    assert (changed.title, changed.text, changed.written) == ("eggs", "buy some", note.written)
    assert [tag.word for tag in changed.tags.all()] == ["food"]
    assert (answer["action"], answer["data"]["title"]) == ("update", "eggs")


def test_deleting(layer: MemoryLayer, socket: SocketTalk, write: Write) -> None:
    """It is gone, and all hear it; deleting what is gone is no error."""
    write(title="milk")
    note = write(title="eggs")
    socket.hears()

    [answer] = socket.says_on("notes", {"action": "delete", "pk": note.pk})

    assert (answer["action"], answer["pk"]) == ("delete", note.pk)
    assert socket.says_on("notes", {"action": "delete", "pk": note.pk}) == []
    assert Note.objects.count() == 1


def test_permission_refused(monkeypatch: pytest.MonkeyPatch, socket: SocketTalk, write: Write) -> None:
    """Nothing happens, and the client is told."""
    note = write(title="milk")
    socket.hears()
    asked: list[Any] = []

    def has_permission(self: NoteBinding, user: Any, action: str, pk: Any) -> bool:
        asked.append((user.is_authenticated, action, pk))
        return False

    monkeypatch.setattr(NoteBinding, "has_permission", has_permission)
    answers = socket.says_on("notes", {"action": "update", "pk": str(note.pk), "data": {"title": "eggs"}})
    socket.says_on("notes", {"action": "create", "pk": 4711, "data": {}})

    assert errors_of(answers) == {"__all__": ["You may not update this."]}
    assert Note.objects.get().title == "milk"
    assert asked == [(False, "update", note.pk), (False, "create", None)]


def test_permission_is_not_given_by_default(layer: MemoryLayer, write: Write) -> None:
    """A binding that only sends lets nobody change anything."""

    class Showing(WebsocketBinding):
        model = Note
        stream = "notes"
        fields = ["title"]
        channel_session_user = False

        @classmethod
        def group_names(cls, instance: Note) -> list[str]:
            return []

    class Page(WebsocketDemultiplexer):
        consumers = {"notes": Showing.consumer}

    note = write(title="milk")
    socket = SocketTalk(layer, worker_for(layer, [Page.as_route()]))

    answers = socket.says_on("notes", {"action": "delete", "pk": note.pk})

    assert errors_of(answers) == {"__all__": ["You may not delete this."]}
    assert Note.objects.count() == 1


def test_values_that_cannot_be(socket: SocketTalk, write: Write, board: Board) -> None:
    """The client is told by field, and of which of its messages."""
    note = write(title="milk")
    socket.hears()

    answers = socket.says_on(
        "notes", {"action": "update", "pk": note.pk, "data": {"title": "", "stars": "many", "board": board.pk}}
    )

    assert (answers[0]["failed"], answers[0]["pk"]) == ("update", note.pk)
    assert errors_of(answers) == {"stars": ["“many” value must be an integer."]}
    answers = socket.says_on("notes", {"action": "update", "pk": note.pk, "data": {"title": ""}})
    assert errors_of(answers) == {"title": ["This field cannot be blank."]}
    assert Note.objects.get().title == "milk"


def test_values_that_only_the_database_refuses(socket: SocketTalk, board: Board) -> None:
    """The client is told that, but not what the database said."""
    answers = socket.says_on("notes", {"action": "create", "data": {"title": "no board"}})

    assert errors_of(answers) == {"__all__": ["The database does not take this."]}
    assert Note.objects.count() == 0


def test_a_refusal_undoes_everything(monkeypatch: pytest.MonkeyPatch, socket: SocketTalk, board: Board) -> None:
    """What was written before is rolled back, and not announced."""

    def create(self: NoteBinding, data: Any) -> None:
        Note.objects.create(board=board, title="half")
        raise ValidationError("The other half is missing.")

    monkeypatch.setattr(NoteBinding, "create", create)
    answers = socket.says_on("notes", {"action": "create", "data": {}})

    assert errors_of(answers) == {"__all__": ["The other half is missing."]}
    assert Note.objects.count() == 0


@pytest.mark.parametrize("is_checked", [True, False])
def test_creating_never_overwrites(
    monkeypatch: pytest.MonkeyPatch, layer: MemoryLayer, database: None, is_checked: bool
) -> None:
    """A key that exists is refused, where clients choose keys; by the database, if two are as fast."""
    if not is_checked:
        monkeypatch.setattr(Tag, "full_clean", lambda self, exclude: None)

    class TagBinding(WebsocketBinding):
        model = Tag
        stream = "tags"
        fields = ["word"]
        channel_session_user = False

        @classmethod
        def group_names(cls, instance: Tag) -> list[str]:
            return []

        def has_permission(self, user: Any, action: str, pk: Any) -> bool:
            return True

    class Page(WebsocketDemultiplexer):
        consumers = {"tags": TagBinding.consumer}

    socket = SocketTalk(layer, worker_for(layer, [Page.as_route()]))

    assert socket.says_on("tags", {"action": "create", "data": {"word": "food"}}) == []
    [answer] = socket.says_on("tags", {"action": "create", "data": {"word": "food"}})
    assert answer["errors"] == (
        {"word": ["Tag with this Word already exists."]}
        if is_checked
        else {"__all__": ["The database does not take this."]}
    )


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({}, "The action must be"),
        ({"action": "explode"}, "The action must be"),
        ({"action": ["create"]}, "The action must be"),
        ({"action": {"a": 1}, "pk": 1}, "The action must be"),
        ({"action": "x" * 100_000}, "The action must be"),
        ({"action": "create"}, "The data must be an object"),
        ({"action": "create", "data": [1]}, "The data must be an object"),
        ({"action": "update", "pk": 1, "data": "title"}, "The data must be an object"),
        ({"action": "update", "data": {}}, "The key must be"),
        ({"action": "delete", "pk": None}, "The key must be"),
        ({"action": "delete", "pk": True}, "The key must be"),
        ({"action": "delete", "pk": 1.5}, "The key must be"),
        ({"action": "delete", "pk": [1]}, "The key must be"),
        ({"action": "delete", "pk": {"pk": 1}}, "The key must be"),
        ({"action": "delete", "pk": "one"}, "must be an integer"),
        ({"action": "delete", "pk": "9" * 100_000}, "^“9{199}$"),
        ({"action": "update", "pk": 4711, "data": {}}, "There is no such object"),
        ({"action": "update", "pk": 10**30, "data": {}}, "There is no such object"),
    ],
)
def test_garbage(
    caplog: pytest.LogCaptureFixture, socket: SocketTalk, write: Write, payload: Any, problem: str
) -> None:
    """The client is told in a few words; the socket stays open and no consumer has failed."""
    write(title="milk")
    socket.hears()

    answers = socket.says_on("notes", payload)

    [text] = errors_of(answers)["__all__"]
    assert re.search(problem, text)
    assert len(json.dumps(answers)) < 1000
    assert not caplog.records
    assert Note.objects.get().title == "milk"


@pytest.mark.parametrize("pk", [10**30, -(10**30), 4711])
def test_deleting_what_cannot_be(socket: SocketTalk, write: Write, pk: int) -> None:
    """There is nothing to do."""
    write()
    socket.hears()

    assert socket.says_on("notes", {"action": "delete", "pk": pk}) == []
    assert Note.objects.count() == 1


def test_a_huge_value(caplog: pytest.LogCaptureFixture, socket: SocketTalk, write: Write) -> None:
    """It is too long for its field; the answer is short."""
    note = write(title="milk")
    socket.hears()

    answers = socket.says_on("notes", {"action": "update", "pk": note.pk, "data": {"title": "x" * 1_000_000}})
    assert "at most 20 characters" in errors_of(answers)["title"][0]
    answers = socket.says_on("notes", {"action": "update", "pk": note.pk, "data": {"stars": "x" * 1_000_000}})
    assert len(errors_of(answers)["stars"][0]) == 200
    assert not caplog.records


def test_a_binding_that_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, socket: SocketTalk, write: Write
) -> None:
    """Its own mistakes are failures: logged, and the client is closed."""
    monkeypatch.setattr(NoteBinding, "has_permission", lambda self, user, action, pk: 1 / 0)

    assert socket.says_json({"stream": "notes", "payload": {"action": "delete", "pk": 1}}) == [
        {"close": 1011, "status": 500}
    ]
    assert "ZeroDivisionError" in caplog.text


def test_an_action_of_ones_own(monkeypatch: pytest.MonkeyPatch, socket: SocketTalk, write: Write) -> None:
    """``run_action`` decides what there is; what it needs is on the binding."""
    note = write(title="milk", stars=1)
    socket.hears()
    run_action = NoteBinding.run_action

    def with_stars(self: NoteBinding, action: str, pk: Any, data: Any) -> None:
        if action != "star":
            return run_action(self, action, pk, data)
        if self.kwargs["board"] != str(note.board_id):
            raise PermissionDenied("Not from here.")
        Note.objects.filter(pk=pk).update(stars=models.F("stars") + 1)
        return self.announce(Note.objects.filter(pk=pk), "update")

    monkeypatch.setattr(NoteBinding, "run_action", with_stars)
    [answer] = socket.says_on("notes", {"action": "star", "pk": note.pk})

    assert answer["data"]["stars"] == 2


def test_a_binding_without_a_demultiplexer(layer: MemoryLayer, board: Board) -> None:
    """It takes payloads alone, and answers on its stream."""
    worker = worker_for(layer, [route("websocket.receive", NoteBinding.consumer)])
    socket = SocketTalk(layer, worker)

    [answer] = socket.says_json(["create"])

    assert json.loads(answer["text"])["stream"] == "notes"
    assert json.loads(answer["text"])["payload"]["errors"] == {"__all__": ["An object with an action is expected."]}
    assert socket.says("{oops") == [{"close": 1007}]


def test_a_message_from_nowhere(layer: MemoryLayer, board: Board) -> None:
    """It is done or refused all the same; there is nobody to tell."""
    worker = worker_for(layer, [route("websocket.receive", NoteBinding.consumer)])

    for data in ({"title": "no board"}, {"title": "milk", "board": board.pk}):
        worker.consume("websocket.receive", {"text": json.dumps({"action": "create", "data": data})})

    assert [note.title for note in Note.objects.all()] == ["milk"]


def test_sessions_show_through_the_consumer() -> None:
    """So that they end with the connection."""

    class WithUser(WebsocketBinding):
        model = Note
        stream = "notes"
        fields = ["title"]

    assert uses_channel_session(WithUser.consumer)
    assert not uses_channel_session(NoteBinding.consumer)
    assert uses_channel_session(type("Page", (WebsocketDemultiplexer,), {"consumers": {"notes": WithUser.consumer}}))
