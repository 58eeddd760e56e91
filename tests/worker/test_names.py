"""The public names of Channels 1.1.8: each is here under the same name, or ``docs/porting.md`` says what to write."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Final

import pytest

from support.sources import ROOT
from zmqlayer.worker.later import ResponseLater
from zmqlayer.worker.test import WSClient, in_memory_layers

NAMES: Final = {
    "": "Channel Group route route_class include channel_layers DEFAULT_CHANNEL_LAYER",
    "auth": "transfer_user channel_session_user http_session_user channel_session_user_from_http "
    "channel_and_http_session_user_from_http",
    "binding": "Binding",
    "binding.base": "CREATE UPDATE DELETE Binding",
    "binding.websockets": "WebsocketBinding WebsocketBindingWithMembers",
    "channel": "Channel Group",
    "delay.apps": "DelayConfig",
    "delay.models": "DelayedMessage",
    "delay.worker": "Worker",
    "exceptions": "ConsumeLater ResponseLater RequestTimeout RequestAborted DenyConnection ChannelSocketException "
    "WebsocketCloseException SendNotAvailableOnDemultiplexer",
    "generic": "BaseConsumer",
    "generic.base": "BaseConsumer",
    "generic.websockets": "WebsocketConsumer JsonWebsocketConsumer WebsocketMultiplexer WebsocketDemultiplexer",
    "handler": "AsgiRequest AsgiHandler ViewConsumer",
    "message": "Message",
    "routing": "Router Route RouteClass Include null_consumer connect_consumer route route_class include",
    "security.websockets": "BaseOriginValidator AllowedHostsOnlyOriginValidator allowed_hosts_only",
    "sessions": "session_for_reply_channel channel_session enforce_ordering http_session channel_and_http_session",
    "signals": "consumer_started consumer_finished worker_ready worker_process_ready",
    "staticfiles": "StaticFilesHandler StaticFilesConsumer",
    "test": "TransactionChannelTestCase ChannelTestCase Client apply_routes HttpClient WSClient "
    "ChannelLiveServerTestCase",
    "test.base": "ChannelTestCaseMixin ChannelTestCase TransactionChannelTestCase Client apply_routes",
    "test.http": "HttpClient",
    "test.liveserver": "ChannelLiveServerTestCase",
    "test.websocket": "WSClient",
    "worker": "Worker",
}
"""By module below ``channels``; what of ``channels.asgi`` is here stands in ``zmqlayer.worker`` itself."""

OF_ASGI: Final = "InvalidChannelLayerError get_channel_layer channel_layers"

ABSENT: Final = (
    "asgi.ChannelLayerManager asgi.ChannelLayerWrapper binding.base.BindingMetaclass "
    "delay.models.DelayedMessageQuerySet hacks log message.pending_message_store package_checks "
    "sessions.requeue_messages sessions.wait_channel_name test.liveserver.DaphneProcess test.liveserver.WorkerProcess "
    "utils.name_that_thing worker.WorkerGroup"
)

OF_CLIENTS: Final = (
    "channel_layer consume force_login get_consumer_by_channel get_cookies get_next_message headers join_group login "
    "receive reply_channel send send_and_consume session set_cookie set_header"
)


@pytest.mark.parametrize(("module", "names"), [*NAMES.items(), ("", OF_ASGI)])
def test_names_are_where_they_were(module: str, names: str) -> None:
    """``channels`` becomes ``zmqlayer.worker``, and that is all."""
    found = importlib.import_module(f"zmqlayer.worker.{module}".rstrip("."))

    assert [name for name in names.split() if not hasattr(found, name)] == []


@pytest.mark.parametrize("name", ABSENT.split())
def test_what_is_not_here_is_said(name: str) -> None:
    """With what to write instead."""
    page = (ROOT / "docs" / "porting.md").read_text(encoding="utf-8")

    assert f"`channels.{name}`" in page


def test_what_a_client_has() -> None:
    """Methods and attributes, of a browser's client and so of the plain one."""
    with in_memory_layers():
        client = WSClient()

    assert set(OF_CLIENTS.split()) <= {*dir(WSClient), *vars(client)}


def test_one_response_later() -> None:
    """It is the same object wherever it is imported from."""
    exceptions, handler = (importlib.import_module(f"zmqlayer.worker.{name}") for name in ("exceptions", "handler"))

    assert exceptions.ResponseLater is handler.ResponseLater is handler.AsgiRequest.ResponseLater is ResponseLater


def test_names_need_no_settings() -> None:
    """A script may import them before it has any."""
    program = "import zmqlayer.worker as w; print(*(name for name in w.__all__ if getattr(w, name) is None))"

    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30)

    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "")
