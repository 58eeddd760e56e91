"""
What ``manage.py check`` and every command that runs checks say of wrong settings, each with the cure as its hint.

Nothing here opens a socket or starts a node. ``CHANNEL_LAYERS`` is read as the layers themselves read it, so that what
passes here can be started.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.management import find_commands
from django.utils.module_loading import import_string

from zmqlayer.base import BaseLayer
from zmqlayer.config import NAMES, SETTINGS, Config, parse_environment
from zmqlayer.exceptions import ConfigError, ZmqLayerError
from zmqlayer.keyring import KEYGEN
from zmqlayer.limits import Limits
from zmqlayer.project import project_secrets
from zmqlayer.worker.layers import layer_settings
from zmqlayer.worker.routing import Router, consumer_name, load_routing
from zmqlayer.worker.sessions import session_for_reply_channel, uses_channel_session

__all__ = [
    "check_application",
    "check_backends",
    "check_clusters",
    "check_commands",
    "check_config",
    "check_entries",
    "check_routing",
    "check_secret_key",
    "check_sessions",
    "register_checks",
]

TAG: Final = "channels"
OWN_BACKEND: Final = "zmqlayer.ChannelLayer"
USE_OURS: Final = f'Write "BACKEND": "{OWN_BACKEND}"; it needs no server, and CONFIG may be left out.'
ENTRY_KEYS: Final = ("BACKEND", "CONFIG", "ROUTING", "TEST_CONFIG")

ANCIENT: Final = ("asgi_redis.", "asgi_ipc.", "asgi_rabbitmq.", "asgiref.inmemory.", "channels.database_layer.")
"""Backends of Channels 1.x."""
FOREIGN: Final = ("channels_redis.", "channels_rabbitmq.", "channels_postgres.", "channels_valkey.", "channels.layers.")
"""Backends of Channels 4, which have no blocking face and no queues that workers share."""


def register_checks() -> None:
    """Let Django run the checks."""
    for check in (
        check_entries,
        check_backends,
        check_config,
        check_clusters,
        check_routing,
        check_sessions,
        check_application,
        check_commands,
    ):
        register(check, TAG)
    register(check_secret_key, TAG, deploy=True)


def check_entries(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say what is wrong with the form of ``CHANNEL_LAYERS``."""
    layers = getattr(settings, "CHANNEL_LAYERS", None)
    example = f'CHANNEL_LAYERS = {{"default": {{"BACKEND": "{OWN_BACKEND}"}}}}'
    if not layers:
        hint = f"Add {example} to the settings."
        return [Warning("CHANNEL_LAYERS is missing, so nothing can be sent.", hint, id="zmqlayer.W001")]
    if not isinstance(layers, Mapping):
        sentence = f"CHANNEL_LAYERS is a {type(layers).__name__}, not a dict of layers by alias."
        return [Error(sentence, f"Write {example}.", id="zmqlayer.E001")]
    found: list[CheckMessage] = []
    for alias, entry in layers.items():
        try:
            layer_settings(alias)
        except ZmqLayerError as exc:
            found.append(Error(f"{exc}.", USE_OURS, id="zmqlayer.E001"))
        else:
            found += [_unknown_key(alias, key) for key in entry if key not in ENTRY_KEYS]
    return found


