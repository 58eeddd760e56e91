"""
How a value of an option is read, whether it comes as text from a flag or the environment, or typed from a file. Pure.

Each reader takes what was given and returns the value, or raises :class:`ValueError` with the rest of a sentence that
begins with the option's name.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

__all__ = [
    "Reader",
    "choice",
    "endpoints",
    "level",
    "lines",
    "log_format",
    "mode",
    "number",
    "path",
    "paths",
    "ports",
    "positive",
    "seconds",
    "size",
    "switch",
    "text",
]

Reader = Callable[[Any], Any]

SIZE: Final = re.compile(r"(\d+) *([kmg]?)(?:i?b)?", re.IGNORECASE)
UNITS: Final = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
MAX_INT: Final = 2**31 - 1
"""Of C."""
YES: Final = frozenset({"1", "true", "yes", "on"})
NO: Final = frozenset({"0", "false", "no", "off"})
SOME_RECORD: Final = logging.LogRecord("zmqlayer", logging.INFO, "", 0, "", (), None)


class Mode(int):
    """The permissions of a file, which show themselves as they are given: in octal digits."""

    def __repr__(self) -> str:
        return repr(f"{int(self):03o}")


def text(value: Any) -> str:
    """Read text."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def path(value: Any) -> str:
    """Read the path of a URL, or nothing."""
    if text(value) and not value.startswith("/"):
        raise ValueError(f"{value!r} does not begin with a slash")
    return str(value)


def seconds(value: Any) -> float:
    """Read a number of seconds."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{value!r:.80} is not a number of seconds") from None


def number(value: Any) -> int:
    """Read a whole number."""
    try:
        if isinstance(value, bool | float):
            raise TypeError
        return int(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a whole number") from None


def positive(value: Any) -> int:
    """Read a whole number above 0 that the system takes."""
    if number(value) < 1:
        raise ValueError(f"{value!r} is not above 0")
    if number(value) > MAX_INT:
        raise ValueError(f"{value!r} is above {MAX_INT:,}")
    return number(value)


def level(value: Any) -> int:
    """Read how much to log."""
    if not 0 <= number(value) <= 3:
        raise ValueError(f"{value!r} is not in the range 0 to 3")
    return number(value)


def size(value: Any) -> int:
    """Read a number of bytes; ``k``, ``M`` and ``G`` stand for powers of 1024."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a number of bytes, like 65536, 64k or 10M")
    return int(match[1]) * UNITS[match[2].lower()]


def switch(value: Any) -> bool:
    """Read whether something is on."""
    word = str(value).lower()
    if not isinstance(value, bool | int | str) or word not in YES | NO:
        raise ValueError(f"{value!r} is neither true nor false")
    return word in YES


def mode(value: Any) -> Mode:
    """Read the permissions of a file: octal digits as text, for nobody sees in a number whether it was meant so."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text; write octal digits with quotation marks, like '660'")
    if not re.fullmatch("0*[0-7]{1,3}", value):
        raise ValueError(f"{value!r} is none of the permissions '000' to '777'")
    return Mode(value, 8)


def log_format(value: Any) -> str:
    """Read the format of a log line."""
    try:
        logging.Formatter(text(value)).format(SOME_RECORD)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"{value!r} is no format of Python's logging: {exc}") from exc
    return str(value)


def choice(*words: str) -> Reader:
    """Return a reader of one of *words*."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is none of {', '.join(words)}")
        return str(value)

    return read


def lines(value: Any) -> tuple[str, ...]:
    """Read any number of words: a list, or text with commas or blanks between them."""
    return tuple(word for item in _items(value) for word in text(item).replace(",", " ").split())


def paths(value: Any) -> tuple[str, ...]:
    """Read any number of paths: a list, or text with commas or blanks between them; those of a list may hold both."""
    return tuple(filter(None, map(text, value))) if isinstance(value, list | tuple) else lines(value)


def endpoints(value: Any) -> tuple[str, ...]:
    """Read any number of endpoint strings of Twisted's, in which commas mean something."""
    return tuple(word for item in _items(value) for word in text(item).split())


def ports(value: Any) -> tuple[int, ...]:
    """Read any number of TCP ports or file descriptors."""
    numbers = tuple(number(word) for item in _items(value) for word in str(item).replace(",", " ").split())
    for read in numbers:
        if not 0 <= read <= 65535:
            raise ValueError(f"{read} is not in the range 0 to 65535")
    return numbers


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else [value]
