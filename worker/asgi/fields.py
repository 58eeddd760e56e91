"""What stands in an application's events, read with care: a mistake is named where it is made. Pure."""

from __future__ import annotations

from typing import Any, TypeVar

from zmqlayer.messages import Header

__all__ = ["read_headers", "read_kind", "take", "take_bytes"]

T = TypeVar("T")


def read_kind(event: Any) -> str:
    """
    Return the type of an event.

    Raises:
        TypeError: It is no event.
    """
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str):
        raise TypeError(f"the application sent {event!r:.80}, where a dict with a 'type' is expected")
    return kind


def take(event: dict[str, Any], key: str, kind: type[T]) -> T | None:
    """
    Return the value of *key*; None where it is absent or None.

    Raises:
        TypeError: It is of another type.
    """
    value = event.get(key)
    if value is None or isinstance(value, kind):
        return value
    raise TypeError(
        f"{key!r} of {event['type']!r} is {value!r:.80}, of type {type(value).__name__} and not {kind.__name__}"
    )


def take_bytes(event: dict[str, Any], key: str) -> bytes | None:
    """
    Return the byte string of *key*, whichever type holds it; None where it is absent or None.

    Raises:
        TypeError: It is none.
    """
    value = event.get(key)
    if value is None or type(value) is bytes:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return take(event, key, bytes)


def read_headers(event: dict[str, Any]) -> list[Header]:
    """
    Return the headers of an event as messages have them.

    Raises:
        TypeError: They are no pairs of byte strings.
    """
    headers: list[Header] = []
    given = event.get("headers")
    try:
        headers.extend([bytes(name), bytes(value)] for name, value in map(_check_pair, given or ()))
    except (TypeError, ValueError) as exc:
        raise TypeError(f"'headers' of {event['type']!r} is no list of pairs of byte strings: {exc}") from exc
    return headers


def _check_pair(pair: Any) -> Any:
    name, value = pair
    if not isinstance(name, bytes | bytearray) or not isinstance(value, bytes | bytearray):
        raise TypeError(f"it holds {pair!r:.80}")
    return pair
