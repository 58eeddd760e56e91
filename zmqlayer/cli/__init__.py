"""The ``zmqlayer`` command."""

from zmqlayer.cli.main import main

__all__ = ["main"]
