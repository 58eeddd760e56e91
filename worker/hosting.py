"""
An ASGI application of a Django project, on the project's own layer: what ``runworker --asgi`` runs.

Channels asks its own registry for layers; there it finds this one (:mod:`zmqlayer.worker.sharing`), so that consumers
of Channels 4 use the node that their connections come from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.conf import settings

from zmqlayer.config import WORKER_PREFETCH
from zmqlayer.sync import SyncLayer
from zmqlayer.worker.asgi import AsgiOptions, AsgiService
from zmqlayer.worker.asgi.loading import load_application
from zmqlayer.worker.asgi.options import CHANNELS
from zmqlayer.worker.choice import choose_channels
from zmqlayer.worker.layers import get_channel_layer
from zmqlayer.worker.plan import BadPlan, Plan
from zmqlayer.worker.processes import Lifeline

__all__ = ["host_application"]


def host_application(
    path: str, plan: Plan, say: Callable[[str], None], lifeline: Lifeline | None = None
) -> AsgiService:
    """
    Return the service of an application, which has not started, on a layer that has not either.

    Args:
        path: ``mysite.asgi.application`` or ``mysite.asgi:application``; ``ASGI_APPLICATION`` if it is empty.
        say: Takes the status lines.
        lifeline: To the parent of this process, if it has one.

    Raises:
        BadPlan: No application is named anywhere, or there is no channel to read.
        CannotLoad: It is not there.
        ZmqLayerError: The settings of the layer cannot be used.
    """
    path = path or getattr(settings, "ASGI_APPLICATION", None) or ""
    if not path:
        raise BadPlan(
            "--asgi names no application, and the settings have no ASGI_APPLICATION; "
            "write --asgi mysite.asgi.application"
        )
    channels = tuple(choose_channels(CHANNELS, plan.only, plan.exclude))
    if not channels:
        raise BadPlan(f"no channel is left to read; an ASGI application has {', '.join(CHANNELS)}")
    if ":" not in path:
        path = ":".join(path.rsplit(".", 1))
    layer = get_channel_layer(plan.alias)
    layer.role = "worker"
    options = AsgiOptions(
        name=path,
        channels=channels,
        limit_concurrency=plan.async_limit,
        graceful_timeout_s=plan.grace_s,
        prefetch=WORKER_PREFETCH if layer.node.config.prefetch is None else layer.node.config.prefetch,
    )
    return AsgiService(load_application(path), cast(SyncLayer, layer), options, say, lifeline)
