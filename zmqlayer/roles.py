"""
What a process is called in the logs of others, where its program did not say. Used by ``compose.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

__all__ = ["role_of"]

NAMELESS: Final = "script"
DJANGO_PROGRAMS: Final = ("manage", "django-admin")


def role_of(argv: Sequence[str]) -> str:
    """
    Return the program's name: ``daphne``, ``gunicorn``, of ``manage.py runworker`` its command.

    Args:
        argv: The command line, ``sys.argv``.

    >>> role_of(["/srv/mysite/manage.py", "runworker", "thumbnails"])
    'runworker'
    """
    program, *arguments = argv or [""]
    path = PurePath(program)
    name = path.parent.name if path.name == "__main__.py" else path.stem
    if name in DJANGO_PROGRAMS or (name == "django" and path.name == "__main__.py"):
        name = next((word for word in arguments if not word.startswith("-")), name)
    return name if name.strip("-") not in ("", "c", "m") else NAMELESS
