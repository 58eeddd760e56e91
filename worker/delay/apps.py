"""The Django app: add ``"zmqlayer.worker.delay"`` to ``INSTALLED_APPS`` to get ``rundelay`` and its table."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["DelayConfig"]


class DelayConfig(AppConfig):
    """The delay server's table and command."""

    name = "zmqlayer.worker.delay"
    label = "zmqlayer_delay"
    verbose_name = "zmqlayer delay server"
