"""``Binding``: which groups hear what of a change, and when."""

from __future__ import annotations

import decimal
import gc
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from support.memory_layer import MemoryLayer
from support.notes.bindings import NoteBinding
from support.notes.models import Account, Board, Note, Receipt
from support.worker_run import worker_for
from zmqlayer.worker import Message, route
from zmqlayer.worker.binding import Binding
from zmqlayer.worker.binding.base import connect_bindings
from zmqlayer.worker.binding.websockets import WebsocketBinding
from zmqlayer.worker.layers import channel_layers

Write = Callable[..., Note]


@pytest.fixture(autouse=True)
def bound(disconnected: None) -> None:
    """Connect the binding of notes."""
    NoteBinding.register()


@pytest.fixture
def heard(layer: MemoryLayer, board: Board) -> Callable[[], list[tuple[str, Any]]]:
    """What one who looks at the board heard: actions and titles."""
    return listen(layer, board)


def listen(layer: MemoryLayer, board: Board) -> Callable[[], list[tuple[str, Any]]]:
    """Return what tells what one who looks at *board* heard since it was asked last."""
    member = f"reader.{board.pk}"
    layer.group_add(f"board-{board.pk}", member)

    def hear() -> list[tuple[str, Any]]:
        payloads = [json.loads(message["text"])["payload"] for message in layer.sent(member)]
        return [(payload["action"], payload["data"]["title"]) for payload in payloads]

    return hear


@pytest.fixture
def attic(database: None) -> Board:
    """Another board."""
    return Board.objects.create(name="attic")


def test_a_note_lives(heard: Any, write: Write) -> None:
    """Created, changed, deleted: its board hears it."""
    note = write(title="milk")
    note.title = "eggs"
    note.save()
    note.delete()

    assert heard() == [("create", "milk"), ("update", "eggs"), ("delete", "eggs")]


def test_nothing_is_said_before_the_commit(heard: Any, write: Write) -> None:
    """Whoever hears of a row can read it."""
    with transaction.atomic():
        write(title="milk")
        before = heard()

    assert before == []
    assert heard() == [("create", "milk")]


def test_a_rollback_announces_nothing(heard: Any, write: Write) -> None:
    """No row, no word."""
    note = write(title="milk")
    heard()

    with pytest.raises(RuntimeError), transaction.atomic():
        write(title="eggs")
        note.title = "bread"
        note.save()
        note.delete()
        raise RuntimeError

    assert heard() == []


def test_savepoints(heard: Any, write: Write) -> None:
    """What was rolled back to a savepoint is not said, and what came after it starts from what is stored."""
    note = write(title="milk")
    heard()

    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            note.title = "eggs"
            note.save()
            raise RuntimeError
        with transaction.atomic():
            note.title = "bread"
            note.save()

    assert heard() == [("update", "bread")]


def test_a_move_that_is_rolled_back_to_a_savepoint(layer: MemoryLayer, heard: Any, write: Write, attic: Board) -> None:
    """The groups before a save are those of the row, not of what the process believed."""
    upstairs = listen(layer, attic)
    note = write(title="milk")
    heard()

    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            note.board = attic
            note.save()
            raise RuntimeError
        note.save()

    assert heard() == [("delete", "milk")]
    assert upstairs() == [("create", "milk")]


def test_two_saves_in_one_transaction(heard: Any, write: Write) -> None:
    """Each is said as it was, in order."""
    with transaction.atomic():
        note = write(title="milk")
        note.title = "eggs"
        note.save()
        note.title = "never saved"

    assert heard() == [("create", "milk"), ("update", "eggs")]


def test_a_consumer_that_saves(layer: MemoryLayer, heard: Any, write: Write) -> None:
    """It is said when the consumer has ended, like all that it sends."""
    seen: list[Any] = []

    def consumer(message: Message) -> None:
        write(title="milk")
        seen.append(heard())

    worker_for(layer, [route("a", consumer)]).consume("a", {})

    assert seen == [[]]
    assert heard() == [("create", "milk")]


