"""What a save changed, with few queries."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from support.notes.models import Board, Note, Receipt, Tag
from zmqlayer.worker.binding.rows import is_surely_new, row_after, row_before, row_of

Write = Callable[..., Note]


def n_queries(call: Callable[[], Any]) -> int:
    """Count the queries of a call."""
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


@pytest.mark.parametrize(
    ("instance", "is_new"),
    [
        (Note(title="milk"), True),
        (Receipt(), True),
        (Note(pk=7), False),
        (Tag(word="food"), False),
    ],
)
def test_what_must_be_new(instance: Any, is_new: bool) -> None:
    """Without a key, or with one that was just made; a key that was given may be there already."""
    assert is_surely_new(instance) is is_new


def test_what_a_fixture_brings_may_be_there() -> None:
    """Its keys are given, whatever the model would make; Django tries to update."""
    assert not is_surely_new(Receipt(), is_raw=True)
    assert is_surely_new(Note(title="milk"), is_raw=True)


def test_what_is_stored_is_not_new(write: Write) -> None:
    """Of course."""
    assert not is_surely_new(write())


def test_the_row_before(write: Write) -> None:
    """It is what the database has, not what the instance says."""
    note = write(title="milk")
    note.title = "eggs"

    before = row_before(note, None)

    assert before is not None
    assert before.title == "milk"


def test_no_row_before(board: Board) -> None:
    """A new object costs nothing; one that may be there is looked for."""
    assert n_queries(lambda: row_before(Note(), None)) == 0
    assert row_before(Note(pk=4711), None) is None


@pytest.mark.parametrize(
    ("values", "queries"),
    [
        ({}, 0),
        ({"due": datetime.date(2026, 11, 29)}, 0),
        ({"due": None}, 0),
        ({"due": "2026-11-29"}, 1),
        ({"stars": "7"}, 1),
        ({"stars": F("stars") + 1}, 1),
    ],
)
def test_the_row_after(write: Write, values: dict[str, Any], queries: int) -> None:
    """Where the instance shows it, it is not read."""
    note = write()
    for name, value in values.items():
        setattr(note, name, value)
    note.save()

    assert n_queries(lambda: row_after(note, None, None)) == queries


@pytest.mark.parametrize(("total", "queries"), [("1.50", 0), ("-0.01", 0), ("1.5", 1), ("1.239", 1), ("1E+2", 1)])
def test_decimals_after(database: None, total: str, queries: int) -> None:
    """The database rounds them, or gives them more places, where they do not have those of their field."""
    receipt = Receipt.objects.create(total=decimal.Decimal(total))

    assert n_queries(lambda: row_after(receipt, None, None)) == queries


@pytest.mark.filterwarnings("ignore:DateTimeField Note.written received a naive datetime")
@pytest.mark.parametrize(("tzinfo", "queries"), [(datetime.UTC, 0), (None, 1)])
def test_times_after(write: Write, tzinfo: datetime.tzinfo | None, queries: int) -> None:
    """The database takes one without a time zone for local time, and gives it back in UTC."""
    note = write()
    note.written = datetime.datetime(2026, 11, 29, 12, tzinfo=tzinfo)
    note.save()

    assert n_queries(lambda: row_after(note, None, None)) == queries


def test_the_row_after_a_raw_save(database: None) -> None:
    """A fixture need not have had all of it."""
    receipt = Receipt.objects.create(total=decimal.Decimal("1.50"))

    assert n_queries(lambda: row_after(receipt, None, None, is_raw=True)) == 1


def test_the_row_after_a_partial_save(write: Write) -> None:
    """What else is on the instance does not count."""
    note = write(title="milk")
    note.title = "eggs"

    after = row_after(note, None, frozenset({"text"}))

    assert after is not None
    assert after.title == "milk"


def test_the_row_is_gone(write: Write) -> None:
    """Somebody was faster."""
    note = write()
    Note.objects.filter(pk=note.pk).delete()

    assert row_after(note, None, frozenset({"text"})) is None


def test_the_row_of_what_is_deleted(write: Write) -> None:
    """It is read where the instance does not have all of it, or not in the form that the database gives."""
    whole = write(title="milk")
    partial, dated = Note.objects.only("text").get(), Note.objects.get()
    dated.due = "2026-11-29"  # type: ignore[assignment]  # as forms of old and fixtures in Python have it

    assert n_queries(lambda: row_of(whole, None)) == 0
    assert n_queries(lambda: row_of(partial, None)) == 1
    assert n_queries(lambda: row_of(dated, None)) == 1
