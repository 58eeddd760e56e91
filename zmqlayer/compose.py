"""
From settings to a running node: the only place that knows all parts.

``zmqlayer.ChannelLayer`` and its siblings are made here, so that the modules below
them never need to know which transport and which discovery are used.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from zmqlayer.config import SETTINGS, Config, parse_environment
from zmqlayer.discovery import Combined, DnsDiscovery, MdnsDiscovery, StaticDiscovery
from zmqlayer.discovery.hosts import HostWatch
from zmqlayer.discovery.interfaces import reachable_hosts
from zmqlayer.greetings import MAX_HOSTS, is_numeric
from zmqlayer.layer import AsyncLayer
from zmqlayer.limits import Limits
from zmqlayer.misspelt import warn_of_misspelt
from zmqlayer.node import Node
from zmqlayer.ports import Discovery
from zmqlayer.project import project_secrets, warn_of_flaw
from zmqlayer.roles import role_of
from zmqlayer.security import Keys
from zmqlayer.slot import NodeSlot
from zmqlayer.solo import SoloTransport
from zmqlayer.sync import SyncLayer
from zmqlayer.transport import ZmqTransport

__all__ = ["ChannelLayer", "InMemoryChannelLayer", "SyncChannelLayer", "build_node", "configure", "open_layer"]


class ChannelLayer(AsyncLayer):
    """
    A channel layer for coroutines: the backend for ``CHANNEL_LAYERS``, and a library class.

    Args:
        settings: Any of :data:`zmqlayer.config.SETTINGS`; for those not given, ``ZMQLAYER_<SETTING>`` counts.

    Raises:
        ConfigError: An unknown setting, or a value that cannot work.

    The node starts at the first use. Each layer is a node of its own.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(_slot_for(configure(settings), role_of(sys.argv)))


class SyncChannelLayer(SyncLayer):
    """
    A channel layer for threads, with the contract of the 2016 ASGI draft.

    Arguments and errors are those of :class:`ChannelLayer`.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(_slot_for(configure(settings), role_of(sys.argv)))


class InMemoryChannelLayer(AsyncLayer):
    """
    A channel layer for one process alone, without sockets: for tests, and for development in a single process.

    Args:
        settings: As for :class:`ChannelLayer`, so that ``BACKEND`` is all that has to be changed. Those about other
            nodes are checked, and have no effect.

    Raises:
        ConfigError: As for :class:`ChannelLayer`.

    Capacity, expiry, groups and names are those of the mesh: it is the same node, on a transport that carries nothing.
    """

    def __init__(self, **settings: Any) -> None:
        config = configure({**settings, "discovery": "off", "seeds": ()})
        config = replace(config, timing=replace(config.timing, linger_s=0.0))  # nobody else takes what is left
        super().__init__(NodeSlot(partial(_build_solo, config, role_of(sys.argv))))


def configure(settings: Mapping[str, Any]) -> Config:
    """
    Build a configuration from keyword settings, the environment and the Django project of this process.

    Variables that are misspelt, and so have no effect, are named in the log.

    Raises:
        ConfigError: An unknown setting, or a value that cannot work.
    """
    warn_of_misspelt(os.environ, [setting.variable for setting in SETTINGS])
    project = project_secrets(Limits().secrets)
    config = Config.from_settings(settings, os.environ, project=project)
    given = {name for name, value in settings.items() if value is not None} | set(parse_environment(os.environ))
    if project.flaw and not given & {"secret", "secrets", "discovery"}:
        warn_of_flaw(project.flaw)
    return config


def open_layer(config: Config, role: str) -> SyncLayer:
    """Return a blocking layer on a new node that is told apart by *role*; :meth:`start` it, or just use it."""
    return SyncLayer(_slot_for(config, role))


def build_node(config: Config, role: str = "script") -> Node:
    """Return a node over ZeroMQ that is not started yet."""
    keys = [Keys.derive(secret, config.cluster) for secret in config.secrets]
    limits = config.limits
    return Node(
        config,
        role,
        reachable_hosts(config.bind.host),
        ZmqTransport(
            config.bind,
            keys,
            config.max_message_size,
            2 * config.peer_messages,
            limits.published_bytes,
            limits.peers + limits.candidates + limits.routes * MAX_HOSTS,
        ),
        _choose_discovery(config),
        time.monotonic,
        os.urandom,
    )


def _build_solo(config: Config, role: str) -> Node:
    transport = SoloTransport(len(config.cluster_tags))
    return Node(config, role, ("localhost",), transport, Combined([]), time.monotonic, os.urandom)


def _slot_for(config: Config, role: str) -> NodeSlot:
    return NodeSlot(partial(build_node, config, role))


def _choose_discovery(config: Config) -> Discovery:
    sources: list[Discovery] = []
    addresses = [seed for seed in config.seeds if is_numeric(seed)]
    names = [seed for seed in config.seeds if seed not in addresses]
    if addresses:
        sources.append(StaticDiscovery(addresses))
    if names:
        sources.append(DnsDiscovery(names, config.limits.addresses_per_name))
    if config.bind.is_wildcard:
        sources.append(HostWatch(partial(reachable_hosts, config.bind.host)))
    if config.discovery != "off":
        sources.append(MdnsDiscovery(config.discovery, limits=config.limits))
    return Combined(sources)