def test_a_coroutine_that_saves(layer: MemoryLayer, heard: Any, board: Board) -> None:
    """The same."""

    async def consumer(message: Message) -> None:
        await Note.objects.acreate(board=board, title="milk")

    worker_for(layer, [route("a", consumer)]).consume("a", {})

    assert heard() == [("create", "milk")]


def test_a_note_moves(layer: MemoryLayer, heard: Any, write: Write, attic: Board) -> None:
    """The board it leaves hears a deletion of what it knew, the one it comes to hears a creation."""
    upstairs = listen(layer, attic)
    note = write(title="milk")

    note.board, note.title = attic, "secret of the attic"
    note.save()

    assert heard() == [("create", "milk"), ("delete", "milk")]
    assert upstairs() == [("create", "secret of the attic")]


def test_a_process_that_knows_an_old_row(layer: MemoryLayer, heard: Any, write: Write, attic: Board) -> None:
    """Where the note is, the database knows: it was moved elsewhere meanwhile, and now comes back."""
    upstairs = listen(layer, attic)
    old = write(title="milk")
    Note.objects.filter(pk=old.pk).update(board=attic)
    heard()

    old.save()

    assert upstairs() == [("delete", "milk")]
    assert heard() == [("create", "milk")]


def test_what_was_not_saved_is_not_said(heard: Any, write: Write, attic: Board) -> None:
    """With ``update_fields`` the rest of the instance may be anything."""
    note = write(title="milk", text="old")

    note.board, note.title, note.text = attic, "not yet", "new"
    note.save(update_fields=["text"])

    assert heard() == [("create", "milk"), ("update", "milk")]


def test_deferred_fields(heard: Any, write: Write) -> None:
    """What the instance did not load is read once."""
    write(title="milk")
    note = Note.objects.only("text").get()
    heard()

    with CaptureQueriesContext(connection) as queries:
        note.text = "much"
        note.save()
    assert heard() == [("update", "milk")]
    assert kinds(queries) == ["SELECT", "UPDATE", "SELECT", "SELECT"]  # the row before and after, and its tags

    note = Note.objects.only("text").get()
    note.delete()
    assert heard() == [("delete", "milk")]


def test_an_object_is_deleted_that_was_made_of_other_types(heard: Any, write: Write) -> None:
    """Django keeps them on the instance, and a date that is a string cannot be written as one."""
    note = write(title="milk", due="2026-11-29")
    note.stars = F("stars") + 1
    note.save()
    heard()

    note.delete()

    assert heard() == [("delete", "milk")]


