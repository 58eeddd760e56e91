"""A development site: which mesh its server and its worker are in, and where they stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from zmqlayer.bind import Bind
from zmqlayer.interface.serving.plan import Plan as ServerPlan
from zmqlayer.interface.serving.sockets import CannotServe
from zmqlayer.worker.layers import channel_layers, get_channel_layer
from zmqlayer.worker.management import development
from zmqlayer.worker.management.commands import runserver
from zmqlayer.worker.management.development import DevelopmentSite, make_do_without_layers
from zmqlayer.worker.plan import BadPlan, Plan

SECRET = "0123456789abcdef" * 4


class Server:
    """Takes the plan of a server, and listens nowhere."""

    def __init__(self, plan: ServerPlan, log_access: Callable[..., object]) -> None:
        self.plan = plan
        self.port = 8123
        servers.append(self)

    def open(self) -> None:
        """Do nothing."""


servers: list[Server] = []


@pytest.fixture(autouse=True)
def project(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A project with a secret that opens its mesh to other machines."""
    for name in ("DISCOVERY", "BIND", "CLUSTER"):
        monkeypatch.delenv(f"ZMQLAYER_{name}", raising=False)
    monkeypatch.setattr(development, "EmbeddedServer", Server)
    monkeypatch.setattr(development, "pass_on_faults", lambda: None)
    configure(settings, {})
    servers.clear()
    yield
    channel_layers.close()


def configure(settings: Any, config: Mapping[str, Any]) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "zmqlayer.ChannelLayer",
            "CONFIG": {"cluster": "blue", "secret": SECRET, **config},
        }
    }


def open_site(*, has_server: bool = True, has_worker: bool = True, **options: Any) -> DevelopmentSite:
    site = DevelopmentSite(Plan(), None, str)
    site.open("127.0.0.1", 8123, options, has_server=has_server, has_worker=has_worker)
    return site


def test_a_whole_site_stays_on_this_machine() -> None:
    """Colleagues in one office, who share the secret of their project, do not answer each other's requests."""
    site = open_site()

    worker, server = get_channel_layer().node.config, servers[0].plan.config
    assert (site.cluster, site.port) == ("blue", 8123)
    assert (worker.discovery, worker.bind) == ("localhost", Bind("127.0.0.1", 0))
    assert (server.discovery, server.bind, server.cluster, server.secrets) == (
        "localhost",
        Bind("127.0.0.1", 0),
        "blue",
        worker.secrets,
    )


def test_the_server_knows_the_worker_at_once() -> None:
    """Its address is a seed: the first request does not wait until they have found each other."""
    open_site()

    layer: Any = get_channel_layer()
    assert servers[0].plan.config.seeds == (layer.address,)


def test_what_the_project_says_counts(settings: Any) -> None:
    """Who says how far to look has a reason; a port that is given is the worker's."""
    configure(settings, {"discovery": "off", "bind": "127.0.0.1:7342", "seeds": ["tcp://127.0.0.1:7002"]})

    open_site(has_worker=False)

    config = servers[0].plan.config
    assert (config.discovery, config.bind, config.seeds) == ("off", Bind("127.0.0.1", 0), ("tcp://127.0.0.1:7002",))


def test_half_a_site_joins_as_the_settings_say() -> None:
    """The other half, in another terminal, looks for it there."""
    open_site(has_worker=False)
    server = servers[0].plan.config
    channel_layers.close()
    open_site(has_server=False)
    worker = get_channel_layer().node.config

    assert len(servers) == 1
    assert server.discovery == worker.discovery == "subnet"
    assert server.bind.is_wildcard
    assert worker.bind.is_wildcard


def test_times_for_developers() -> None:
    """A view may stand at a breakpoint; the end is quick; what was said on the command line wins."""
    open_site(has_worker=False)
    channel_layers.close()
    open_site(has_worker=False, http_timeout="7")

    first, second = (server.plan.options for server in servers)
    assert (first.http_timeout_s, first.stop_timeout_s) == (3600.0, 1.0)
    assert (second.http_timeout_s, second.stop_timeout_s) == (7.0, 1.0)


def test_a_layer_of_another_kind(settings: Any) -> None:
    """A server needs a mesh to join."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "support.memory_layer.MemoryBackend"}}

    with pytest.raises(BadPlan, match=r"has BACKEND 'support\.memory_layer\.MemoryBackend'; runserver needs"):
        open_site()


def test_a_project_without_layers(settings: Any) -> None:
    """Its layer is this process's: it has a name that nobody can guess, and looks for nobody."""
    settings.CHANNEL_LAYERS = {}

    make_do_without_layers()

    config = get_channel_layer().node.config
    assert config.cluster.startswith("runserver-")
    assert config.discovery == "off"


def test_a_site_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it stays in the mesh."""

    def refuse(server: Server) -> None:
        raise CannotServe("cannot listen")

    monkeypatch.setattr(Server, "open", refuse)
    layer: Any = get_channel_layer()
    monkeypatch.setattr(channel_layers, "override", lambda alias, config: None)

    with pytest.raises(CannotServe):
        open_site()

    assert layer.node.is_closed


@pytest.mark.parametrize("flags", [(), ("--noreload",)])
def test_a_port_that_is_none_ends_the_command(
    settings: Any, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    """Before the autoreloader starts, which would wait for a change of the source."""
    settings.ALLOWED_HOSTS = ["*"]

    def refuse(*args: object) -> None:
        raise AssertionError("the reloader was started")

    monkeypatch.setattr(runserver, "run_reloading", refuse)

    with pytest.raises(CommandError, match=r"^port 99999 is not in the range 0 to 65535$"):
        call_command("runserver", "127.0.0.1:99999", *flags)

    assert servers == []
