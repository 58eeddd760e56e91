"""What a process holds: memory and open files, as Linux counts them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["Usage"]


class Usage:
    """
    The resources of a process.

    Args:
        pid: It runs on this machine, for the same user.
    """

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return self._status("VmRSS")

    @property
    def peak(self) -> int:
        """The most resident bytes since the start, or since :meth:`forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Begin to look for the peak anew."""
        (self._proc / "clear_refs").write_text("5")

    @property
    def files(self) -> int:
        """Open files: sockets too."""
        return len(list((self._proc / "fd").iterdir()))

    def _status(self, name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+) kB$", (self._proc / "status").read_text(), re.MULTILINE)
        assert found is not None, name
        return int(found[1]) * 1024
