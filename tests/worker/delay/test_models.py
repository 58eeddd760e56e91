"""The table: what a project may do with its rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction

from support.delay_run import START, delayed
from zmqlayer.worker.delay.delayed import Delayed
from zmqlayer.worker.delay.models import DelayedMessage

pytestmark = pytest.mark.usefixtures("database")


def test_a_row_holds_a_message() -> None:
    """What is kept comes back the same."""
    message = Delayed(delayed().channel, delayed(7).body, tries=2)
    DelayedMessage.objects.keep(message, START)

    row = DelayedMessage.objects.get()

    assert row.delayed() == message
    assert row.message == {"number": 7}
    assert row.due_date == START
    assert str(row).startswith("for reminders at 2026-03-29 00:59:00")


def test_due_rows() -> None:
    """``is_due`` gives what should be sent by then, the oldest first."""
    for seconds in (3, 1, 2):
        DelayedMessage.objects.keep(delayed(seconds), START + timedelta(seconds=seconds))

    due = DelayedMessage.objects.is_due(START + timedelta(seconds=2))

    assert [row.message["number"] for row in due] == [1, 2]
    assert DelayedMessage.objects.is_due(START).count() == 0


def test_a_row_is_part_of_a_transaction() -> None:
    """A message kept in a transaction that rolls back was never asked for."""
    with transaction.atomic():
        DelayedMessage.objects.keep(delayed(), START)
        transaction.set_rollback(True)

    assert not DelayedMessage.objects.exists()


def test_the_migrations_are_complete() -> None:
    """The model has not changed since its last migration."""
    call_command("makemigrations", "zmqlayer_delay", check=True, dry_run=True, verbosity=0)