def kinds(queries: CaptureQueriesContext) -> list[str]:
    """Return the first words of the statements; PostgreSQL declares a cursor for a SELECT that is iterated over."""
    words = [query["sql"].split()[0].replace("DECLARE", "SELECT") for query in queries.captured_queries]
    return [word for word in words if word not in ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")]


def test_what_a_save_costs(write: Write, board: Board) -> None:
    """One read of the row as it was, none for a new one; tags are a table of their own."""
    with CaptureQueriesContext(connection) as creating:
        note = write(title="milk")
    with CaptureQueriesContext(connection) as updating:
        note.save()

    assert kinds(creating) == ["INSERT", "SELECT"]
    assert kinds(updating) == ["SELECT", "UPDATE", "SELECT"]


def test_groups_are_asked_for_once(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    """Once for each state of the row."""
    asked: list[Any] = []

    def group_names(instance: Note) -> list[str]:
        asked.append(instance.title)
        return ["readers"]

    monkeypatch.setattr(NoteBinding, "group_names", group_names)
    note = write(title="milk")
    note.title = "eggs"
    note.save()
    note.delete()

    assert asked == ["milk", "milk", "eggs", "eggs"]


def test_expressions(layer: MemoryLayer, heard: Any, write: Write) -> None:
    """What only the database can work out is read from it."""
    note = write(stars=1)
    layer.sent(f"reader.{note.board_id}")

    note.stars = F("stars") + 1  # type: ignore[assignment]
    note.save()

    [message] = layer.sent(f"reader.{note.board_id}")
    assert '"stars": 2' in message["text"]


def test_values_of_another_type(layer: MemoryLayer, heard: Any, write: Write) -> None:
    """What the database made of them is said: the save went well, and so does this."""
    note = write(due="2026-11-29", stars="3")

    [message] = layer.sent(f"reader.{note.board_id}")

    assert '"due": "2026-11-29"' in message["text"]
    assert '"stars": 3' in message["text"]


def test_a_key_that_was_given(heard: Any, write: Write) -> None:
    """Saving under a key that exists changes that row."""
    note = write(title="milk")

    Note(pk=note.pk, board=note.board, title="eggs", written=note.written).save()
    Note(pk=note.pk + 1, board=note.board, title="bread").save()

    assert heard() == [("create", "milk"), ("update", "eggs"), ("create", "bread")]


def test_a_save_that_fails(heard: Any, write: Write) -> None:
    """It is not said, and the next one is said once."""
    write(title="milk")
    note = write(title="eggs")
    heard()

    note.title = "milk"
    for _ in range(3):
        with pytest.raises(IntegrityError), transaction.atomic():
            note.save()
    note.title = "bread"
    note.save()

    assert heard() == [("update", "bread")]


def test_an_instance_is_as_it_was(write: Write) -> None:
    """Nothing of the binding stays on it."""
    note = write()
    note.save()

    assert not [name for name in vars(note) if "before" in name]
    assert pickle.loads(pickle.dumps(note)) == note


def test_a_receiver_that_saves_again(heard: Any, write: Write) -> None:
    """Both saves are said, whoever of the receivers is first."""

    def finish(instance: Note, **kwargs: Any) -> None:
        if instance.text != "finished":
            instance.text = "finished"
            instance.save()

    NoteBinding.unregister()
    post_save.connect(finish, sender=Note)
    NoteBinding.register()
    try:
        write(title="milk")
    finally:
        post_save.disconnect(finish, sender=Note)

    assert sorted(heard()) == [("create", "milk"), ("update", "milk")]


def test_cascades(heard: Any, write: Write, board: Board) -> None:
    """Notes that go with their board are said to go."""
    write(title="milk")
    write(title="eggs")
    heard()

    board.delete()

    assert sorted(heard()) == [("delete", "eggs"), ("delete", "milk")]


def test_deleting_a_queryset(heard: Any, write: Write) -> None:
    """Django tells of each row."""
    write(title="milk")
    heard()

    Note.objects.all().delete()

    assert heard() == [("delete", "milk")]


def test_what_is_not_seen_is_announced_by_hand(heard: Any, board: Board) -> None:
    """Bulk operations send no signals; ``announce`` tells what you know, when it is committed."""
    with transaction.atomic():
        notes = Note.objects.bulk_create([Note(board=board, title="milk"), Note(board=board, title="eggs")])
        NoteBinding.announce(notes, "create")
        before = heard()
    Note.objects.filter(title="milk").update(stars=5)

    assert before == []
    assert heard() == [("create", "milk"), ("create", "eggs")]
    NoteBinding.announce(Note.objects.filter(stars=5), "update")
    assert heard() == [("update", "milk")]


def test_nobody_to_tell(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    """Without groups nothing is even put together."""
    monkeypatch.setattr(NoteBinding, "group_names", lambda instance: [])
    monkeypatch.setattr(NoteBinding, "serialize", lambda self, instance, action: 1 / 0)

    write()


def test_nothing_to_tell(monkeypatch: pytest.MonkeyPatch, layer: MemoryLayer, heard: Any, write: Write) -> None:
    """An empty payload is none; ``signal_kwargs`` help to decide."""
    told: list[Any] = []

    def serialize(self: NoteBinding, instance: Note, action: str) -> dict[str, Any]:
        told.append((action, self.signal_kwargs["update_fields"]))  # type: ignore[index]
        return {}

    monkeypatch.setattr(NoteBinding, "serialize", serialize)
    note = write()
    note.save(update_fields=["text"])

    assert told == [("create", None), ("update", frozenset({"text"}))]
    assert layer.sent(f"reader.{note.board_id}") == []


def test_a_layer_that_fails(
    monkeypatch: pytest.MonkeyPatch, layer: MemoryLayer, caplog: pytest.LogCaptureFixture, write: Write
) -> None:
    """The row is stored, so nothing is raised; the log has it."""

    def fail(group: str, message: Any) -> None:
        raise RuntimeError("no mesh")

    monkeypatch.setattr(layer, "send_group", fail)
    write()

    assert Note.objects.count() == 1
    assert "RuntimeError: no mesh" in caplog.text


def test_groups_must_be_a_list(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    """One string is a mistake that everybody makes once."""
    monkeypatch.setattr(NoteBinding, "group_names", lambda instance: "readers")

    with pytest.raises(TypeError, match=r"NoteBinding\.group_names\(\) gives 'readers'"):
        write()


@pytest.fixture
def receipt_reader(layer: MemoryLayer, database: None) -> str:
    """The channel of one who hears of all receipts."""

    class ReceiptBinding(WebsocketBinding):
        model = Receipt
        stream = "receipts"
        fields = ["total"]

        @classmethod
        def group_names(cls, instance: Receipt) -> list[str]:
            return ["receipts"]

    layer.group_add("receipts", "reader")
    return "reader"


def test_keys_that_python_makes(layer: MemoryLayer, receipt_reader: str) -> None:
    """A new object is not looked for in the database, though it has a key."""
    with CaptureQueriesContext(connection) as queries:
        receipt = Receipt.objects.create(total="1.50")

    [message] = layer.sent(receipt_reader)
    assert f'"pk": "{receipt.pk}", "data": {{"total": "1.50"}}' in message["text"]
    assert kinds(queries) == ["INSERT", "SELECT"]  # the total was given as a string, so it is read


@pytest.fixture
def receipts(layer: MemoryLayer, receipt_reader: str) -> Callable[[], list[tuple[str, str]]]:
    """What tells what one who looks at all receipts heard since it was asked last: actions and totals."""

    def hear() -> list[tuple[str, str]]:
        payloads = [json.loads(message["text"])["payload"] for message in layer.sent(receipt_reader)]
        return [(payload["action"], payload["data"]["total"]) for payload in payloads]

    return hear


def test_numbers_that_the_database_rounds(receipts: Any) -> None:
    """What is said is what is stored, not what the instance has."""
    receipt = Receipt.objects.create(total=decimal.Decimal("1.239"))

    stored = Receipt.objects.get().total
    assert receipts() == [("create", str(stored))]
    assert stored != receipt.total


def test_a_fixture_over_a_row(receipts: Any) -> None:
    """``loaddata`` changes a row that is there, although the key of its model has a default."""
    receipt = Receipt.objects.create(total=decimal.Decimal("1.50"))
    fixture = serializers.serialize("json", [Receipt(pk=receipt.pk, total="2.50"), Receipt(total="3.50")])

    for deserialized in serializers.deserialize("json", fixture):
        deserialized.save()

    assert receipts() == [("create", "1.50"), ("update", "2.50"), ("create", "3.50")]


def test_a_row_that_was_not_looked_for(receipts: Any) -> None:
    """Django says in the end what a save was, where it is told to change what looks new."""
    receipt = Receipt.objects.create(total=decimal.Decimal("1.50"))

    Receipt(pk=receipt.pk, total=decimal.Decimal("2.50")).save(force_update=True)

    assert receipts() == [("create", "1.50"), ("update", "2.50")]


# Registration.


def test_a_binding_without_a_model() -> None:
    """It is a mistake, unless it says so."""
    with pytest.raises(ImproperlyConfigured, match="Forgotten has no model"):
        type("Forgotten", (Binding,), {})

    type("Abstract", (Binding,), {"model": None})


def test_a_binding_without_fields() -> None:
    """Nothing is sent by accident."""
    with pytest.raises(ImproperlyConfigured, match="neither fields nor exclude is given"):
        type("Open", (WebsocketBinding,), {"model": Account, "stream": "accounts"})


def test_a_binding_without_a_stream() -> None:
    """Nobody could hear it."""
    with pytest.raises(ImproperlyConfigured, match="Mute has no stream"):
        type("Mute", (WebsocketBinding,), {"model": Account, "fields": ["name"]})


def test_groups_as_they_were_named_before_channels_1() -> None:
    """A binding of that time is refused when it is made, and told the form of today, not at the first save."""

    def group_names(self: Any, instance: Account, action: str) -> list[str]:
        return ["accounts"]

    members = {"model": Account, "fields": ["name"], "stream": "accounts", "group_names": group_names}
    with pytest.raises(ImproperlyConfigured, match=r"def group_names\(cls, instance\)"):
        type("Old", (WebsocketBinding,), members)


def test_a_model_by_its_label() -> None:
    """It is found when all models are there."""
    labelled = type("Labelled", (Binding,), {"model": "notes.Account", "fields": ["name"]})

    assert labelled.model is Account
    assert labelled.model_label == "notes.account"


def test_connecting_all(heard: Any, write: Write) -> None:
    """What the app does when Django is set up; twice is as good as once."""
    gc.collect()  # the classes that other tests could not finish
    NoteBinding.unregister()
    connect_bindings()
    connect_bindings()

    write(title="milk")

    assert heard() == [("create", "milk")]


def test_a_binding_that_is_made_before_the_models(
    monkeypatch: pytest.MonkeyPatch, layer: MemoryLayer, heard: Any, write: Write
) -> None:
    """Nothing happens when its module is imported; it is connected when all models are there."""
    gc.collect()  # the classes that other tests could not finish
    layer.group_add("early", "reader")
    monkeypatch.setattr(apps, "models_ready", False)

    class Early(NoteBinding):
        model = "notes.Note"

        @classmethod
        def group_names(cls, instance: Note) -> list[str]:
            return ["early"]

    monkeypatch.undo()
    note = write()
    before = layer.sent("reader")
    connect_bindings()
    note.save()

    assert before == []
    assert len(layer.sent("reader")) == 1


def test_bindings_of_no_protocol(layer: MemoryLayer, database: None) -> None:
    """What goes out is up to the subclass."""

    class Journal(Binding):
        model = Account
        fields = ["name"]

        @classmethod
        def group_names(cls, instance: Account) -> list[str]:
            return ["journal"]

        def serialize(self, instance: Account, action: str) -> str:
            return f"{action} {instance.name}"

        @classmethod
        def encode(cls, stream: Any, payload: str) -> dict[str, Any]:
            return {"line": payload}

    layer.group_add("journal", "reader")
    Account.objects.create(name="ada")

    assert layer.sent("reader") == [{"line": "create ada"}]


@pytest.fixture
def unbound() -> Iterator[Any]:
    """A binding that says nothing about anything."""
    yield type("Unbound", (Binding,), {"model": Account, "fields": ["name"]})
    channel_layers.close()


def test_what_must_be_overridden_says_so(layer: MemoryLayer, unbound: Any) -> None:
    """Each by its own sentence."""
    message = Message({}, "a", layer)
    for call, words in [
        (lambda: unbound.group_names(None), "which groups"),
        (lambda: unbound().serialize(None, "create"), "what to send"),
        (lambda: unbound.encode(None, None), "how to send"),
        (lambda: unbound().deserialize(message), "how to read"),
        (lambda: unbound().create({}), "how to create"),
        (lambda: unbound().update(1, {}), "how to update"),
    ]:
        with pytest.raises(NotImplementedError, match=f"Unbound does not say {words}"):
            call()


def test_dates_are_dates(write: Write) -> None:
    """What is of the right type needs no second look."""
    note = write(due=date(2026, 11, 29))

    with CaptureQueriesContext(connection) as queries:
        note.save()

    assert kinds(queries) == ["SELECT", "UPDATE", "SELECT"]
