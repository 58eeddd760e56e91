"""Which fields a binding sends, and which a client may set."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError

from support.notes.models import Account, Board, Note, Receipt, Tag, Wall
from zmqlayer.worker.binding.selection import Selection, read_value

CONCRETE = {"id", "board", "title", "text", "stars", "weight", "due", "picture", "written", "tags"}


@pytest.mark.parametrize(
    ("fields", "exclude", "chosen"),
    [
        (["title", "tags"], None, {"title", "tags"}),
        ("__all__", None, CONCRETE),
        (["__all__"], None, CONCRETE),
        (None, ["text", "due"], CONCRETE - {"text", "due"}),
        (None, [], CONCRETE),
        (["title", "text"], ["text"], {"title"}),
    ],
)
def test_choosing(fields: Any, exclude: Any, chosen: set[str]) -> None:
    """Some, all, or all but some."""
    assert Selection.of(Note, fields, exclude).names == chosen


@pytest.mark.parametrize(
    ("fields", "exclude", "problem"),
    [
        (None, None, 'neither fields nor exclude is given: name the fields of Note to send, or fields = "__all__"'),
        (["titel"], None, "Note has no field 'titel'"),
        (None, ["titel"], "Note has no field 'titel'"),
        ("title", None, "'title' must be a list of names of fields"),
        (None, "title", "'title' must be a list of names of fields"),
    ],
)
def test_mistakes(fields: Any, exclude: Any, problem: str) -> None:
    """A misspelt exclusion would send what it was to keep."""
    with pytest.raises(ImproperlyConfigured) as caught:
        Selection.of(Note, fields, exclude)

    assert str(caught.value) == problem


def test_passwords_are_not_among_all() -> None:
    """They are sent only where somebody wrote so."""
    assert "password" not in Selection.of(Account, "__all__", None).names
    assert "password" not in Selection.of(Account, None, []).names
    assert "password" in Selection.of(Account, ["password"], None).names


def settable(model: Any, is_new: bool) -> set[str]:
    """What a client may set if all is chosen."""
    return {field.name for field in Selection.of(model, "__all__", None).settable(is_new)}


def test_what_clients_may_set() -> None:
    """Neither keys that the database makes, nor files, nor what is not editable."""
    assert settable(Note, is_new=True) == CONCRETE - {"id", "picture", "written"}


def test_keys_are_set_once() -> None:
    """An object that is stored keeps its key."""
    assert settable(Tag, is_new=True) == {"word"}
    assert settable(Tag, is_new=False) == set()
    assert settable(Receipt, is_new=False) == {"total"}


def test_links_to_parents_are_no_business_of_clients() -> None:
    """Or one could make another one's row the parent of one's own."""
    assert settable(Wall, is_new=True) == {"name", "height"}


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("title", "milk", "milk"),
        ("title", 7, "7"),
        ("stars", "7", 7),
        ("due", "2026-11-29", datetime.date(2026, 11, 29)),
        ("due", None, None),
        ("board", "7", 7),
        ("weight", 7, 7.0),
    ],
)
def test_reading(name: str, value: Any, read: Any) -> None:
    """Values are what the field makes of them."""
    found = read_value(Note._meta.get_field(name), value)

    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", {"a": 1}),
        ("title", ["milk"]),
        ("title", "nul\x00"),
        ("text", "half \ud800"),
        ("stars", "many"),
        ("stars", []),
        ("stars", {}),
        ("due", 7),
        ("due", []),
        ("due", "2026-02-30"),
        ("weight", "nan"),
        ("weight", 1e999),
        ("weight", {}),
        ("board", []),
        ("board", "kitchen"),
        ("written", 7),
        ("written", True),
    ],
)
def test_what_cannot_be_read(name: str, value: Any) -> None:
    """Whatever JSON has, it is a validation error and nothing worse."""
    with pytest.raises(ValidationError):
        read_value(Note._meta.get_field(name), value)


@pytest.mark.parametrize("value", [[], {}, 7, "7", None, "g" * 32, 1e999])
def test_keys_of_other_kinds(value: Any) -> None:
    """UUIDs and decimals too."""
    for name in ("id", "total"):
        try:
            read_value(Receipt._meta.get_field(name), value)
        except ValidationError:
            continue
        assert value is None or (name, value) in [("total", 7), ("total", "7"), ("id", 7)]


@pytest.fixture
def board(database: None) -> Board:
    """A board."""
    return Board.objects.create(name="kitchen")


ALL = Selection.of(Note, "__all__", None)


def test_assigning(board: Board) -> None:
    """What is chosen is set; what is not, or is no field, is ignored."""
    Tag.objects.create(word="food")
    selection = Selection.of(Note, ["title", "board", "tags"], None)
    note = Note()

    related = selection.assign(note, {"title": "milk", "board": board.pk, "tags": ["food"], "stars": 5, "colour": 1})

    assert (note.title, note.board, note.stars) == ("milk", board, 0)
    assert related == {"tags": [Tag(word="food")]}


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"title": "", "stars": -2}, {"title", "stars"}),
        ({"title": "much too long for a title"}, {"title"}),
        ({"title": None}, {"title"}),
        ({"stars": -1}, {"stars"}),
        ({"stars": 10**30}, {"stars"}),
        ({"board": 10**30}, {"board"}),
        ({"board": 4711}, {"board"}),
        ({"due": 7, "weight": "much"}, {"due", "weight"}),
        ({"tags": "food"}, {"tags"}),
        ({"tags": ["nowhere"]}, {"tags"}),
        ({"tags": [{}]}, {"tags"}),
        ({"title": "same", "text": "same"}, {"__all__"}),
    ],
)
def test_values_are_checked(board: Board, values: Any, fields: set[str]) -> None:
    """As a form would, by field, the model's own ``clean`` at last."""
    with pytest.raises(ValidationError) as caught:
        ALL.assign(Note(board=board, title="milk", text="buy some"), values)

    assert set(caught.value.message_dict) == fields


def test_what_was_not_sent_is_not_checked(board: Board) -> None:
    """A row may be older than the rules for it."""
    note = Note.objects.create(board=board, title="", text="buy some", stars=5)

    ALL.assign(note, {"stars": 6})

    assert note.stars == 6
