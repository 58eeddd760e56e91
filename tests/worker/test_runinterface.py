"""``manage.py runinterface``: the project's settings and the options of the server become one plan."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, load_command_class

from support.sources import ROOT
from zmqlayer.interface.serving import start as serving
from zmqlayer.interface.serving.plan import Plan
from zmqlayer.interface.serving.settings import SETTINGS

SECRET = "0123456789abcdef" * 4

WITHOUT_TWISTED = (
    "import runpy, sys; sys.modules['twisted'] = None; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)


@pytest.fixture(autouse=True)
def project(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that says something about its mesh."""
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "zmqlayer.ChannelLayer",
            "CONFIG": {"cluster": "blue", "secret": SECRET, "discovery": "off", "capacity": 7},
        }
    }
    monkeypatch.delenv("ZMQLAYER_CLUSTER", raising=False)


def plan_of(monkeypatch: pytest.MonkeyPatch, *args: str) -> Plan:
    """Return what would be run."""
    started: list[Plan] = []
    monkeypatch.setattr(serving, "start", started.append)
    call_command("runinterface", *args)
    return started[0]


def test_it_joins_the_projects_mesh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cluster, secret and limits are those of the workers."""
    config = plan_of(monkeypatch).config

    assert (config.cluster, config.secrets, config.capacity) == ("blue", (SECRET.encode(),), 7)


def test_its_options_are_those_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, under the same names."""
    plan = plan_of(
        monkeypatch,
        *("-b", "127.0.0.1:8001", "-b", "[::1]:8001", "--http_timeout", "3", "--no-http2", "--no-server-name"),
        *("--cluster", "green", "-v", "2"),
    )

    assert [place.port for place in plan.places] == [8001, 8001]  # type: ignore[union-attr]  # both are TCP
    assert (plan.options.http_timeout_s, plan.options.http2, plan.options.server_name) == (3.0, False, "")
    assert (plan.config.cluster, plan.given["verbosity"]) == ("green", 2)


def test_every_option_is_in_the_help() -> None:
    """The options are made from the one table."""
    text = (
        load_command_class("zmqlayer.worker", "runinterface").create_parser("manage.py", "runinterface").format_help()
    )

    assert [setting.flag for setting in SETTINGS if setting.flag not in text] == []


def test_settings_of_channels_1_count(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a project said there for Daphne need not be said again; a flag wins."""
    settings.CHANNELS_WS_PROTOCOLS = ["chat", "wamp"]
    settings.FORCE_SCRIPT_NAME = "/shop"

    options = plan_of(monkeypatch).options
    flagged = plan_of(monkeypatch, "--ws-protocol", "graphql").options

    assert (options.ws_protocols, options.root_path) == (("chat", "wamp"), "/shop")
    assert (flagged.ws_protocols, flagged.root_path) == (("graphql",), "/shop")


def test_a_file_and_the_environment_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the command; Django's default verbosity does not stand in their way."""
    file = tmp_path / "server.toml"
    file.write_text("[interface]\nhttp_timeout = 9\nverbosity = 0\n")
    monkeypatch.setenv("ZMQLAYER_INTERFACE_WORKER_TIMEOUT", "4")

    plan = plan_of(monkeypatch, "--config", str(file))

    assert (plan.options.http_timeout_s, plan.options.worker_timeout_s, plan.given["verbosity"]) == (9.0, 4.0, 0)


def test_checking_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was given is shown, with the place where it was said."""
    shown = io.StringIO()

    call_command("runinterface", "--check-config", "--max-body-size", "5M", stdout=shown)

    assert shown.getvalue().splitlines() == [
        "max_body_size = 5242880  (--max-body-size)",
        "Everything is in order; cluster blue.",
    ]


@pytest.mark.parametrize(
    ("config", "args", "sentence"),
    [
        ({}, ["--http-timeout", "soon"], "^--http-timeout: 'soon' is not a number of seconds"),
        ({}, ["--capacity", "0"], "^--capacity: 0 is below 1$"),
        ({"capacity": 0}, [], r"^CHANNEL_LAYERS\['default'\]\['CONFIG'\]\['capacity'\]: 0 is below 1$"),
        ({}, ["--layer", "other"], r"^CHANNEL_LAYERS\['other'\] is missing; the settings have default$"),
        ({}, ["--config", "/no/such.toml"], "^cannot read /no/such.toml: No such file or directory$"),
    ],
)
def test_mistakes_have_a_sentence(settings: Any, config: dict[str, Any], args: list[str], sentence: str) -> None:
    """It names the flag or the setting, and ends the command."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": config}}

    with pytest.raises(CommandError, match=sentence):
        call_command("runinterface", *args)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the project does not say comes from the environment."""
    monkeypatch.setenv("ZMQLAYER_EXPIRY", "soon")

    with pytest.raises(CommandError, match=r"^ZMQLAYER_EXPIRY: 'soon' is not a number of seconds$"):
        call_command("runinterface")


def test_a_missing_library_has_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The optional extra that brings it is named; other imports that fail are bugs, and stay."""

    def start(plan: Plan) -> None:
        raise ModuleNotFoundError(name=missing[0])

    monkeypatch.setattr(serving, "start", start)

    missing = ["h2.connection"]
    with pytest.raises(CommandError, match=r"needs h2; install it with: pip install 'zmqlayer\[interface\]'"):
        call_command("runinterface")
    missing = ["shop"]
    with pytest.raises(ModuleNotFoundError):
        call_command("runinterface")


@pytest.mark.parametrize("command", ["runinterface", "runserver"])
def test_a_missing_extra_has_a_sentence(command: str) -> None:
    """Who has installed the part for workers only is told what else there is."""
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_TWISTED, "manage.py", command],
        cwd=ROOT / "examples" / "chat",
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        f"CommandError: {command} needs twisted; install it with: pip install 'zmqlayer[interface]'"
    )
