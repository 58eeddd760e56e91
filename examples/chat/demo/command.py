"""The command line of the demo."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import time
from collections.abc import MutableMapping, Sequence
from contextlib import closing

import click

from demo.child import Child
from demo.events import Event, StopAsked
from demo.plan import PROJECT, SETTINGS, Plan, private_cluster
from demo.preflight import multicast_problem, port_problem
from demo.question import ask
from demo.run import Demo, DemoFailed
from demo.watch import watch
from zmqlayer.exceptions import ZmqLayerError
from zmqlayer.project import join_project

__all__ = ["demo"]

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def read_ports(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """Read ``8000,8001``: one or more different ports."""
    words = re.split(r"[,\s]+", text.strip())
    if not all(word.isdigit() and 0 < int(word) < 65536 for word in words):
        raise click.BadParameter(f"{text!r} is not a list of port numbers like 8000,8001")
    if len(set(words)) < len(words):
        raise click.BadParameter(f"{text!r} names a port twice")
    return tuple(int(word) for word in words)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Through make: make demo ARGS="--ports 8002,8003 --workers 4"',
)
@click.option(
    "--ports",
    default="8000,8001",
    show_default=True,
    metavar="PORT,PORT",
    callback=read_ports,
    help="Start one interface server on each of these ports.",
)
@click.option("--workers", type=click.IntRange(1, 16), default=2, show_default=True, help="Start this many workers.")
@click.option("--cluster", metavar="NAME", help="Join this cluster. [default: one of its own for each run]")
@click.option("-v", "--verbose", is_flag=True, help="Show what the processes write.")
def demo(ports: tuple[int, ...], workers: int, cluster: str | None, verbose: bool) -> None:
    """
    Run the example chat on this machine: interface servers and workers that find each other.

    Ctrl-C stops everything.
    """
    for problem in filter(None, [*map(port_problem, ports), multicast_problem()]):
        raise click.ClickException(problem)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    for number in STOP_SIGNALS:
        signal.signal(number, lambda received, _frame: events.put(StopAsked(received)))
    plan = Plan(ports, workers, cluster or private_cluster())
    forget_other_meshes(os.environ)
    join_project(SETTINGS)  # the observer needs the secret that servers and workers take from there
    environment = plan.environment(os.environ)
    click.echo(f"zmqlayer demo, cluster {plan.cluster}")
    migrate(environment)
    show = click.echo if verbose else None
    children = [Child(task, environment, events.put, show) for task in plan.tasks()]
    run(plan, children, events)


def forget_other_meshes(environ: MutableMapping[str, str]) -> None:
    """Remove ``ZMQLAYER_…`` from *environ*: a secret or seed meant for another mesh would keep ours apart."""
    for name in [name for name in environ if name.startswith("ZMQLAYER_")]:
        del environ[name]


def migrate(environment: dict[str, str]) -> None:
    """
    Bring the database up to date.

    Raises:
        click.ClickException: It failed; gives the reason.
    """
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        process_group=0,
        check=False,
    )
    if done.returncode:
        reason = (done.stdout + done.stderr).strip().rpartition("\n")[2]
        raise click.ClickException(f"The database could not be prepared: {reason}")
    click.echo("database is ready")


def run(plan: Plan, children: Sequence[Child], events: queue.SimpleQueue[Event]) -> None:
    """
    Watch the mesh, run the demo, and clean up whatever happens.

    Raises:
        click.ClickException: The demo failed; its text says why.
    """
    running = Demo(plan, children, events, lambda url: ask(url, events.put), click.echo, time.monotonic)
    try:
        with closing(watch(plan.cluster, events.put)):
            try:
                running.run()
            finally:
                running.stop()
    except (DemoFailed, ZmqLayerError) as failure:
        raise click.ClickException(str(failure)) from failure
