"""
From the cluster's secret to CURVE keys. Pure.

All nodes of a cluster use one key pair, derived with HKDF-SHA256 (RFC 5869) from the secret and the cluster's
name, as server key and as client key. Its public half is never announced: who does not know the secret cannot
even form the first CURVE command (ZeroMQ RFC 26), so the public key is itself the capability.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

import zmq
from zmq.utils import z85

__all__ = ["Keys"]


@dataclass(frozen=True, slots=True)
class Keys:
    """A CURVE key pair as Z85 text, 40 characters each."""

    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return "<Keys>"

    @classmethod
    def derive(cls, secret: bytes, cluster: str) -> Self:
        """Return the key pair of *cluster*."""
        raw = _hkdf_sha256(secret, b"zmqlayer/curve/v1|" + cluster.encode("utf-8"))
        private = z85.encode(raw)
        return cls(zmq.curve_public(private), private)


def _hkdf_sha256(secret: bytes, info: bytes) -> bytes:
    """Return 32 bytes: HKDF with no salt, extract and one round of expand."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()
