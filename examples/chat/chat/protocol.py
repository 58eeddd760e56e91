"""
What page and consumers say to each other over the WebSocket: JSON objects. Pure; no Django, no channels.

The page sends ``{"say": text, "key": unique}`` or ``{"name": new name}``. It gets objects with a ``type``:

* ``welcome``  after each connect: the name in use, and the messages it missed
* ``message``  somebody said something
* ``receipt``  to the sender only: its message with this key is saved; until then the page sends it again
* ``named``    to the sender only: the name in use
* ``refused``  to the sender only: a sentence that says why, and the key of the message if there was one

Channels deliver at most once. The key makes a repetition harmless, so the chat loses nothing.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["NAME_LENGTH", "TEXT_LENGTH", "Refused", "Rename", "Say", "clean_name", "encode", "parse"]

NAME_LENGTH: Final = 30
TEXT_LENGTH: Final = 1000
KEY_LENGTH: Final = 36
NOBODY: Final = "Guest"


class Refused(Exception):
    """
    A frame from the page asks for something we cannot do.

    Args:
        reason: A sentence for the sender.
        key: The key of the message that is refused, where there is one.
    """

    def __init__(self, reason: str, key: str | None = None) -> None:
        super().__init__(reason)
        self.key = key


@dataclass(frozen=True, slots=True)
class Say:
    """Say *text* in the room. The same *key* again means the same message."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Speak under *name* from now on."""

    name: str


def parse(frame: str | None) -> Say | Rename:
    """
    Read one text frame; None stands for a binary one.

    Raises:
        Refused: It is neither a :class:`Say` nor a :class:`Rename`.
    """
    try:
        wish = json.loads(frame or "")
    except (ValueError, RecursionError):
        raise Refused("That frame is not JSON.") from None
    if isinstance(wish, dict) and isinstance(wish.get("name"), str):
        return Rename(clean_name(wish["name"]))
    if isinstance(wish, dict) and isinstance(wish.get("say"), str):
        key = _check_key(wish.get("key"))
        return Say(key, _check_text(wish["say"], key))
    raise Refused('A frame needs "say" or "name".')


def clean_name(name: str) -> str:
    """Return *name* without control characters, on one line and at most 30 characters; never empty."""
    return " ".join(_printable(name).split())[:NAME_LENGTH].strip() or NOBODY


def encode(answer: dict[str, Any]) -> str:
    """Return the text frame for *answer*."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _check_text(text: str, key: str) -> str:
    text = _printable(text).strip()
    if not text:
        raise Refused("An empty message says nothing.", key)
    if len(text) > TEXT_LENGTH:
        raise Refused(f"A message has at most {TEXT_LENGTH:,} characters; this one has {len(text):,}.", key)
    return text


def _check_key(key: object) -> str:
    if not isinstance(key, str) or not 0 < len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise Refused(f'A message needs a "key" of 1 to {KEY_LENGTH} ASCII characters.')
    return key


def _printable(text: str) -> str:
    # Lone surrogates (Cs) pass through JSON, but no database stores them.
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
