"""``zmqlayer interface``: run one interface server until it is told to stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from zmqlayer.cli.options import join_named_project, layer_options, take_settings
from zmqlayer.interface.serving.config_file import BadFile
from zmqlayer.interface.serving.given import BadOption
from zmqlayer.interface.serving.help import SectionedCommand, options_of
from zmqlayer.interface.serving.settings import EXTRA, FILE_VARIABLE, SETTINGS
from zmqlayer.interface.serving.sockets import CannotServe
from zmqlayer.interface.serving.start import describe, read_plan, start
from zmqlayer.project import SETTINGS_VARIABLE

__all__ = ["interface"]

EXAMPLES: Final = """\b
Examples:
  zmqlayer interface                          http://127.0.0.1:8000, cluster "default"
  zmqlayer interface -p 8001 --cluster shop   another port, only nodes of cluster "shop"
  zmqlayer interface -b 0.0.0.0 -p 80         reachable from other machines
  zmqlayer interface -b '[::]:443' --tls-cert site.pem --tls-key site.key
  zmqlayer interface -u /run/shop/web.sock --proxy-headers
  zmqlayer interface --settings shop.settings with the secret of a Django project, as its workers have it

\b
Each option may stand in the environment, --http-timeout as ZMQLAYER_INTERFACE_HTTP_TIMEOUT, and in a file:
  [interface]
  http_timeout = 30
  bind = ["0.0.0.0:80", "[::]:80"]
  [mesh]
  cluster = "shop"
A flag comes before the environment, the environment before the file. Times are in seconds; sizes are in bytes, or,
but for those of the mesh, end in k, M or G.

SIGTERM and Ctrl-C end the server in order, and a second time at once. SIGHUP reads certificates and opens the access
log again. SIGUSR1 writes counts to the log.

The secret of a mesh is not given here, where every user of the machine can read it, but in ZMQLAYER_SECRET.
"""


@click.command(
    name="interface",
    cls=SectionedCommand,
    params=[option for setting in SETTINGS for option in options_of(setting)],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXAMPLES,
)
@layer_options
@click.option("--config", metavar="FILE", envvar=FILE_VARIABLE, help="Read options from this TOML file.", default=None)
@click.option(
    "--check-config", is_flag=True, help="Check all options, show those of the server that were given, and do no more."
)
@click.option(
    "--settings",
    metavar="MODULE",
    envvar=SETTINGS_VARIABLE,
    show_envvar=True,
    help="Take the secret of this Django project, as its workers do, if none is given.",
)
def interface(settings: str | None, config: str | None, check_config: bool, **flags: Any) -> None:
    """
    Serve HTTP and WebSocket clients, and let workers answer.

    Each request becomes a message on the mesh, and is answered by whichever worker is free. Servers and workers of
    one cluster find each other: there is nothing else to start, and no order in which to start them. Workers may
    come and go while clients stay connected.
    """
    with _told_in_a_sentence():
        if settings is not None:
            join_named_project(settings)
        plan = read_plan(config, flags, take_settings(flags))
        if check_config:
            for line in describe(plan):
                click.echo(line)
            return
        start(plan)


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    """Let what the operator can cure end the command with a sentence: status 2 for an option, 1 for the machine."""
    try:
        yield
    except BadOption as exc:
        raise click.BadParameter(exc.problem, param_hint=exc.place) from exc
    except BadFile as exc:
        raise click.UsageError(str(exc)) from exc
    except CannotServe as exc:
        raise click.ClickException(str(exc)) from exc
    except ModuleNotFoundError as exc:
        package = (exc.name or "").partition(".")[0]
        if package not in EXTRA:
            raise
        cure = "install it with: pip install 'zmqlayer[interface]'"
        raise click.ClickException(f"'zmqlayer interface' needs {package}; {cure}") from exc
