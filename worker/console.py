"""
What developers and operators see of a worker on their terminal beside its status lines: its log, and access lines.
"""

from __future__ import annotations

import logging
import time
from typing import Final

__all__ = ["log_response", "log_to_stderr"]

FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"

access_logger = logging.getLogger("django.server")
"""Where Django's own server writes a line for each response; ``LOGGING`` has it on the console, in colours."""


def log_to_stderr(verbosity: int) -> None:
    """
    Let more of the log be seen, whatever ``LOGGING`` says.

    Args:
        verbosity: As Django has it. 2: all of zmqlayer, with a line for each message. 3: all libraries.
    """
    if verbosity < 2:
        return
    logger = logging.getLogger("zmqlayer" if verbosity == 2 else None)
    shown = logging.StreamHandler()
    shown.setFormatter(logging.Formatter(FORMAT))
    logger.addHandler(shown)
    logger.setLevel(logging.DEBUG)


def log_response(request_line: bytes, status: int, size: int, ended_at: float) -> None:
    """
    Write a line as Django's own server does: ``[29/Nov/2026 01:52:42] "GET / HTTP/1.1" 200 1234``.

    Args:
        request_line: As the client sent it.
        size: Bytes of content.
        ended_at: Seconds since 1970.
    """
    level = logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.INFO
    access_logger.log(
        level,
        '"%s" %s %s',
        ascii(request_line.decode("latin-1"))[1:-1],  # lest a client write to the terminal
        status,
        size,
        extra={"server_time": time.strftime("%d/%b/%Y %H:%M:%S", time.localtime(ended_at)), "status_code": status},
    )
