"""The Django project of this process: seen where Django is configured, never loaded for its own sake."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from zmqlayer import SyncChannelLayer
from zmqlayer.exceptions import ConfigError
from zmqlayer.keyring import ProjectSecrets
from zmqlayer.project import join_project, project_secrets

STRONG = "k$0&b!q9xw@3v#7zt5m(1r^p8_y2)c6=n4-e+h*j%dfgasuloi"


class EmptyKey(Exception):
    """What Django raises for a SECRET_KEY that is empty."""


class Settings(SimpleNamespace):
    """Settings without a key, as Django has them."""

    configured = True
    SECRET_KEY_FALLBACKS: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        raise EmptyKey if name == "SECRET_KEY" else AttributeError(name)


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that lets this process be of a Django project with some settings."""

    def configure(**settings: Any) -> None:
        conf = ModuleType("django.conf")
        conf.__dict__.update(settings=Settings(**settings), ImproperlyConfigured=EmptyKey)
        monkeypatch.setitem(sys.modules, "django.conf", conf)

    return configure


def test_no_project_has_no_secrets(monkeypatch: pytest.MonkeyPatch, configure: Any) -> None:
    """Where Django is not loaded, or not configured, there is nothing to take a secret from."""
    monkeypatch.delitem(sys.modules, "django.conf", raising=False)
    assert project_secrets(8) == ProjectSecrets()

    configure(configured=False, SECRET_KEY=STRONG)
    assert project_secrets(8) == ProjectSecrets()


def test_a_project_has_its_key_and_fallbacks(configure: Any) -> None:
    """``SECRET_KEY`` is the primary secret, ``SECRET_KEY_FALLBACKS`` are accepted: rotated as Django's are."""
    configure(SECRET_KEY=STRONG, SECRET_KEY_FALLBACKS=[STRONG[::-1]])

    assert project_secrets(8).secrets == (STRONG.encode(), STRONG[::-1].encode())


def test_a_project_without_a_key_has_no_secret(configure: Any) -> None:
    """Django refuses to show an empty key; the layer does without."""
    configure()

    assert project_secrets(8).secrets == ()


def test_a_layer_takes_the_projects_secrets(configure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever builds a layer in a project's process needs to give none."""
    for name in ("SECRET", "SECRETS", "DISCOVERY", "BIND"):
        monkeypatch.delenv(f"ZMQLAYER_{name}", raising=False)
    configure(SECRET_KEY=STRONG)

    config = SyncChannelLayer().node.config

    assert (config.secrets, config.discovery) == ((STRONG.encode(),), "subnet")


def test_a_key_that_others_may_know_is_one_warning(
    configure: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first layer of a process says why nobody else can reach it, and none if that was asked for."""
    monkeypatch.setattr("zmqlayer.project._warned", set())
    monkeypatch.delenv("ZMQLAYER_DISCOVERY", raising=False)
    configure(SECRET_KEY=f"django-insecure-{STRONG}")

    SyncChannelLayer(discovery="localhost")
    assert caplog.messages == []
    layers = [SyncChannelLayer(), SyncChannelLayer()]

    assert [layer.node.config.discovery for layer in layers] == ["localhost", "localhost"]
    assert len(caplog.messages) == 1
    assert "the mesh stays on this machine" in caplog.text
    assert STRONG not in caplog.text


def test_settings_that_cannot_be_loaded_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is to join a project says what is missing."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "")
    conf = ModuleType("django.conf")

    def load(name: str) -> None:
        raise ModuleNotFoundError("No module named 'nowhere'")

    conf.__dict__.update(settings=SimpleNamespace(is_overridden=load))
    monkeypatch.setitem(sys.modules, "django.conf", conf)

    with pytest.raises(ConfigError, match=r"'nowhere\.settings' cannot be imported: No module named 'nowhere'"):
        join_project("nowhere.settings")


def test_importing_and_using_a_layer_loads_no_django() -> None:
    """A script that has nothing to do with Django stays so."""
    script = "import sys, zmqlayer; zmqlayer.SyncChannelLayer(discovery='off'); assert 'django' not in sys.modules"

    run = subprocess.run([sys.executable, "-Ic", script], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
