"""What the pages for users tell to set is real: settings, variables, code, units and Compose files."""

from __future__ import annotations

import ast
import configparser
import itertools
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from support.sources import ROOT
from zmqlayer.compose import ChannelLayer
from zmqlayer.config import FLAGS, SETTINGS, Config
from zmqlayer.keyring import ProjectSecrets

PAGES: Final = [ROOT / "docs" / "migrating.md", ROOT / "docs" / "deployment.md", ROOT / "README.md"]
DEPLOYMENT: Final = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
ROOMS: Final = (ROOT / "examples" / "rooms" / "README.md").read_text(encoding="utf-8")

BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
VARIABLE: Final = re.compile(r"^(?:\s*(?:export |- name: )?)(ZMQLAYER_\w+)(?::|=|\n\s*value:) *(.+)$", re.MULTILINE)
SECRET: Final = "0123456789abcdef" * 4
COMMANDS: Final = {"daphne", "python", "uvicorn", "gunicorn"}


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of a page that are in one language."""
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def parsed(block: str) -> ast.Module:
    """Return a block of Python; a name that stands for the reader's own is passed over."""
    return ast.parse(block)


def names_in(text: str) -> list[str]:
    """Return what stands in backquotes."""
    return re.findall(r"`(\w+)`", text)


def layer_configs(page: Path) -> Iterator[dict[str, Any]]:
    """Yield each ``CHANNEL_LAYERS["default"]`` of a page."""
    for block in blocks(page, "python"):
        for node in parsed(block).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CHANNEL_LAYERS":
                layers: dict[str, Any] = eval(ast.unparse(node.value), {"os": os})
                yield layers["default"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_is_python(page: Path) -> None:
    """Every block of Python can be parsed."""
    assert [parsed(block) for block in blocks(page, "python")]


def test_layers_can_be_built() -> None:
    """Every ``CHANNEL_LAYERS`` that names our backend makes a layer."""
    configs = list(itertools.chain.from_iterable(map(layer_configs, PAGES)))
    ours = [config for config in configs if config["BACKEND"] == "zmqlayer.ChannelLayer"]

    assert len(ours) >= 3
    for config in ours:
        assert ChannelLayer(**config["CONFIG"]).cluster == config["CONFIG"].get("cluster", "default")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_variables_exist(page: Path) -> None:
    """Every ``ZMQLAYER_...`` that a page names is the variable of a setting."""
    named = set(re.findall(r"ZMQLAYER_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8"))) - {"ZMQLAYER_ROUTING"}

    assert named <= {setting.variable for setting in SETTINGS} | {"ZMQLAYER_CLUSTER"}


def test_settings_that_help_leaves_out_are_named() -> None:
    """The index names those without a flag, and the page on running it those without a variable."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    without_flag = re.search(r"All settings but\s([^.;]+) are listed by `zmqlayer interface --help`", index)
    without_variable = re.search(r"all but\s([^.;]+) may also stand in the environment", DEPLOYMENT)

    assert without_flag and without_variable
    assert names_in(without_variable[1]) == ["limits"]
    assert names_in(without_flag[1]) == [*(setting.name for setting in SETTINGS if setting not in FLAGS), "limits"]


@pytest.mark.parametrize("page", ["deployment.md", "security.md"])
def test_the_rule_for_weak_keys_is_told(page: str) -> None:
    """A page that names weak keys names all kinds of them."""
    rule = ProjectSecrets.judge("short", (), 1).flaw.removeprefix("SECRET_KEY ")

    assert f"begins with `django-insecure-`, or {rule}" in (ROOT / "docs" / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["sh", "yaml", "ini"])
def test_environments_are_configurations(language: str) -> None:
    """What a block puts into the environment is a configuration that works."""
    for block in blocks(ROOT / "docs" / "deployment.md", language):
        found = {name: value.strip("\"'") for name, value in VARIABLE.findall(block)}

        Config.from_settings({}, {**found, **({"ZMQLAYER_SECRET": SECRET} if "ZMQLAYER_SECRET" in block else {})})


def test_variables_are_found() -> None:
    """The test above sees the variables of all three ways of writing them."""
    found = [name for name, _ in VARIABLE.findall(DEPLOYMENT)]

    assert {name: found.count(name) for name in ("ZMQLAYER_SECRET", "ZMQLAYER_BIND", "ZMQLAYER_SEEDS")} == {
        "ZMQLAYER_SECRET": 3,
        "ZMQLAYER_BIND": 3,
        "ZMQLAYER_SEEDS": 3,
    }


def test_units_are_units() -> None:
    """Each unit can be read, starts a command that exists, and stops it in order: SIGINT, but for our own workers."""
    units = blocks(ROOT / "docs" / "deployment.md", "ini")
    for text in units:
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
        unit.read_string(text)
        assert set(unit) == {"DEFAULT", "Unit", "Service", "Install"}
        assert Path(shlex.split(unit["Service"]["ExecStart"])[0]).name in COMMANDS
        ends_on_sigterm = " runworker --processes " in unit["Service"]["ExecStart"]
        assert unit["Service"].get("KillSignal", "SIGTERM") == ("SIGTERM" if ends_on_sigterm else "SIGINT")

    assert len(units) == 3


def test_headings_that_are_linked_exist() -> None:
    """A link inside the page leads to one of its headings."""
    anchors = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in DEPLOYMENT.splitlines()}

    assert set(re.findall(r"\]\(#([\w-]+)\)", DEPLOYMENT)) <= anchors


def test_the_example_names_files_that_exist() -> None:
    """Every file in the table of ``examples/rooms/README.md`` is there."""
    named = re.findall(r"^\| `(\S+)` \|", ROOMS, re.MULTILINE)

    assert [name for name in named if (ROOT / "examples" / "rooms" / name).exists()] == named != []
