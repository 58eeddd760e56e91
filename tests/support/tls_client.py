"""A client in memory that comes by TLS: OpenSSL on its side, Twisted's TLS around the server's factory on the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from support.connections import MemoryTransport, Site
from zmqlayer.interface.serving.certificates import Certificates

__all__ = ["TlsClient"]

ADDRESS = IPv4Address("TCP", "10.0.0.9", 51234)


class TlsClient:
    """
    One client. It reads only when it is told to, as one does that keeps a connection for later.

    Args:
        protocols: What it offers by ALPN; empty for none.

    Attributes:
        below: The transport below TLS.
        alert: What the server said in place of a handshake; empty if it made one.
    """

    def __init__(self, site: Site, certificates: Certificates, protocols: Sequence[bytes] = ()) -> None:
        context = SSL.Context(SSL.TLS_METHOD)
        if protocols:
            context.set_alpn_protos(list(protocols))
        self._tls = SSL.Connection(context, None)
        self._tls.set_connect_state()
        self.below = MemoryTransport()
        self.alert = ""
        self._clock = site.clock
        factory = TLSMemoryBIOFactory(certificates, False, site.factory, site.clock)
        protocol = factory.buildProtocol(ADDRESS)
        assert isinstance(protocol, TLSMemoryBIOProtocol)
        self._server = protocol
        self._server.makeConnection(self.below)
        self._shake_hands()

    @property
    def is_ended(self) -> bool:
        """Whether the server closed the connection below TLS."""
        return self.below.disconnecting

    @property
    def protocol(self) -> bytes:
        """What was agreed on by ALPN; empty for nothing."""
        return self._tls.get_alpn_proto_negotiated()

    @property
    def is_aborted(self) -> bool:
        """Whether it cut that connection."""
        return self.below.is_aborted

    def send(self, data: bytes) -> None:
        """Let *data* arrive."""
        self._tls.send(data)
        self._carry()

    def read(self) -> bytes:
        """Return what the server wrote; its goodbye may stand behind."""
        self._clock.advance(0)
        self._hear()
        read = b""
        try:
            while True:
                read += self._tls.recv(65_536)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            return read

    def say_goodbye(self) -> None:
        """Close TLS on the client's side."""
        self._tls.shutdown()
        self._carry()

    def leave(self) -> None:
        """Let the connection be lost."""
        if self.below.producer is not None:
            self.below.producer.stopProducing()
            self.below.producer = None
        self._server.connectionLost(Failure(ConnectionDone()))

    def _shake_hands(self) -> None:
        for _ in range(3):
            try:
                self._tls.do_handshake()
            except SSL.WantReadError:
                self._carry()
                self._hear()
            except SSL.Error as exc:
                self.alert = str(exc.args[0][0][2])
                return
        self._carry()

    def _hear(self) -> None:
        written = self.below.value()
        self.below.clear()
        if written:
            self._tls.bio_write(written)

    def _carry(self) -> None:
        """Let the server receive what the client wrote, if it reads."""
        if self.below.producerState == "paused":
            return
        with suppress(SSL.WantReadError):  # there is nothing
            self._server.dataReceived(self._tls.bio_read(1_048_576))
