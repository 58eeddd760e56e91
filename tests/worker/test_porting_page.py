"""What ``docs/porting.md`` tells to do works: expressions, names, settings and commands."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Final

import pytest
from django.core.management import load_command_class
from django.utils.module_loading import import_string

from support.sources import ROOT
from zmqlayer.compose import ChannelLayer
from zmqlayer.interface.serving.command import interface

PAGE: Final = (ROOT / "docs" / "porting.md").read_text(encoding="utf-8")
NAMES: Final = sorted(set(re.findall(r"`(zmqlayer\.worker[\w.]*)(?:\(\))?`", PAGE)))
COMMANDS: Final = re.findall(r"python manage\.py (run\w+[^`|\n]*)", PAGE)

BEFORE: Final = """\
import json
from channels import Channel, Group
from channels.asgi import get_channel_layer
from channels.auth import channel_session_user
from channels.tests import ChannelTestCase
from channels_presence import Room
def late():
    from channels.handler import AsgiHandler
INSTALLED_APPS = ["channels", 'channels.delay', "channels_presence"]
channels = ["channels of a river"]
"""
AFTER: Final = """\
import json
from zmqlayer.worker import Channel, Group
from zmqlayer.worker import get_channel_layer
from zmqlayer.worker.auth import channel_session_user
from zmqlayer.worker.test import ChannelTestCase
from channels_presence import Room
def late():
    from zmqlayer.worker.handler import AsgiHandler
INSTALLED_APPS = ["zmqlayer.worker", 'zmqlayer.worker.delay', "channels_presence"]
channels = ["channels of a river"]
"""


def blocks(language: str) -> list[str]:
    """Return the blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_expressions_change_imports_and_nothing_else(tmp_path: Path) -> None:
    """The block that rewrites a project does so, and takes its old ``asgi.py`` away."""
    (script,) = [block for block in blocks("sh") if "xargs sed" in block]
    (tmp_path / "mysite").mkdir()
    (tmp_path / "mysite" / "asgi.py").write_text("from channels.asgi import get_channel_layer\n")
    (tmp_path / "mysite" / "consumers.py").write_text(BEFORE)

    subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True, timeout=10)

    assert [path.name for path in (tmp_path / "mysite").iterdir()] == ["consumers.py"]
    assert (tmp_path / "mysite" / "consumers.py").read_text() == AFTER


@pytest.mark.parametrize("name", NAMES)
def test_names_exist(name: str) -> None:
    """Each module, class and function that takes the place of an old one can be imported."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        assert import_string(name)


def test_all_names_are_tested() -> None:
    """The page names what Channels 1.x had."""
    assert len(NAMES) > 20


def test_the_settings_after_make_a_layer() -> None:
    """The block that says how the settings look in the end can be used as it stands."""
    (after,) = [block for block in blocks("python") if block.startswith("# settings.py: after")]
    found: dict[str, dict[str, dict[str, dict[str, object]]]] = {}

    exec(after, {"os": os}, found)

    assert ChannelLayer(**found["CHANNEL_LAYERS"]["default"]["CONFIG"]).cluster == "mysite"


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.splitlines() if "interface" in line])
def test_the_server_starts_like_this(line: str) -> None:
    """The command can parse what the page says, and has the flags of Daphne that it names."""
    words = shlex.split(line, comments=True)

    context = interface.make_context("interface", words[2:], resilient_parsing=True)

    assert (words[:2], context.args) == (["zmqlayer", "interface"], [])
    flags = {flag for option in interface.params for flag in option.opts}
    assert (
        set(re.findall(r"`(--[a-z-]+)`[,.]", PAGE.partition("The flags of Daphne")[2].partition("Start what")[0]))
        <= flags
    )


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_start_like_this(line: str) -> None:
    """Each command of Django that the page names is there, with its flags."""
    name, *flags = shlex.split(line.replace("…", "x"))
    app = "zmqlayer.worker.delay" if name == "rundelay" else "zmqlayer.worker"

    parser = load_command_class(app, name).create_parser("manage.py", name)

    assert parser.parse_args(flags)


def test_headings_that_are_linked_exist() -> None:
    """A link inside the page leads to one of its headings."""
    anchors = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in PAGE.splitlines()}

    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= anchors
