"""
What clients sent, as a log may show it: in one line of printable ASCII, whatever they sent.

The access log escapes what it tells; each other log of a module that speaks with clients comes from :func:`log_of`.
"""

from __future__ import annotations

import logging
import re
from typing import Final

__all__ = ["escape", "log_of"]

UNSAFE: Final = re.compile(rb'[^\x20-\x7e]|["\\]')


def escape(text: bytes | str) -> str:
    r"""Return *text* with each byte that could break a line, or a quotation, as ``\xNN``."""
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return UNSAFE.sub(lambda match: b"\\x%02x" % match[0][0], raw).decode("ascii")


def log_of(name: str) -> logging.Logger:
    """Return the log of a module, whose lines show each text and each exception among their arguments escaped."""
    logger = logging.getLogger(name)
    logger.addFilter(_escape_arguments)
    return logger


def _escape_arguments(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(escape(str(arg)) if isinstance(arg, str | Exception) else arg for arg in record.args)
    return True
