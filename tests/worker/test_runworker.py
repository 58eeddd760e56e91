"""``manage.py runworker``: flags, sentences, signals."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command, load_command_class

from support.memory_layer import MemoryLayer, MemoryPeer
from zmqlayer.config import FLAGS, SETTINGS
from zmqlayer.names import NodeId
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.management.commands import runworker
from zmqlayer.worker.signals import worker_ready


@pytest.fixture(autouse=True)
def fresh_layers(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A backend with a blocking face, no layer built yet, and a short look around."""
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "support.memory_layer.MemoryBackend", "CONFIG": {"capacity": 5, "cluster": "blue"}}
    }
    settings.ZMQLAYER_ROUTING = "support.named_routing.routes"
    monkeypatch.setattr(runworker, "LOOK_AROUND_S", 0.0)
    yield
    channel_layers.close()


class Run:
    """One run of the command: what it said, and the layer it used."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.layer: MemoryLayer | None = None
        self.n_threads = 0

    def __call__(self, *args: str, peers: tuple[MemoryPeer, ...] = ()) -> str:
        """Run with *args*, stop as soon as the worker is ready, and return what was printed."""

        def stop(worker: Any, **kwargs: Any) -> None:
            self.layer = worker.channel_layer
            worker.channel_layer.links.extend(peers)
            signal.raise_signal(signal.SIGTERM)

        worker_ready.connect(stop)
        try:
            call_command("runworker", *args, stdout=self.out)
        finally:
            worker_ready.disconnect(stop)
        return self.out.getvalue()


def test_the_status_line() -> None:
    """At the start it says who it is, what it reads, with how many threads, and in which cluster."""
    said = Run()("--threads", "2")

    assert said.startswith(
        "worker aaaa reads http.request, websocket.connect, websocket.disconnect, "
        "websocket.receive with 2 threads in cluster 'blue'\n"
    )


def test_a_signal_ends_it_cleanly() -> None:
    """SIGTERM stops the threads, closes the layer and puts the signal handlers back."""
    before = signal.getsignal(signal.SIGTERM)
    run = Run()

    run("--threads", "1")

    assert run.layer is not None
    assert run.layer.is_closed
    assert run.layer.role == "worker"
    assert signal.getsignal(signal.SIGTERM) is before


def test_flags_win_over_the_settings() -> None:
    """Each setting of the layer is a flag; those that are not given stay as CONFIG has them."""
    run = Run()

    run("--cluster", "green", "--seed", "tcp://127.0.0.1:7000", "--seed", "tcp://127.0.0.1:7002")

    assert run.layer is not None
    assert run.layer.given == {
        "capacity": 5,
        "cluster": "green",
        "seeds": ["tcp://127.0.0.1:7000", "tcp://127.0.0.1:7002"],
    }


def test_every_setting_is_a_flag() -> None:
    """The flags are made from the one table of settings, and the help names the environment variables."""
    parser = load_command_class("zmqlayer.worker", "runworker").create_parser("manage.py", "runworker")

    help_text = parser.format_help()

    assert not [setting.name for setting in SETTINGS if setting not in FLAGS and f"{setting.flag} " in help_text]
    for setting in FLAGS:
        assert setting.flag in help_text
        assert setting.variable in help_text


def test_chosen_channels() -> None:
    """Globs choose what to read."""
    said = Run()("--only-channels", "websocket.*", "--exclude-channels", "*.disconnect")

    assert "reads websocket.connect, websocket.receive with" in said


def test_peers_are_reported() -> None:
    """A moment after the start it says whom it found."""
    command = runworker.Command(stdout=io.StringIO())
    half_linked = MemoryPeer(NodeId(b"h" * 16), "worker", "greeted")
    layer = MemoryLayer(links=[MemoryPeer(NodeId(b"\xff" * 16), "interface"), half_linked])

    command._report_peers(layer)
    layer.links.clear()
    command._report_peers(layer)

    assert command.stdout.getvalue().splitlines() == [  # type: ignore[attr-defined]  # a StringIO inside
        "worker aaaa found interface 7777",
        "worker aaaa found nobody yet; the worker goes on looking",
    ]


@pytest.mark.parametrize(
    ("changes", "args", "sentence"),
    [
        ({"CHANNEL_LAYERS": {}}, [], "the settings need CHANNEL_LAYERS = "),
        ({}, ["--layer", "other"], r"CHANNEL_LAYERS\['other'\] is missing; the settings have default"),
        ({"CHANNEL_LAYERS": {"default": {"BACKEND": "no.Where"}}}, [], "cannot be imported: No module named 'no'"),
        ({"ZMQLAYER_ROUTING": "no.routes"}, [], "'no.routes' names a routing that cannot be imported"),
        ({}, ["--threads", "0"], "a worker needs at least 1"),
        ({}, ["--only-channels", "nothing"], "no channel is left to read"),
        ({}, ["--capacity", "0"], "setting 'capacity': 0 is below 1"),
    ],
)
def test_mistakes_have_a_sentence(settings: Any, changes: dict[str, Any], args: list[str], sentence: str) -> None:
    """A wrong setting ends the command with what to do about it, not with a traceback."""
    for name, value in changes.items():
        setattr(settings, name, value)

    with pytest.raises(CommandError, match=sentence):
        Run()(*args)
