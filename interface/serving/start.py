"""
From what was said on a command line to a server that runs; the same for each command that starts one.

``zmqlayer interface`` collects text with click, ``manage.py runinterface`` with argparse; all else is here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zmqlayer.interface.serving.config_file import BadFile, ConfigFile, read_file
from zmqlayer.interface.serving.lean import import_transports
from zmqlayer.interface.serving.logs import log_to_stderr
from zmqlayer.interface.serving.places import inherited_sockets
from zmqlayer.interface.serving.plan import Plan, make_plan
from zmqlayer.interface.serving.settings import FILE_VARIABLE, SETTINGS
from zmqlayer.misspelt import warn_of_misspelt

__all__ = ["describe", "read_plan", "start"]


def read_plan(
    config: str | None,
    flags: Mapping[str, Any],
    mesh_flags: Mapping[str, Any],
    mesh_places: Mapping[str, str] | None = None,
) -> Plan:
    """
    Put together what flags, the environment, a file and the service manager say.

    Variables that are misspelt, and so have no effect, are named in the log.

    Args:
        config: Name of the file.
        flags: Options of the server, by name; ``no_<name>`` is true if ``--no-<name>`` was given.
        mesh_flags: Settings of the layer, by name.
        mesh_places: Where those among *mesh_flags* were said that are no flags.

    Raises:
        BadFile: The file cannot be used.
        BadOption: An option of the server cannot be used.
        click.BadParameter: A setting of the layer cannot be used.
    """
    warn_of_misspelt(os.environ, [FILE_VARIABLE, *(setting.variable for setting in SETTINGS)])
    file = _read_file(config) if config else ConfigFile()
    negated = {setting.name: setting.negation for setting in SETTINGS if flags.get(f"no_{setting.name}")}
    named = {setting.name: flags.get(setting.name) for setting in SETTINGS}
    passed = inherited_sockets(_first_environment(), os.getpid())
    return make_plan({**named, **negated}, mesh_flags, os.environ, file, passed, mesh_places)


def start(plan: Plan) -> None:
    """
    Run a server until a signal ends it.

    Raises:
        CannotServe: It could not be started; the sentence says why.
        ModuleNotFoundError: A part of the optional extra is missing.
    """
    log_to_stderr(plan.given["verbosity"], plan.given["log_fmt"])
    import_transports(with_tls=plan.may_use_tls)
    from zmqlayer.interface.serving.launch import launch  # imports them too, so not before they are there

    launch(plan)


def describe(plan: Plan) -> Iterator[str]:
    """Say which options were given, and where, in lines for who only wants to check them."""
    for name, place in plan.given.places.items():
        yield f"{name} = {plan.given[name]!r}  ({place})"
    yield f"Everything is in order; cluster {plan.config.cluster}."


def _first_environment() -> dict[str, str]:
    """
    Return the environment that this process began with, where the system tells it.

    ``twisted.internet.endpoints`` takes the variables of systemd out of ``os.environ`` when it is imported.
    """
    try:
        pairs = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return dict(os.environ)
    return {name: value for name, _, value in (os.fsdecode(pair).partition("=") for pair in pairs)}


def _read_file(name: str) -> ConfigFile:
    try:
        return read_file(name, Path(name).read_bytes())
    except OSError as exc:
        raise BadFile(f"cannot read {name}: {exc.strerror}") from exc
