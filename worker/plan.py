"""
What a worker process is to do, as its operator said it, and the parts that will do it. Used by management commands.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from django.apps import apps
from django.conf import settings

from zmqlayer.config import WORKER_PREFETCH
from zmqlayer.worker.choice import choose_channels
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, get_channel_layer
from zmqlayer.worker.loop import DEFAULT_LIMIT, ConsumerLoop
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.routing import Consumer, Router, load_routing
from zmqlayer.worker.staticfiles import StaticFilesConsumer
from zmqlayer.worker.threads import WorkerGroup
from zmqlayer.worker.worker import Worker

__all__ = [
    "DEFAULT_GRACE_S",
    "DEFAULT_THREADS",
    "BadPlan",
    "Plan",
    "build_group",
    "check_port",
    "choose_http_consumer",
]

DEFAULT_THREADS: Final = 4
DEFAULT_GRACE_S: Final = 5.0
"""With what leaving the mesh takes it fits into the ten seconds after which containers are killed."""

LIMITS: Final = (
    ("n_threads", "--threads", 1, 1_000),
    ("n_processes", "--processes", 1, 1_000),
    ("async_limit", "--async-limit", 1, 1_000_000),
    ("grace_s", "--graceful-timeout", 0, 86_400),
)
"""Field, flag, and the range that it may be in."""


class BadPlan(ValueError):
    """A worker cannot do what it was told; the text names the flag and the cure."""


@dataclass(frozen=True, slots=True)
class Plan:
    """
    One worker.

    Attributes:
        alias: Which of ``CHANNEL_LAYERS`` to read.
        n_threads: How many messages to consume at once.
        n_processes: In how many processes to do all this.
        async_limit: How many consumers that are coroutines may run at once in a process.
        grace_s: How long consumers may take to finish when the worker is told to stop.
        only: Globs of channels; with any, no other channel is read.
        exclude: Globs of channels that are not read.

    Raises:
        BadPlan: A number is out of range.
    """

    alias: str = DEFAULT_CHANNEL_LAYER
    n_threads: int = DEFAULT_THREADS
    n_processes: int = 1
    async_limit: int = DEFAULT_LIMIT
    grace_s: float = DEFAULT_GRACE_S
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field, flag, least, most in LIMITS:
            value = getattr(self, field)
            if not least <= value <= most:
                raise BadPlan(f"{flag} is {value:g}, and must be from {least:,} to {most:,}")


def build_group(plan: Plan, http_consumer: Consumer | None = None) -> WorkerGroup:
    """
    Return the threads of a worker, which have not started, on a layer that has not either.

    Args:
        http_consumer: Takes the requests that no route wants, in place of Django's views.

    Raises:
        BadPlan: There is no channel to read.
        ZmqLayerError: The settings of the layer, or the routing, cannot be used.
    """
    router = Router(load_routing(plan.alias))
    router.check_default(http_consumer)
    channels = choose_channels(router.channels, plan.only, plan.exclude)
    if not channels:
        raise BadPlan(
            f"{_say_globs(plan)}: no channel is left to read; the routing has {', '.join(sorted(router.channels))}"
        )
    layer = get_channel_layer(plan.alias)
    layer.role = "worker"
    layer.read_ahead(WORKER_PREFETCH)
    layer.work_in_batches()
    abandon = threading.Event()
    worker = Worker(
        layer,
        router,
        channels,
        Patience(time.monotonic, abandon.wait),
        loop=ConsumerLoop(time.monotonic, plan.async_limit),
    )
    return WorkerGroup(worker, plan.n_threads, abandon, time.monotonic, plan.grace_s)


def check_port(plan: Plan) -> None:
    """
    Check that several processes can listen where the layer is told to.

    Raises:
        BadPlan: They would all need one port.
    """
    bind = get_channel_layer(plan.alias).node.config.bind
    if bind.port:
        raise BadPlan(
            f"--processes is {plan.n_processes}, and only one process can listen on port {bind.port} of the mesh; "
            f"leave the port out, as in --mesh-bind {bind.host}"
        )


def choose_http_consumer(*, is_static_wanted: bool = True, is_insecure: bool = False) -> Consumer | None:
    """
    Return what serves static files before Django's views, or None where nothing should: see ``DEBUG``.

    Args:
        is_insecure: Whether to serve them even without ``DEBUG``.
    """
    if not is_static_wanted or not apps.is_installed("django.contrib.staticfiles"):
        return None
    if not settings.DEBUG and not is_insecure:
        return None
    return StaticFilesConsumer(insecure=is_insecure)


def _say_globs(plan: Plan) -> str:
    flags = [f"--only-channels {glob}" for glob in plan.only] + [f"--exclude-channels {glob}" for glob in plan.exclude]
    return " ".join(flags)
