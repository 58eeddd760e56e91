"""
Messages to msgpack and back, and the same for control payloads. Never pickle, no extension types.

Encoding doubles as the deep copy that the 2016 contract demands at the boundary of the API, for local
deliveries too: what the sender does to its dict afterwards cannot reach the reader.
"""

from __future__ import annotations

from typing import Any, Final

import msgpack

from zmqlayer.exceptions import InvalidMessage, MessageTooLarge, ProtocolError
from zmqlayer.messages import Message

__all__ = ["MAX_DEPTH", "decode", "encode", "is_flat", "pack_control", "unpack_control"]

MAX_DEPTH: Final = 64
_SCALARS: Final = (str, bytes, bytearray, memoryview, int, float, bool, type(None))
_LEAVES: Final = frozenset(_SCALARS)


def encode(channel: str, message: Message, limit: int) -> bytes:
    """
    Return *message* as msgpack.

    Args:
        channel: Named in the error only.
        limit: Most bytes the result may have.

    Raises:
        InvalidMessage: Not a dict, a key that is not a str, a value of a type that no message can carry, an
            integer beyond 64 bits, or containers nested deeper than 64.
        MessageTooLarge: More than *limit* bytes.
    """
    if not isinstance(message, dict):
        raise InvalidMessage(message, f"is not a message: a dict is needed, not {type(message).__name__}")
    for key, item in message.items():  # as _is_plain does below, a call less for each message
        if type(key) is not str or not (type(item) in _LEAVES or _is_plain(item, MAX_DEPTH - 1)):
            _check(message, "message", MAX_DEPTH)
            break
    try:
        body: bytes = msgpack.packb(message)
    except (TypeError, ValueError, OverflowError, BufferError) as exc:
        _check(message, "message", MAX_DEPTH)
        raise InvalidMessage(message, f"cannot be sent: {exc}") from exc
    if len(body) > limit:
        raise MessageTooLarge(channel, len(body), limit)
    return body


def decode(body: bytes) -> Message:
    """
    Return the message that *body* holds.

    Raises:
        ProtocolError: Not msgpack, not a map with str keys, an extension type, or trailing bytes.
    """
    return _unpack(body, "a message")


def is_flat(message: Message) -> bool:
    """Whether a message holds only values that cannot be changed, so that a copy of the dict is a copy of all."""
    return _LEAVES.issuperset(map(type, message.values()))


def pack_control(payload: dict[str, Any]) -> bytes:
    """Return a control payload as msgpack; bytes and str are kept apart."""
    packed: bytes = msgpack.packb(payload)
    return packed


def unpack_control(body: bytes) -> dict[str, Any]:
    """
    Return the control payload that *body* holds. Keys that the caller does not know are left for it to ignore.

    Raises:
        ProtocolError: As in :func:`decode`.
    """
    return _unpack(body, "a control payload")


def _unpack(body: bytes, what: str) -> dict[str, Any]:
    try:
        # Timestamps never reach the hook, so extensions may have no length; empty ones do reach it.
        unpacked = msgpack.unpackb(
            body, strict_map_key=True, object_hook=_check_keys, ext_hook=_refuse_extension, max_ext_len=0
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as exc:
        raise ProtocolError(f"{what} of {len(body)} bytes is not msgpack: {exc}") from exc
    if not isinstance(unpacked, dict):
        raise ProtocolError(f"{what} is a {type(unpacked).__name__}, not a map")
    return unpacked


def _refuse_extension(code: int, _content: bytes) -> object:
    raise ProtocolError(f"extension type {code} is not allowed")


def _check_keys(unpacked: dict[Any, Any]) -> dict[str, Any]:
    for key in unpacked:
        if type(key) is not str:  # msgpack's own strictness lets bytes pass
            raise ProtocolError(f"a key of type {type(key).__name__} is not allowed")
    return unpacked


def _is_plain(container: object, depth: int) -> bool:
    """
    Whether nothing but its numbers and its text can be wrong with a container.

    Those msgpack itself refuses. That spares nearly every message the walk of :func:`_check`, which is eight times as
    long because it knows at each step where it is.
    """
    if depth == 0:
        return False
    if type(container) is dict:
        for key, item in container.items():
            if type(key) is not str or not (type(item) in _LEAVES or _is_plain(item, depth - 1)):
                return False
        return True
    if type(container) is not list and type(container) is not tuple:
        return False
    for item in container:  # noqa: SIM110  # a generator would take twice as long
        if not (type(item) in _LEAVES or _is_plain(item, depth - 1)):
            return False
    return True


def _check(value: object, where: str, depth: int) -> None:
    """Raise :class:`InvalidMessage` naming the first value inside *value* that cannot be sent."""
    if isinstance(value, dict | list | tuple) and not isinstance(value, msgpack.ExtType):
        if depth == 0:
            raise InvalidMessage(where, f"is nested deeper than {MAX_DEPTH}, the limit for a message")
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            if isinstance(value, dict) and not isinstance(key, str):
                raise InvalidMessage(key, f"in {where} is a key of type {type(key).__name__}: keys must be str")
            _check(item, f"{where}[{key!r}]", depth - 1)
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise InvalidMessage(value, f"in {where} does not fit in 64 bits")
    elif isinstance(value, str):
        _check_text(value, where)
    elif not isinstance(value, _SCALARS):
        raise InvalidMessage(
            value,
            f"in {where} is a {type(value).__name__}: a message can carry "
            f"bytes, str, int, float, bool, None, list and dict",
        )


def _check_text(value: str, where: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidMessage(value, f"in {where} is not valid Unicode: {exc.reason}") from exc
