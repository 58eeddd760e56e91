"""What ``docs/edge.md`` tells to set is real: options, defaults, variables, files and units."""

from __future__ import annotations

import configparser
import re
import shlex
from typing import Final

import click
import pytest

from support.edge_page import EDGE, block, blocks
from support.sources import source_files
from zmqlayer.config import SETTINGS as MESH_SETTINGS
from zmqlayer.interface.serving.command import interface
from zmqlayer.interface.serving.config_file import read_file
from zmqlayer.interface.serving.help import default_of
from zmqlayer.interface.serving.plan import make_plan
from zmqlayer.interface.serving.settings import BY_NAME, SETTINGS

FLAG: Final = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]+)")
FOREIGN: Final = {"--ulimit", "--webroot"}


def flags_of(command: click.Command) -> set[str]:
    """Return every flag of the command."""
    return {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)} | {"--help"}


def test_every_option_exists() -> None:
    """Of the server's own command."""
    assert set(FLAG.findall(EDGE)) - FOREIGN <= flags_of(interface)


def test_every_variable_exists() -> None:
    """Those of the server, and those of the mesh."""
    named = set(re.findall(r"ZMQLAYER_[A-Z0-9_]+[A-Z0-9]", EDGE))

    assert named <= {setting.variable for setting in (*SETTINGS, *MESH_SETTINGS)}


def test_the_table_of_limits_is_true() -> None:
    """Each default is the one that help shows."""
    table = EDGE.partition("| option | default | beyond it |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `--([a-z-]+)` \| (\S+) \|", table, re.MULTILINE)

    assert len(rows) == 20
    assert rows == [(name, default_of(BY_NAME[name.replace("-", "_")])) for name, _ in rows]


def test_the_file_works() -> None:
    """It is read, checked and understood."""
    file = read_file("web.toml", block("toml", "/etc/mysite/web.toml").encode())

    plan = make_plan({}, {}, {}, file, ())

    assert plan.config.cluster == "mysite"
    assert plan.options.proxy_headers
    assert plan.proxies


@pytest.mark.parametrize("line", [line for text in blocks("sh") for line in text.splitlines() if "interface" in line])
def test_commands_are_understood(line: str) -> None:
    """Every command line of the page is one that the command can parse."""
    words = shlex.split(line, comments=True)

    context = interface.make_context("interface", words[2:], resilient_parsing=True)

    assert words[:2] == ["zmqlayer", "interface"]
    assert context.args == []


def test_units_start_the_server_with_its_sockets() -> None:
    """The service names both sockets, stops in time, and tells systemd when it is ready."""
    units = {}
    for text in blocks("ini"):
        unit = configparser.ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
        unit.read_string(text)
        units[text.splitlines()[0].rpartition("/")[2]] = unit

    service = units.pop("mysite-web.service")["Service"]

    assert sorted(units) == sorted(service["Sockets"].split())
    assert {unit["Socket"]["Service"] for unit in units.values()} == {"mysite-web.service"}
    assert {unit["Socket"]["FileDescriptorName"] for unit in units.values()} == {"http", "https"}
    assert int(service["TimeoutStopSec"]) > BY_NAME["stop_timeout"].value_if_absent
    assert service["Type"] == "notify"


def test_what_one_sees_is_what_the_server_says() -> None:
    """Every sentence that the page explains stands in the source, but for what ``...`` stands for."""
    table = EDGE.partition("| what you see | why |")[2]
    quoted = re.findall(r"`(\w[^`|]* [^`|]*)`(?=[^|]*\|[^|]*\|$)", table, re.MULTILINE)
    source = "".join(path.read_text(encoding="utf-8") for path in source_files().values())

    assert len(quoted) == 6
    assert not [part for sentence in quoted for part in sentence.split("...") if part.strip(": ") not in source]


def test_headings_that_are_linked_exist() -> None:
    """A link inside the page leads to one of its headings."""
    anchors = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in EDGE.splitlines()}

    assert set(re.findall(r"\]\(#([\w-]+)\)", EDGE)) <= anchors
