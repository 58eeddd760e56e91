"""``manage.py runworker``: flags, sentences, signals."""

from __future__ import annotations

import io
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command, load_command_class

from support.memory_layer import MemoryLayer, MemoryPeer
from zmqlayer.config import FLAGS, SETTINGS
from zmqlayer.worker import plan, service
from zmqlayer.worker.asgi import AsgiService
from zmqlayer.worker.layers import channel_layers
from zmqlayer.worker.management.commands import runworker
from zmqlayer.worker.processes import VARIABLE, Lifeline
from zmqlayer.worker.signals import worker_process_ready, worker_ready
from zmqlayer.worker.threads import WorkerGroup
from zmqlayer.worker.worker import Worker


@pytest.fixture(autouse=True)
def fresh_layers(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A backend with a blocking face, no layer built yet, and a short look around."""
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "support.memory_layer.MemoryBackend", "CONFIG": {"capacity": 5, "cluster": "blue"}}
    }
    settings.ZMQLAYER_ROUTING = "support.named_routing.routes"
    monkeypatch.setattr(service, "LOOK_AROUND_S", 0.0)
    yield
    channel_layers.close()


class Run:
    """One run of the command: what it said, and the layer it used."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.worker: Worker | None = None
        self.layer: MemoryLayer | None = None

    def __call__(self, *args: str, peers: tuple[MemoryPeer, ...] = ()) -> str:
        """Run with *args*, stop as soon as the worker is ready, and return what was printed."""

        def stop(worker: Any, **kwargs: Any) -> None:
            self.worker = worker
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


@pytest.mark.parametrize(
    ("changes", "args", "sentence"),
    [
        ({"CHANNEL_LAYERS": {}}, [], "the settings need CHANNEL_LAYERS = "),
        ({}, ["--layer", "other"], r"CHANNEL_LAYERS\['other'\] is missing; the settings have default"),
        ({"CHANNEL_LAYERS": {"default": {"BACKEND": "no.Where"}}}, [], "cannot be imported: No module named 'no'"),
        ({"ZMQLAYER_ROUTING": "no.routes"}, [], "'no.routes' names a routing that cannot be imported"),
        ({}, ["--threads", "0"], "--threads is 0, and must be from 1 to 1,000"),
        ({}, ["--processes", "-1"], "--processes is -1, and must be from 1 to 1,000"),
        ({}, ["--async-limit", "0"], "--async-limit is 0, and must be from 1 to 1,000,000"),
        ({}, ["--graceful-timeout", "-0.5"], r"--graceful-timeout is -0\.5, and must be from 0 to 86,400"),
        ({}, ["--reload", "--processes", "2"], "--reload runs one process, since it is for development"),
        ({}, ["--only-channels", "nothing"], "--only-channels nothing: no channel is left to read; the routing has "),
        (
            {},
            ["--processes", "2", "--mesh-bind", "127.0.0.1:7000"],
            "only one process can listen on port 7000 of the mesh; leave the port out, as in --mesh-bind 127.0.0.1",
        ),
        ({}, ["--capacity", "0"], "setting 'capacity': 0 is below 1"),
    ],
)
def test_mistakes_have_a_sentence(settings: Any, changes: dict[str, Any], args: list[str], sentence: str) -> None:
    """A wrong setting ends the command with what to do about it, not with a traceback."""
    for name, value in changes.items():
        setattr(settings, name, value)

    with pytest.raises(CommandError, match=sentence):
        Run()(*args)


def test_the_limit_of_coroutines() -> None:
    """How many consumers that are coroutines may run at once is up to the operator."""
    run = Run()

    run("--async-limit", "7")

    assert run.worker is not None
    assert repr(run.worker.loop) == "<ConsumerLoop [0 of at most 7 running]>"


@pytest.mark.parametrize(
    ("args", "grace_s"),
    [([], 5.0), (["--graceful-timeout", "30"], 30.0), (["--graceful-timeout", "30", "--disable-graceful-stop"], 0.0)],
)
def test_how_long_consumers_may_take(args: list[str], grace_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop waits for consumers as long as the operator wants, or not at all."""
    given: list[float | None] = []

    class Group(WorkerGroup):
        def __init__(self, worker: Any, n_threads: int, abandon: Any, clock: Any, grace_s: float | None) -> None:
            given.append(grace_s)
            super().__init__(worker, n_threads, abandon, clock, grace_s)

    monkeypatch.setattr(plan, "WorkerGroup", Group)

    Run()(*args)

    assert given == [grace_s]


def test_many_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command checks its settings, lets go of everything, and becomes the parent of those that work."""
    asked: list[tuple[int, float]] = []
    monkeypatch.setattr(runworker, "become_parent", lambda *asked_for: asked.append(asked_for) or _leave())

    with pytest.raises(_Left):
        call_command("runworker", "--processes", "3", "--graceful-timeout", "7", stdout=io.StringIO())

    with pytest.raises(_Left):
        call_command(
            "runworker", "--processes", "3", "--graceful-timeout", "7", "--asgi", "support.asgi_app.application",
            stdout=io.StringIO(),
        )  # fmt: skip

    assert asked == [(3, 7.0), (3, 14.0)]


def test_one_of_many_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child does the work of one process, says which it is, and tells its parent that it is ready."""
    ours, theirs = socket.socketpair()
    held: list[float] = []
    monkeypatch.setenv(VARIABLE, f"{theirs.fileno()} 2 3")
    monkeypatch.setattr(Lifeline, "hold", lambda lifeline, grace_s: held.append(grace_s))

    with ours, theirs:
        said = Run()("--processes", "3", "--threads", "1")
        word = ours.recv(10)

    assert said.splitlines()[0].endswith(" with 1 thread in cluster 'blue', as process 2 of 3")
    assert (word, held) == (b"r", [5.0])


def test_the_signals_of_a_process() -> None:
    """A project hears once of each process, before its threads start, and once they have."""
    heard: list[str] = []

    def note(signal: Any, worker: Worker, **kwargs: Any) -> None:
        heard.append("process" if signal is worker_process_ready else "worker")

    worker_process_ready.connect(note)
    worker_ready.connect(note)
    try:
        Run()("--threads", "2")
    finally:
        worker_process_ready.disconnect(note)
        worker_ready.disconnect(note)

    assert heard == ["process", "worker"]


def test_a_quiet_worker() -> None:
    """``-v 0`` says nothing."""
    assert Run()("--verbosity", "0") == ""


class _Left(BaseException):
    """The process would be another program's now."""


def _leave() -> None:
    raise _Left


class EndedApplication(AsgiService):
    """The service of an application that says that it cannot start."""

    def __init__(self) -> None:
        """It needs nothing."""

    def run(self) -> int:
        """Say so."""
        return 3


@pytest.mark.parametrize("status", [0, 3])
def test_an_application_that_is_started_again(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its threads do not keep the new one waiting, nor who hit Ctrl-C."""
    ended: list[int] = []

    def end(status: int) -> None:
        ended.append(status)
        sys.exit(status)

    def reload(run: Any, stop: Any) -> None:
        if status:
            sys.exit(status)

    monkeypatch.setattr(runworker, "run_reloading", reload)
    monkeypatch.setattr(runworker, "end_process", end)
    monkeypatch.setattr(runworker, "log_to_stderr", lambda verbosity: None)

    with pytest.raises(SystemExit):
        load_command_class("zmqlayer.worker", "runworker").run_from_argv(["x", "runworker", "--asgi", "--reload"])

    assert ended == [status]


@pytest.mark.parametrize("is_program", [True, False])
def test_the_end_of_an_application(is_program: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its threads keep a program no longer than a moment; who calls the command has threads of its own."""
    ended: list[int] = []

    def end(status: int) -> None:
        ended.append(status)
        sys.exit(status)

    monkeypatch.setattr(runworker, "host_application", lambda *args: EndedApplication())
    monkeypatch.setattr(runworker, "end_process", end)
    monkeypatch.setattr(runworker, "log_to_stderr", lambda verbosity: None)

    with pytest.raises(SystemExit) as caught:
        if is_program:
            load_command_class("zmqlayer.worker", "runworker").run_from_argv(["manage.py", "runworker", "--asgi"])
        else:
            call_command("runworker", "--asgi")

    assert (caught.value.code, ended) == (3, [3] if is_program else [])
