"""
``surround``: what the decorators of consumers have in common.

A decorator says what happens before and after one run of a consumer, in a subclass of :class:`Surrounding`. This module
knows what a consumer may be: a function, a method, a coroutine function, anything else that returns a coroutine, or a
class of :mod:`zmqlayer.worker.generic`. Used by the sessions, users and ordering of this package.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from zmqlayer.worker.message import Message

__all__ = ["AnyConsumer", "Surrounding", "message_among", "surround"]

AnyConsumer = TypeVar("AnyConsumer", bound=Callable[..., Any])


class Surrounding:
    """
    What a decorator does around one run of a consumer; for coroutines the methods with an ``a`` are awaited.

    An exception of ``begin`` keeps the consumer from running, and ``end`` too. One of ``end`` takes the place of the
    consumer's own.
    """

    def __init__(self, message: Message) -> None:
        self.message = message

    def begin(self) -> None:
        """Prepare the message."""

    def end(self, error: BaseException | None) -> None:
        """Clear up; the consumer raised *error*, if anything."""

    async def abegin(self) -> None:
        """Prepare the message of a coroutine."""
        self.begin()

    async def aend(self, error: BaseException | None) -> None:
        """Clear up after a coroutine."""
        self.end(error)


def surround(consumer: AnyConsumer, kind: Callable[[Message], Surrounding], **marks: bool) -> AnyConsumer:
    """
    Return *consumer* with a new :class:`Surrounding` around each of its runs.

    A class with a ``dispatch`` becomes a subclass whose ``dispatch`` is surrounded.

    Args:
        kind: Makes the surrounding of one message.
        marks: Attributes of what is returned.

    Raises:
        TypeError: By the consumer, when it is called without a message.
    """
    if isinstance(consumer, type) and hasattr(consumer, "dispatch"):
        surrounded: Any = _surround_class(consumer, kind)
    elif iscoroutinefunction(consumer):
        surrounded = _surround_coroutine(consumer, kind)
    else:
        surrounded = _surround_function(consumer, kind)
    if not hasattr(consumer, "__qualname__"):  # a callable object: logs name its class
        surrounded.__module__, surrounded.__qualname__ = type(consumer).__module__, type(consumer).__qualname__
    for name, value in marks.items():
        setattr(surrounded, name, value)
    return cast(AnyConsumer, surrounded)


def message_among(arguments: tuple[Any, ...]) -> Message:
    """
    Return the message that a consumer was called with: its first argument, or the second one of a method.

    Raises:
        TypeError: There is none.
    """
    for argument in arguments[:2]:
        if isinstance(argument, Message):
            return argument
    raise TypeError("a decorated consumer is called with a message, and got none")


def _surround_class(cls: Any, kind: Callable[[Message], Surrounding]) -> type:
    attributes = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
    subclass: type = type(cls)(cls.__name__, (cls,), {**attributes, "dispatch": surround(cls.dispatch, kind)})
    return subclass


def _surround_coroutine(
    consumer: Callable[..., Any], kind: Callable[[Message], Surrounding]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    @functools.wraps(consumer)
    async def consume(*args: Any, **kwargs: Any) -> Any:
        surrounding = kind(message_among(args))
        await surrounding.abegin()
        return await _await_in(surrounding, consumer(*args, **kwargs))

    return markcoroutinefunction(consume)


def _surround_function(consumer: Callable[..., Any], kind: Callable[[Message], Surrounding]) -> Callable[..., Any]:
    @functools.wraps(consumer)
    def consume(*args: Any, **kwargs: Any) -> Any:
        surrounding = kind(message_among(args))
        surrounding.begin()
        try:
            result = consumer(*args, **kwargs)
        except BaseException as exc:
            surrounding.end(exc)
            raise
        if inspect.iscoroutine(result):
            return _await_in(surrounding, result)
        surrounding.end(None)
        return result

    return consume


async def _await_in(surrounding: Surrounding, running: Coroutine[Any, Any, Any]) -> Any:
    try:
        result = await running
    except BaseException as exc:
        await surrounding.aend(exc)
        raise
    await surrounding.aend(None)
    return result
