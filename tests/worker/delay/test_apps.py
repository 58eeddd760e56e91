"""The app of the delay server."""

from __future__ import annotations

from django.apps import apps

from zmqlayer.worker.delay.models import DelayedMessage


def test_the_label() -> None:
    """The label leaves "delay" to the project's own apps, and the table follows it."""
    assert apps.get_app_config("zmqlayer_delay").name == "zmqlayer.worker.delay"
    assert DelayedMessage._meta.db_table == "zmqlayer_delay_delayedmessage"