def check_backends(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say which ``BACKEND`` no worker can use."""
    return [message for alias, entry in _entries() for message in _judge_backend(alias, entry["BACKEND"])]


def check_config(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say which settings of our own layers cannot work: what ``CONFIG`` and the environment have."""
    found: list[CheckMessage] = []
    for alias, entry in _own_entries():
        place = f"CHANNEL_LAYERS[{alias!r}]['CONFIG']"
        try:
            _read_config(entry)
        except ConfigError as exc:
            found.append(Error(f"{place}: {exc}.", _cure(place, entry, exc.setting), id="zmqlayer.E004"))
        except Exception as exc:  # noqa: BLE001  # it is told
            sentence = f"{place} cannot be read: {type(exc).__name__}: {exc}."
            found.append(Error(sentence, "Make it a dict of settings by name.", id="zmqlayer.E004"))
    return found


def check_clusters(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say which aliases would be two nodes of one cluster in each process."""
    found: list[CheckMessage] = []
    first_with: dict[str, str] = {}
    for alias, config in _own_configs():
        others = {first_with.setdefault(tag, alias) for tag in config.cluster_tags} - {alias}
        for other in sorted(others):
            sentence = f"The layers {other!r} and {alias!r} are both in cluster {config.cluster!r}: "
            sentence += "what is sent to one may be read by workers of the other."
            hint = f"Set 'cluster' in the CONFIG of {alias!r} to a name of its own, or use one alias."
            found.append(Error(sentence, hint, id="zmqlayer.E005"))
    return found


def check_routing(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say which routing, or consumer in it, cannot be used."""
    found: list[CheckMessage] = []
    for alias, _ in _entries():
        try:
            Router(load_routing(alias))
        except ZmqLayerError as exc:
            found.append(_bad_routing(alias, str(exc)))
        except Exception as exc:  # noqa: BLE001  # it is told; the routing is code of the project
            found.append(_bad_routing(alias, f"importing it raises {type(exc).__name__}: {exc}"))
    return found


def check_sessions(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say which consumers want a channel session where the session engine can keep none, as cookies cannot."""
    names = sorted({name for router in _routers() for name in _names_with_sessions(router)})
    if not names:
        return []
    try:
        session_for_reply_channel("websocket.send!check")  # an engine is asked for nothing before its session is used
    except Exception as exc:  # noqa: BLE001  # it is told
        sentence = f"The channel sessions of {', '.join(names)} cannot be kept: {exc}."
        hint = 'Set CHANNEL_SESSION_ENGINE = "django.contrib.sessions.backends.db", or another engine but cookies.'
        return [Error(sentence, hint, id="zmqlayer.E007")]
    return []


def check_application(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say whether ``ASGI_APPLICATION`` cannot be imported."""
    path = getattr(settings, "ASGI_APPLICATION", None)
    if path is None:
        return []
    try:
        import_string(path)
    except Exception as exc:  # noqa: BLE001  # it is told; the application is code of the project
        sentence = f"ASGI_APPLICATION is {path!r}, which cannot be imported: {type(exc).__name__}: {exc}."
        hint = 'Name a module and an application in it, like "mysite.asgi.application", or remove the setting.'
        return [Error(sentence, hint, id="zmqlayer.E008")]
    return []


def check_commands(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say which of our commands another app hides, by standing before ours in ``INSTALLED_APPS``."""
    found: list[CheckMessage] = []
    configs = list(apps.get_app_configs())
    own = apps.get_app_config("zmqlayer_worker")
    wanted = set(_commands_of(own))
    for config in configs[: configs.index(own)]:
        for command in sorted(wanted.intersection(_commands_of(config))):
            sentence = f"'manage.py {command}' is the command of {config.name!r}, which stands before {own.name!r}."
            hint = f"Put {own.name!r} before {config.name!r} in INSTALLED_APPS."
            found.append(Warning(sentence, hint, id="zmqlayer.W004"))
    return found


def check_secret_key(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Say why the mesh will stay on this machine although the site is deployed. For ``manage.py check --deploy``."""
    flaw = project_secrets(Limits().secrets).flaw
    ambient = parse_environment(os.environ).keys()
    found: list[CheckMessage] = []
    for alias, entry in _own_entries():
        given = {*ambient, *_config_of(entry)}
        if flaw and not given & {"secret", "secrets", "discovery"}:
            sentence = f"The layer {alias!r} stays on this machine: {flaw}."
            hint = f"Use a SECRET_KEY that nobody else knows, or give all nodes one secret ({KEYGEN}); "
            hint += '"discovery": "localhost" says that it is meant so.'
            found.append(Warning(sentence, hint, id="zmqlayer.W005"))
    return found


def _entries() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Iterate over what is well formed in ``CHANNEL_LAYERS``; the rest is for :func:`check_entries`."""
    layers = getattr(settings, "CHANNEL_LAYERS", None)
    for alias in layers if isinstance(layers, Mapping) else ():
        try:
            yield alias, layer_settings(alias)
        except ZmqLayerError:
            continue


def _own_entries() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for alias, entry in _entries():
        try:
            backend = import_string(entry["BACKEND"])
        except Exception:  # noqa: BLE001  # check_backends tells it
            continue
        if isinstance(backend, type) and issubclass(backend, BaseLayer):
            yield alias, entry


def _own_configs() -> Iterator[tuple[str, Config]]:
    for alias, entry in _own_entries():
        try:
            yield alias, _read_config(entry)
        except Exception:  # noqa: BLE001  # check_config tells it
            continue


def _routers() -> Iterator[Router]:
    for alias, _ in _entries():
        try:
            yield Router(load_routing(alias))
        except Exception:  # noqa: BLE001  # check_routing tells it
            continue


def _config_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    return dict(entry.get("CONFIG", {}))


def _read_config(entry: Mapping[str, Any]) -> Config:
    return Config.from_settings(_config_of(entry), os.environ, project=project_secrets(Limits().secrets))


def _unknown_key(alias: str, key: str) -> CheckMessage:
    meant = difflib.get_close_matches(str(key).upper(), ENTRY_KEYS, n=1)
    hint = f"Did you mean {meant[0]!r}?" if meant else "Settings of the layer go into CONFIG; remove the rest."
    return Warning(f"CHANNEL_LAYERS[{alias!r}] has the key {key!r}, which nobody reads.", hint, id="zmqlayer.W003")


def _judge_backend(alias: str, backend: str) -> Iterator[CheckMessage]:
    place = f"CHANNEL_LAYERS[{alias!r}] has BACKEND {backend!r}"
    if backend.startswith(ANCIENT):
        yield Error(f"{place}, which is of Channels 1.x.", USE_OURS, id="zmqlayer.E003")
    elif backend.startswith(FOREIGN):
        yield Warning(f"{place}, which 'manage.py runworker' cannot use.", USE_OURS, id="zmqlayer.W002")
    else:
        try:
            import_string(backend)
        except Exception as exc:  # noqa: BLE001  # it is told
            yield Error(f"{place}, which cannot be imported: {exc}.", USE_OURS, id="zmqlayer.E002")


def _cure(place: str, entry: Mapping[str, Any], setting: str) -> str:
    """Return where to change *setting*, and to what if it is only misspelt."""
    variables = {each.name: each.variable for each in SETTINGS}
    if setting not in _config_of(entry) and setting in variables:
        return f"Correct {setting!r}, or the environment variable {variables[setting]} where that is set."
    meant = difflib.get_close_matches(setting, NAMES, n=1)
    if setting in NAMES or not meant:
        return f"Correct {setting!r} in {place}, or leave it out."
    return f"Rename {setting!r} to {meant[0]!r} in {place}."


def _bad_routing(alias: str, problem: str) -> CheckMessage:
    hint = f"Correct the routing, or what CHANNEL_LAYERS[{alias!r}]['ROUTING'] or ZMQLAYER_ROUTING names."
    return Error(f"The routing of layer {alias!r} cannot be used: {problem}.", hint, id="zmqlayer.E006")


def _names_with_sessions(router: Router) -> list[str]:
    return [consumer_name(consumer) for consumer in router.root.consumers() if uses_channel_session(consumer)]


def _commands_of(config: AppConfig) -> Sequence[str]:
    return find_commands(str(Path(config.path) / "management"))
