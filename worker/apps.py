"""The Django app: add ``"zmqlayer.worker"`` to ``INSTALLED_APPS`` to get ``runworker``."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.signals import setting_changed
from django.db import close_old_connections, reset_queries

from zmqlayer.worker.binding.base import connect_bindings
from zmqlayer.worker.checks import register_checks
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.signals import consumer_finished, consumer_started

__all__ = ["WorkerConfig"]


class WorkerConfig(AppConfig):
    """Ties the worker's signals, checks and bindings to Django's."""

    name = "zmqlayer.worker"
    label = "zmqlayer_worker"
    verbose_name = "zmqlayer worker"

    def ready(self) -> None:
        """Close database connections around each consumer as Django does around each request; connect bindings."""
        consumer_started.connect(reset_queries)
        consumer_started.connect(close_old_connections)
        consumer_finished.connect(close_old_connections)
        setting_changed.connect(_forget_layers)
        register_checks()
        connect_bindings()


def _forget_layers(*, setting: str, **kwargs: Any) -> None:
    if setting == "CHANNEL_LAYERS":
        channel_layers.close()
