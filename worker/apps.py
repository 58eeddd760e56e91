"""The Django app: add ``"zmqlayer.worker"`` to ``INSTALLED_APPS`` to get ``runworker``."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.signals import setting_changed

from zmqlayer.worker.binding.base import connect_bindings
from zmqlayer.worker.checks import register_checks
from zmqlayer.worker.layers import channel_layers

__all__ = ["WorkerConfig"]


class WorkerConfig(AppConfig):
    """Ties the worker's layers, checks and bindings to Django."""

    name = "zmqlayer.worker"
    label = "zmqlayer_worker"
    verbose_name = "zmqlayer worker"

    def ready(self) -> None:
        """Forget layers when their settings change; register the checks; connect the bindings."""
        setting_changed.connect(_forget_layers)
        register_checks()
        connect_bindings()


def _forget_layers(*, setting: str, **kwargs: Any) -> None:
    if setting == "CHANNEL_LAYERS":
        channel_layers.close()
