"""Where log lines go: the server's own to standard error, responses to the access log."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import IO, Any, Final

from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    STDLibLogObserver,
    globalLogBeginner,
)

from zmqlayer.interface.serving.sockets import CannotServe

__all__ = ["AccessLog", "log_to_stderr", "pass_on_faults"]

logger = logging.getLogger("zmqlayer.interface")

FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"
LEVELS: Final = {
    0: (logging.WARNING, logging.WARNING),
    1: (logging.WARNING, logging.INFO),
    2: (logging.WARNING, logging.DEBUG),
    3: (logging.DEBUG, logging.DEBUG),
}
"""By verbosity: the level of everything, and of zmqlayer."""

STANDARD_OUTPUT: Final = "-"


class AccessLog:
    """
    A file of lines that are appended; another program may move it away between two of them.

    Args:
        name: ``-`` is standard output.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: IO[bytes] | None = None
        self._is_broken = False

    def open(self) -> None:
        """
        Open the file, which is created if need be.

        Raises:
            CannotServe: It cannot be written.
        """
        if self._name == STANDARD_OUTPUT:
            self._file = sys.stdout.buffer
            return
        try:
            # Without a buffer: a line that found no room on the disk is not kept, to be written twice.
            self._file = Path(self._name).open("ab", buffering=0)  # noqa: SIM115  # close() does
        except OSError as exc:
            raise CannotServe(f"cannot write the access log {self._name}: {exc.strerror}") from exc

    def write(self, line: str) -> None:
        """Append a line. A full disk is told once, and stops nobody."""
        assert self._file is not None  # open() comes before the first client
        try:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
            self._is_broken = False
        except OSError as exc:
            if not self._is_broken:
                logger.error("cannot write the access log %s: %s", self._name, exc.strerror)
            self._is_broken = True

    def reopen(self) -> None:
        """Go on in a new file of the same name; if there can be none, in the one that is open."""
        before = self._file
        try:
            self.open()
        except CannotServe as exc:
            logger.error("%s; lines go where they went before", exc)
        else:
            if before is not None and before is not sys.stdout.buffer:
                before.close()

    def close(self) -> None:
        """Write nothing any more."""
        if self._file is not None and self._file is not sys.stdout.buffer:
            self._file.close()


def log_to_stderr(verbosity: int, fmt: str = "") -> None:
    """
    Let the logs of this process go to standard error.

    Args:
        verbosity: 0 to 3.
        fmt: Of each line, as :mod:`logging` has it.
    """
    others, ours = LEVELS[verbosity]
    logging.basicConfig(level=others, format=fmt or FORMAT, force=True)
    logging.getLogger("zmqlayer").setLevel(ours)
    pass_on_faults(LogLevel.debug if verbosity > 2 else LogLevel.critical)


def pass_on_faults(least: Any = LogLevel.critical) -> None:
    """Let what Twisted has to say, from the level *least* on, go where Python's log goes."""
    # Of Twisted's own log only what nobody caught is of use here: it warns of each client that misbehaves.
    uncaught: Any = LogLevelFilterPredicate(defaultLogLevel=least)
    to_stdlib: Any = STDLibLogObserver("twisted")
    observer: Any = FilteringLogObserver(to_stdlib, [uncaught])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
