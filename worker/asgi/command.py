"""``zmqlayer worker``: run an ASGI application for the interface servers of a mesh, until told to stop."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from zmqlayer.cli.options import join_named_project, layer_options, read_config, take_settings
from zmqlayer.compose import open_layer
from zmqlayer.config import Config
from zmqlayer.exceptions import ConfigError, ZmqLayerError
from zmqlayer.project import SETTINGS_VARIABLE
from zmqlayer.worker.asgi.ending import end_process
from zmqlayer.worker.asgi.exceptions import CannotLoad
from zmqlayer.worker.asgi.loading import load_application, look_in
from zmqlayer.worker.asgi.options import CHANNELS, LOOPS, MOST_GRACE_S, AsgiOptions
from zmqlayer.worker.asgi.run import run_application
from zmqlayer.worker.choice import choose_channels
from zmqlayer.worker.collecting import settle_in
from zmqlayer.worker.processes import CannotRepeat, Lifeline, become_parent

__all__ = ["worker"]

LEVELS: Final = ("debug", "info", "warning", "error")
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

EXAMPLES: Final = """\b
Examples:
  zmqlayer worker shop.asgi:application                   the application of a module, for cluster "default"
  zmqlayer worker main:app --cluster shop --app-dir src   FastAPI or Starlette in src/main.py
  zmqlayer worker main:create_app --factory               a function that returns the application
  zmqlayer worker shop.asgi:application --settings shop.settings
                                                          with the secret of a Django project
  zmqlayer worker main:app --only-channels 'websocket.*'  WebSockets here, requests elsewhere

Nothing listens for clients here: start "zmqlayer interface" on the same cluster, before or after, as often as you
like. Run as many processes as there are processors; each takes what it has room for.

SIGTERM and Ctrl-C end the worker in order: it takes nothing new, gives back what it had not started, closes WebSockets
with 1012, and lets requests finish. A second signal cuts them.

\b
Exit status: 0 told to stop, 2 a wrong option, 3 the application said that it cannot start; 1 it could not be imported,
or, with --processes, no process could start.
"""


@click.command(
    name="worker",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=EXAMPLES,
)
@click.argument("application", metavar="MODULE:APPLICATION")
@click.option("--factory", is_flag=True, help="Call what is named, without arguments, to get the application.")
@click.option("--app-dir", metavar="DIRECTORY", default=".", show_default=True, help="Look for modules here first.")
@click.option(
    "--processes",
    metavar="N",
    type=click.IntRange(min=1, max=1000),
    default=1,
    show_default=True,
    help="How many processes to run. One that dies is replaced; SIGHUP renews all, one after the other.",
)
@click.option(
    "--only-channels", metavar="GLOB", multiple=True, help=f"Read only channels like this, of {', '.join(CHANNELS)}."
)
@click.option("--exclude-channels", metavar="GLOB", multiple=True, help="Read no channels like this.")
@click.option(
    "--limit-concurrency",
    metavar="N",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Requests and WebSockets at a time; when there are so many, others get the work.",
)
@click.option(
    "--graceful-timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, max=MOST_GRACE_S),
    default=10.0,
    show_default=True,
    help="How long requests may take to finish when the worker stops.",
)
@click.option(
    "--loop",
    type=click.Choice(LOOPS),
    default="auto",
    show_default=True,
    help="The event loop; auto is uvloop if it is installed.",
)
@click.option(
    "--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="What goes to standard error."
)
@click.option(
    "--settings",
    metavar="MODULE",
    envvar=SETTINGS_VARIABLE,
    show_envvar=True,
    help="Take the secret of this Django project, as its other workers do, if none is given.",
)
@layer_options
def worker(application: str, factory: bool, app_dir: str, settings: str | None, log_level: str, **flags: Any) -> None:
    """
    Run an ASGI application for the interface servers of a mesh.

    HTTP, WebSocket and lifespan of ASGI 3, as Django, Starlette, FastAPI and Channels use them. The clients are
    connected to interface servers, which find this worker by themselves; a slow client holds back the application, a
    slow application its client. When this process dies its WebSockets are closed with 1012, so that clients come back
    and reach another.
    """
    with _told_in_a_sentence():
        logging.basicConfig(level=log_level.upper(), format=LOG_FORMAT)
        mesh = take_settings(flags)
        if settings is not None:
            look_in(app_dir)
            join_named_project(settings)
        config = read_config(mesh)
        options = _read_options(application, config, flags)
        lifeline = Lifeline.take()
        if flags["processes"] > 1 and lifeline is None:
            _check_port(config, flags["processes"])
            become_parent(flags["processes"], options.ending_s)
        loaded = load_application(application, app_dir, is_factory=factory)
        settle_in()
        layer = open_layer(config, "worker")
        layer.work_in_batches()
        status = run_application(loaded, layer, options, lifeline=lifeline)
    end_process(status)


def _read_options(application: str, config: Config, flags: dict[str, Any]) -> AsgiOptions:
    channels = tuple(choose_channels(CHANNELS, flags["only_channels"], flags["exclude_channels"]))
    if not channels:
        raise click.UsageError(f"no channel is left to read; there are {', '.join(CHANNELS)}")
    given = {} if config.prefetch is None else {"prefetch": config.prefetch}
    return AsgiOptions(
        name=application,
        channels=channels,
        limit_concurrency=flags["limit_concurrency"],
        graceful_timeout_s=flags["graceful_timeout"],
        loop=flags["loop"],
        **given,
    )


def _check_port(config: Config, n_processes: int) -> None:
    if config.bind.port:
        raise click.UsageError(
            f"--processes is {n_processes}, and only one process can listen on port {config.bind.port} of the mesh; "
            f"leave the port out, as in --mesh-bind {config.bind.host}"
        )


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    """Let what the operator can cure end the command with a sentence."""
    try:
        yield
    except CannotLoad as exc:
        raise click.BadParameter(str(exc), param_hint="MODULE:APPLICATION") from exc
    except ConfigError as exc:
        raise click.BadParameter(exc.problem, param_hint=f"--{exc.setting.replace('_', '-')}") from exc
    except (ZmqLayerError, CannotRepeat) as exc:
        raise click.ClickException(str(exc)) from exc
