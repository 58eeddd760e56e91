"""``zmqlayer worker``: its help, and what it says to wrong options. Whole runs are in ``tests/system``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from support import asgi_app
from zmqlayer.cli import main
from zmqlayer.config import FLAGS
from zmqlayer.worker.asgi import command
from zmqlayer.worker.asgi.options import AsgiOptions

APP = "support.asgi_app:application"


@pytest.fixture(autouse=True)
def same_path() -> Iterator[None]:
    """The command puts folders on the path of its process."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any, AsgiOptions]]:
    """What would be run, with which layer and options."""
    made: list[tuple[Any, Any, AsgiOptions]] = []

    def run(application: Any, layer: Any, options: AsgiOptions, lifeline: Any = None) -> int:
        made.append((application, layer, options))
        return 0

    monkeypatch.setattr(command, "run_application", run)
    monkeypatch.setattr(command, "end_process", sys.exit)  # tests before may have left threads
    monkeypatch.setattr(command.logging, "basicConfig", lambda **options: None)
    return made


def invoke(*arguments: str, **environ: str) -> Any:
    """Run the command, without the settings that the tests for Django have."""
    blank = {"DJANGO_SETTINGS_MODULE": None, **environ}
    return CliRunner().invoke(main, ["worker", *arguments], env=blank, terminal_width=120)


def test_help() -> None:
    """One can learn from it: examples, every setting of the layer, what signals do, what the status means."""
    said = invoke("--help").output

    assert "zmqlayer worker shop.asgi:application" in said
    assert "with --processes, no process could start" in said
    for word in ("--limit-concurrency", "--graceful-timeout", "SIGTERM", "Exit status", "--factory", "--app-dir"):
        assert word in said
    assert not [setting.flag for setting in FLAGS if setting.flag not in said]


def test_what_is_run(runs: list[Any]) -> None:
    """The application, a layer of the cluster, and the options."""
    result = invoke(
        APP, "--cluster", "blue", "--limit-concurrency", "7", "--graceful-timeout", "1.5", "--loop", "asyncio",
        "--only-channels", "http.*", "--prefetch", "3",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    [(application, layer, options)] = runs
    assert application is asgi_app.application
    assert (layer.cluster, layer.role) == ("blue", "worker")
    assert options == AsgiOptions(APP, ("http.request",), 7, 1.5, "asyncio", 3)


def test_defaults(runs: list[Any]) -> None:
    """Sixteen messages on their way, unless something else is said; the environment counts as well."""
    invoke(APP)
    invoke("support.asgi_app:create", "--factory", ZMQLAYER_PREFETCH="0")

    assert [options.prefetch for _, _, options in runs] == [16, 0]
    assert runs[1][0] is asgi_app.application


def test_many_processes(runs: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command becomes their parent, which waits for what an application may take to end."""
    asked: list[tuple[int, float]] = []

    def become(n_processes: int, grace_s: float) -> None:
        asked.append((n_processes, grace_s))
        sys.exit(0)

    monkeypatch.setattr(command, "become_parent", become)
    invoke(APP, "--processes", "3", "--graceful-timeout", "7")

    assert (asked, runs) == ([(3, 14.0)], [])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Missing argument 'MODULE:APPLICATION'"),
        (("support.asgi_app",), "names no application: write module:attribute"),
        (("no.where:app",), "needs a module 'no', and"),
        (("support.asgi_app:other",), "support.asgi_app has no 'other'; support.asgi_app has"),
        ((APP, "--limit-concurrency", "0"), "--limit-concurrency"),
        ((APP, "--only-channels", "song"), "no channel is left to read; there are http.request, websocket.connect"),
        ((APP, "--capacity", "0"), "Invalid value for --capacity: 0 is below 1"),
        ((APP, "--prefetch", "-1"), "-1 is below 0"),
        ((APP, "--graceful-timeout", "nan"), "--graceful-timeout: nan is not from 0 to 86,400"),
        ((APP, "--graceful-timeout", "86401"), "86401.0 is not in the range 0<=x<=86400"),
        ((APP, "--processes", "2", "--mesh-bind", "127.0.0.1:7000"), "leave the port out, as in --mesh-bind 127.0.0.1"),
    ],
)
def test_mistakes_have_a_sentence(arguments: tuple[str, ...], sentence: str, runs: list[Any]) -> None:
    """Status 2, what is wrong and the cure; nothing is run."""
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
    assert runs == []
