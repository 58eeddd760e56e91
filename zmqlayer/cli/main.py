"""The ``zmqlayer`` command group: finds subcommands by name and imports only the one that runs."""

from __future__ import annotations

import importlib
from typing import Final

import click

__all__ = ["main"]

COMMANDS: Final = {
    "keygen": ("zmqlayer.cli.keygen", "keygen", "click"),
    "interface": ("zmqlayer.interface.serving.command", "interface", "twisted"),
    "worker": ("zmqlayer.worker.asgi.command", "worker", "click"),
}
"""Name → module, attribute, and the package that the optional extra brings."""


class LazyGroup(click.Group):
    """A group whose commands live in optional parts: a missing part is a sentence, not a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, needs = COMMANDS[name]
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as exc:
            package = (exc.name or "").partition(".")[0]
            if package != needs:
                raise
            return _missing(name, package)
        assert isinstance(command, click.Command)
        return command


def _missing(name: str, package: str) -> click.Command:
    sentence = f"'zmqlayer {name}' needs {package}; install it with: pip install 'zmqlayer[{name}]'"

    def refuse(arguments: tuple[str, ...]) -> None:
        raise click.ClickException(sentence)

    anything = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(
        name,
        callback=refuse,
        params=[anything],
        help=f"(not installed: needs {package})",
        context_settings={"ignore_unknown_options": True},
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="zmqlayer", message="zmqlayer %(version)s")
def main() -> None:
    """A brokerless, zero-configuration mesh for Django over ZeroMQ."""
