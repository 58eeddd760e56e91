"""
The secrets of a node, the primary one first: how they are read, checked and told apart. Pure; for ``config.py``.

Each secret opens its own *door*: a pair of ports whose CURVE keys derive from it (``security.py``). The tag of a
door is what may be known of its secret: nodes whose tags differ have nothing to say to each other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from zmqlayer.exceptions import ConfigError

__all__ = ["KEYGEN", "ProjectSecrets", "check_secrets", "cluster_tag", "read_secret", "read_secrets"]

MIN_SECRET_BYTES: Final = 16
KEYGEN: Final = "'zmqlayer keygen' makes one"

_INSECURE: Final = "django-insecure-"
_STRONG_LENGTH: Final = 50
_STRONG_VARIETY: Final = 5


def cluster_tag(secret: bytes | None, cluster: str) -> str:
    """Return eight hex digits that nodes of one cluster and secret share; safe to announce."""
    return hmac.new(secret or b"zmqlayer", b"cluster|" + cluster.encode(), hashlib.sha256).hexdigest()[:8]


def read_secret(value: Any, setting: str = "secret") -> bytes:
    """
    Return one secret as bytes.

    Raises:
        ConfigError: Neither str nor bytes. No error of this module holds a secret.
    """
    if not isinstance(value, str | bytes):
        raise ConfigError(setting, f"a {type(value).__name__} is neither str nor bytes")
    return value.encode() if isinstance(value, str) else value


def read_secrets(value: Any) -> tuple[bytes, ...]:
    """
    Return several secrets as bytes, each once.

    Args:
        value: A list; or text with spaces or commas between the secrets, as environments have it. Empty for none.

    Raises:
        ConfigError: Neither, or something in the list is neither str nor bytes, or all of them are empty.
    """
    parts = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, Iterable) or isinstance(parts, bytes):
        raise ConfigError("secrets", f"a {type(value).__name__} is no list of secrets")
    secrets = tuple(filter(None, dict.fromkeys(read_secret(secret, "secrets") for secret in parts)))
    if value and not secrets:  # variables that are not set, say; nobody turned off encryption
        raise ConfigError("secrets", f"holds no secret; {KEYGEN}")
    return secrets


def check_secrets(secrets: Sequence[bytes], most: int, setting: str = "secrets") -> None:
    """
    Refuse secrets that can be guessed, and more of them than a node may have doors.

    Raises:
        ConfigError: Too short, or too many; of *setting*.
    """
    for secret in secrets:
        if len(secret) < MIN_SECRET_BYTES:
            raise ConfigError(setting, f"has {len(secret)} bytes and needs {MIN_SECRET_BYTES}; {KEYGEN}")
    if len(secrets) > most:
        raise ConfigError("secrets", f"{len(secrets)} are more than {most}; keep the newest and those still in use")


@dataclass(frozen=True, slots=True)
class ProjectSecrets:
    """
    What ``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS`` of a Django project are worth as secrets.

    Attributes:
        secrets: Those that can be used, the primary first; empty if ``SECRET_KEY`` cannot.
        flaw: Why they must not open the mesh to other machines; empty if they may.
    """

    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    flaw: str = ""

    @classmethod
    def judge(cls, key: str | bytes, fallbacks: Iterable[str | bytes], most: int) -> Self:
        """
        Judge keys as Django's own deployment check does (``security.W009``).

        A fallback that may be known to others is not accepted beside a key that is not. At most *most* are used.
        """
        primary, flaw = read_secret(key, "SECRET_KEY"), _flaw_of(key)
        if len(primary) < MIN_SECRET_BYTES:
            return cls((), flaw)
        others = [
            read_secret(fallback, "SECRET_KEY_FALLBACKS") for fallback in fallbacks if flaw or not _flaw_of(fallback)
        ]
        usable = [primary, *(other for other in others if len(other) >= MIN_SECRET_BYTES)]
        return cls(tuple(dict.fromkeys(usable))[:most], flaw)


def _flaw_of(key: str | bytes) -> str:
    text = key if isinstance(key, str) else key.decode("latin-1")
    if text.startswith(_INSECURE):
        return f"SECRET_KEY begins with {_INSECURE!r}, so that others may know it"
    if len(text) < _STRONG_LENGTH or len(set(text)) < _STRONG_VARIETY:
        return f"SECRET_KEY has less than {_STRONG_LENGTH} characters, or less than {_STRONG_VARIETY} different ones"
    return ""
