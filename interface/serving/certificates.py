"""
The certificate and the key that TLS listeners use; they can be read again while connections are open.

``ports`` puts it under listeners, ``life`` reads the files again at SIGHUP.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from zmqlayer.interface.serving.sockets import CannotServe

__all__ = ["Certificates"]

logger = logging.getLogger("zmqlayer.interface")

CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption, as RFC 9113, 9.2.2, asks for; TLS 1.3 has no others."""

MISMATCHES: Final = frozenset({"key values mismatch", "key type mismatch", "no certificate assigned"})
"""What OpenSSL says to a key of another certificate: of the same kind, or of another."""

OPTIONS: Final = SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_RENEGOTIATION


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """
    Makes the server's side of each TLS connection, from TLS 1.2 on.

    Args:
        cert: File with the certificate and its chain, in PEM.
        key: File with its private key; empty if that is in *cert*.
        protocols: What to offer by ALPN (RFC 7301), the preferred first.
    """

    def __init__(self, cert: str, key: str, protocols: Sequence[bytes]) -> None:
        self._cert = cert
        self._key = key or cert
        self._protocols = tuple(protocols)
        self._context: SSL.Context | None = None

    def load(self) -> None:
        """
        Read the files. Connections from now on use what they hold; if this fails, what was read before.

        Raises:
            CannotServe: A file is missing, is not PEM, OpenSSL does not take it, or the two do not belong together.
        """
        certificate = _read_certificate(self._cert)
        _check_key(self._key)
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(OPTIONS)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_session_id(b"zmqlayer")
        context.set_alpn_select_callback(self._choose_protocol)
        _use(context, self._cert, self._key)
        context.set_cipher_list(CIPHERS)
        self._context = context
        _tell_validity(certificate, self._cert)

    def reload(self) -> None:
        """Read the files again; if they cannot be used, say so in the log and keep what was read before."""
        try:
            self.load()
        except CannotServe as exc:
            logger.error("the certificate stays as it was: %s", exc)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Make one connection; Twisted calls this."""
        assert self._context is not None  # load() comes before listening
        return SSL.Connection(self._context, None)

    def _choose_protocol(self, connection: SSL.Connection, offered: list[bytes]) -> bytes:
        chosen = next((known for known in self._protocols if known in offered), None)
        if chosen is None:  # pyOpenSSL sends the alert no_application_protocol for it (RFC 7301, 3.2)
            raise SSL.Error([("SSL routines", "", "no application protocol")])
        return chosen


def _read_certificate(name: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(name))
    except ValueError as exc:
        raise CannotServe(f"{name} holds no certificate in PEM format") from exc


def _check_key(name: str) -> None:
    try:
        load_pem_private_key(_read(name), password=None)
    except TypeError as exc:
        raise CannotServe(
            f"the key in {name} is encrypted; write one that is not: openssl pkey -in {name} -out ..."
        ) from exc
    except ValueError as exc:
        raise CannotServe(f"{name} holds no private key in PEM format; name its file with --tls-key") from exc


def _use(context: SSL.Context, cert: str, key: str) -> None:
    try:
        context.use_certificate_chain_file(cert)
    except SSL.Error as exc:
        raise CannotServe(f"OpenSSL cannot use the certificates in {cert}: {_reason(exc)}") from exc
    try:
        context.use_privatekey_file(key)
        context.check_privatekey()
    except SSL.Error as exc:
        if _reason(exc) in MISMATCHES:
            raise CannotServe(f"the key in {key} is not that of the certificate in {cert}") from exc
        raise CannotServe(f"OpenSSL cannot use the key in {key}: {_reason(exc)}") from exc


def _reason(exc: SSL.Error) -> str:
    """Return what OpenSSL says, in its words."""
    return "; ".join(dict.fromkeys(reason for _, _, reason in exc.args[0]))


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as exc:
        raise CannotServe(f"cannot read {name}: {exc.strerror}") from exc


def _tell_validity(certificate: x509.Certificate, name: str) -> None:
    until = certificate.not_valid_after_utc
    if until < datetime.now(UTC):
        logger.warning("the certificate in %s expired on %s; clients will refuse it", name, until.date())
    else:
        logger.info("the certificate in %s is valid until %s", name, until.date())
