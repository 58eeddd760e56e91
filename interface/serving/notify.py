"""Words to the service manager that started this process (sd_notify(3)); without one they are not spoken."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping

__all__ = ["Notifier"]

logger = logging.getLogger(__name__)


class Notifier:
    """
    The way to systemd, or whoever speaks its language.

    Args:
        address: Of a UNIX datagram socket; empty if nobody listens.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Notifier:
        """Return the way that the environment names."""
        return cls(environ.get("NOTIFY_SOCKET", ""))

    def tell(self, state: str) -> None:
        """Say one word like ``READY=1``; a manager that does not listen is no reason to fail."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as words:
                words.sendto(state.encode(), self._address)
        except OSError as exc:
            logger.warning("the service manager at %s does not listen: %s", self._address, exc)
