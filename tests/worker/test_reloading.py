"""Running under Django's reloader: which folders are watched, and what it trips over."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings as django_settings
from django.urls import get_script_prefix
from django.utils import autoreload

import support
from zmqlayer.worker.reloading import own_folders, run_reloading


def test_own_folders(settings: Any) -> None:
    """Those of the project's apps and of its routing; what is installed does not change."""
    settings.ZMQLAYER_ROUTING = "support.named_routing.routes"

    folders = own_folders()

    assert Path(support.__path__[0]) in folders
    assert not [folder for folder in folders if folder.is_relative_to(Path(django.__path__[0]))]


def test_the_routing_of_each_layer(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named where Channels 1.x has it, in a package that is no app and perhaps cannot be imported now."""
    (tmp_path / "realtime").mkdir()
    (tmp_path / "realtime" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "zmqlayer.ChannelLayer"},
        "other": {"BACKEND": "zmqlayer.ChannelLayer", "ROUTING": "realtime.routing.routes"},
    }

    assert tmp_path / "realtime" in own_folders()


@pytest.mark.parametrize("layers", [None, [], {"default": None}])
def test_settings_that_are_wrong(settings: Any, layers: Any) -> None:
    """What is watched then is mended there."""
    settings.CHANNEL_LAYERS = layers

    assert own_folders()


def test_a_routing_that_is_a_list(settings: Any) -> None:
    """Whatever holds it was imported, and is watched anyway."""
    settings.ZMQLAYER_ROUTING = []

    assert own_folders()


@pytest.mark.parametrize("urls", [None, "__main__"])
def test_a_project_without_a_package_for_urls(settings: Any, urls: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has consumers alone, or is one file that is run as a script."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    settings.ROOT_URLCONF = urls
    if urls is None:
        del django_settings.ROOT_URLCONF

    assert own_folders()


@pytest.fixture
def quiet_signals() -> Iterator[None]:
    """Ctrl-C means afterwards what it did."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("quiet_signals")
def test_a_reloader_that_trips_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's looks for a module whose import has just failed in the other thread; that is no end of the site."""
    told: list[str] = []

    def trip(run: Any) -> None:
        run()
        raise KeyError("small.routing")

    monkeypatch.setattr(autoreload, "run_with_reloader", trip)
    monkeypatch.setenv(autoreload.DJANGO_AUTORELOAD_ENV, "true")

    with pytest.raises(SystemExit) as ended:
        run_reloading(lambda: told.append("run"), lambda: told.append("stop"))

    assert ended.value.code == 3
    assert told == ["run", "stop"]


def test_links_begin_in_its_thread_as_django_sets_it_up(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """An application that runs there needs ``FORCE_SCRIPT_NAME`` too."""
    settings.FORCE_SCRIPT_NAME = "/shop"
    prefixes: list[str] = []

    def run_with_reloader(run: Any) -> None:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    monkeypatch.setattr(autoreload, "run_with_reloader", run_with_reloader)

    run_reloading(lambda: prefixes.append(get_script_prefix()), lambda: None)

    assert prefixes == ["/shop/"]
