"""
Autobahn's WebSocket client in a process of its own, which says a few things and expects to hear them again.

Run as a program it prints one line of JSON: whether all came back, whether they were compressed, and how it closed.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from support.cluster import Member, clean_environ

__all__ = ["AutobahnRun"]

PAYLOADS: Final = [b"", b"hi", b"\x00\xff" * 50, b"x" * 200_000]


class AutobahnRun(Member):
    """One client."""

    def __init__(self, url: str, is_secure: bool, is_compressed: bool) -> None:
        arguments = [url, str(int(is_secure)), str(int(is_compressed))]
        super().__init__(__file__, *arguments, environ={**clean_environ(), "PYTHONPATH": ":".join(sys.path)})

    def __enter__(self) -> AutobahnRun:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def result(self, within_s: float) -> dict[str, Any]:
        """Return what it printed."""
        found: dict[str, Any] = json.loads(self.wait_for_line(r"^\{.*\}$", within_s)[0])
        return found


def main(url: str, is_secure: str, is_compressed: str) -> None:
    """Say and hear; certificates are not checked, since the test has made them."""
    from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
    from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateResponseAccept
    from twisted.internet import reactor, ssl

    class Client(WebSocketClientProtocol):
        def onOpen(self) -> None:
            self.heard: list[bytes] = []
            self.sendMessage(PAYLOADS[0], isBinary=True)

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.heard.append(payload)
            if len(self.heard) < len(PAYLOADS):
                self.sendMessage(PAYLOADS[len(self.heard)], isBinary=True)
            else:
                self.sendClose(1000)

        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            heard = getattr(self, "heard", []) == PAYLOADS
            compressed = self._perMessageCompress is not None
            result = {"heard": heard, "compressed": compressed, "clean": wasClean, "code": code}
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
            reactor.stop()

    factory = WebSocketClientFactory(url)
    factory.protocol = Client
    if int(is_compressed):
        factory.setProtocolOptions(
            perMessageCompressionOffers=[PerMessageDeflateOffer()],
            perMessageCompressionAccept=lambda answer: PerMessageDeflateResponseAccept(answer),
        )
    connectWS(factory, ssl.CertificateOptions() if int(is_secure) else None)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
