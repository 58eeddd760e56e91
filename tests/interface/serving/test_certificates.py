"""Certificates that are read, and read again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.certificates import Pair, make_pair
from support.connections import Site
from support.tls_client import TlsClient
from zmqlayer.interface.serving.certificates import Certificates
from zmqlayer.interface.serving.sockets import CannotServe


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A certificate and its key."""
    return make_pair(tmp_path, "site")


def load(cert: Path | str, key: Path | str = "") -> Certificates:
    """Return loaded certificates."""
    certificates = Certificates(str(cert), str(key), [b"h2", b"http/1.1"])
    certificates.load()
    return certificates


def test_key_and_certificate_may_share_a_file(pair: Pair, tmp_path: Path) -> None:
    """As some tools write it."""
    both = tmp_path / "both.pem"
    both.write_bytes(pair.key.read_bytes() + pair.cert.read_bytes())

    assert load(both)


def test_a_missing_file_is_a_sentence(pair: Pair) -> None:
    """With its name."""
    with pytest.raises(CannotServe, match=r"cannot read /nowhere/site.pem: No such file or directory"):
        load("/nowhere/site.pem", pair.key)


def test_a_foreign_key_is_a_sentence(pair: Pair, tmp_path: Path) -> None:
    """It names both files."""
    other = make_pair(tmp_path, "other")

    with pytest.raises(CannotServe, match=r"the key in .*other.key is not that of the certificate in .*site.pem"):
        load(pair.cert, other.key)


def test_files_of_another_kind_are_a_sentence(pair: Pair) -> None:
    """Also a certificate without a key beside it."""
    with pytest.raises(CannotServe, match=r"site.key holds no certificate in PEM format"):
        load(pair.key, pair.key)
    with pytest.raises(CannotServe, match=r"site.pem holds no private key in PEM format; name its file with --tls-key"):
        load(pair.cert)


def test_an_encrypted_key_is_a_sentence(tmp_path: Path) -> None:
    """Nobody is there to type a password."""
    pair = make_pair(tmp_path, "site", password=b"secret")

    with pytest.raises(CannotServe, match=r"site.key is encrypted; write one that is not: openssl pkey"):
        load(pair.cert, pair.key)


def test_an_expired_certificate_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The server starts: clients will say the rest."""
    pair = make_pair(tmp_path, "site", days=-1)

    load(pair.cert, pair.key)

    assert "expired on" in caplog.text


def test_a_bad_file_keeps_what_was_read_before(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """One line in the log says why."""
    certificates = load(pair.cert, pair.key)
    pair.cert.write_text("nothing")
    caplog.set_level(logging.ERROR)

    certificates.reload()

    assert "the certificate stays as it was: " in caplog.text
    assert certificates.serverConnectionForTLS(None)  # type: ignore[arg-type]  # it is not used


@pytest.mark.parametrize(
    ("offered", "chosen"), [((), b""), ((b"http/1.1", b"h2"), b"h2"), ((b"http/1.1", b"foo"), b"http/1.1")]
)
def test_a_protocol_is_agreed_on(
    site: Site, come_by_tls: Callable[..., TlsClient], offered: tuple[bytes, ...], chosen: bytes
) -> None:
    """The server prefers; a client that offers none gets HTTP/1.1 all the same."""
    client = come_by_tls(site, *offered)

    assert (client.is_ended, client.protocol) == (False, chosen)


@pytest.mark.parametrize("offered", [(b"acme-tls/1",), (b"imap", b"foo")])
def test_a_client_that_speaks_none_of_the_protocols_is_refused(
    site: Site, come_by_tls: Callable[..., TlsClient], offered: tuple[bytes, ...]
) -> None:
    """By the alert ``no_application_protocol`` (RFC 7301, 3.2); others come in as before."""
    client = come_by_tls(site, *offered)

    assert (client.is_ended, client.alert) == (True, "tlsv1 alert no application protocol")
    assert not come_by_tls(site, b"h2").is_ended


def test_a_broken_chain_is_a_sentence(pair: Pair) -> None:
    """With OpenSSL's own reason; the key has no part in it."""
    with pair.cert.open("a") as chain:
        chain.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    with pytest.raises(CannotServe, match=r"OpenSSL cannot use the certificates in .*site.pem: [a-z0-9 ]+"):
        load(pair.cert, pair.key)


def test_a_weak_key_is_a_sentence(tmp_path: Path) -> None:
    """Though it belongs to the certificate."""
    pair = make_pair(tmp_path, "site", key=rsa.generate_private_key(65_537, 1024))

    with pytest.raises(CannotServe, match=r"OpenSSL cannot use the certificates in .*site.pem: ee key too small"):
        load(pair.cert, pair.key)


def test_a_key_of_another_kind_is_a_foreign_key(pair: Pair, tmp_path: Path) -> None:
    """RSA beside a curve."""
    other = make_pair(tmp_path, "other", key=rsa.generate_private_key(65_537, 2048))

    with pytest.raises(CannotServe, match=r"the key in .*other.key is not that of the certificate in .*site.pem"):
        load(pair.cert, other.key)
