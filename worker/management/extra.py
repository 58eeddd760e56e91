"""What a command says where the optional extra ``interface`` is not installed, or only a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from zmqlayer.interface.serving.settings import EXTRA

__all__ = ["interface_extra"]


@contextmanager
def interface_extra(command: str) -> Iterator[None]:
    """
    Import in here, for *command*, what needs the extra.

    Raises:
        CommandError: A package of the extra is missing; the message names the cure.
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        package = (exc.name or "").partition(".")[0]
        if package not in EXTRA:
            raise
        raise CommandError(f"{command} needs {package}; install it with: pip install 'zmqlayer[interface]'") from exc
