"""``manage.py runinterface``: the interface server, with what the project's settings say of the mesh."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.interface.serving.arguments import add_options
from zmqlayer.interface.serving.config_file import BadFile
from zmqlayer.interface.serving.given import BadOption
from zmqlayer.interface.serving.settings import FILE_VARIABLE
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER, layer_settings
from zmqlayer.worker.management.extra import interface_extra
from zmqlayer.worker.management.mesh_flags import add_mesh_flags, given_mesh_flags

__all__ = ["Command"]


class Command(BaseCommand):
    """``zmqlayer interface`` for a project: ``CHANNEL_LAYERS`` and ``SECRET_KEY`` need not be said again."""

    help = (
        "Serve HTTP and WebSocket clients, and let workers answer. The options are those of 'zmqlayer interface'; "
        "each may stand in the environment as well, --http-timeout as ZMQLAYER_INTERFACE_HTTP_TIMEOUT."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012  # as Django declares it
    leave_locale_alone = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options of a server, and the settings of the layer."""
        parser.add_argument(
            "--layer", default=DEFAULT_CHANNEL_LAYER, metavar="ALIAS", help="Which of CHANNEL_LAYERS to use."
        )
        parser.add_argument("--config", metavar="FILE", help=f"Read options from this TOML file. ({FILE_VARIABLE})")
        parser.add_argument(
            "--check-config",
            action="store_true",
            help="Check all options, show those of the server that were given, and do no more.",
        )
        add_options(parser, omitted=("verbosity",))
        add_mesh_flags(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Serve until a signal asks to stop.

        Raises:
            CommandError: An option cannot be used, or the server cannot start; the message names the cure.
        """
        with interface_extra("runinterface"), _told_in_a_sentence():
            from zmqlayer.interface.serving.start import describe, read_plan, start  # they need the extra

            alias = options["layer"]
            config = layer_settings(alias).get("CONFIG", {})
            flags = given_mesh_flags(options)
            places = {name: f"CHANNEL_LAYERS[{alias!r}]['CONFIG'][{name!r}]" for name in config if name not in flags}
            file = options["config"] or os.environ.get(FILE_VARIABLE)
            plan = read_plan(file, _server_flags(options), {**config, **flags}, places)
            if options["check_config"]:
                for line in describe(plan):
                    self.stdout.write(line)
            else:
                start(plan)


def _server_flags(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options; for those that Channels 1.x had in the settings, what is there counts if nothing is said."""
    known = {"ws_protocol": "CHANNELS_WS_PROTOCOLS", "root_path": "FORCE_SCRIPT_NAME"}
    defaults = {name: getattr(settings, setting, None) or None for name, setting in known.items()}
    # Django always says a verbosity; its default must not win over what a file or the environment say.
    verbosity = None if options["verbosity"] == 1 else options["verbosity"]
    missing = {name: value for name, value in defaults.items() if options.get(name) is None}
    return {**options, **missing, "verbosity": verbosity}


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except click.BadParameter as exc:
        raise CommandError(f"{exc.param_hint}: {exc.message}") from exc
    except (ZmqLayerError, BadOption, BadFile) as exc:
        raise CommandError(str(exc)) from exc
