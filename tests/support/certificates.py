"""Certificates that a test makes for itself; nobody trusts them but the test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

__all__ = ["Pair", "make_pair"]


class Pair(NamedTuple):
    """
    Two files in PEM.

    Attributes:
        cert: A certificate for localhost and 127.0.0.1, signed by itself: it is its own authority.
        key: Its private key.
    """

    cert: Path
    key: Path


Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def make_pair(folder: Path, name: str, days: int = 1, password: bytes | None = None, key: Key | None = None) -> Pair:
    """
    Write ``<name>.pem`` and ``<name>.key``.

    Args:
        days: For which the certificate is valid from now on.
        password: Encrypts the key.
        key: None for a new one.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    cert = _sign(key, name, datetime.now(UTC) + timedelta(days=days))
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pair.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    pair.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    return pair


def _sign(key: Key, name: str, until: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=30))
        .not_valid_after(until)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
