"""``surround``: what the decorators of consumers have in common."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction

from support.memory_layer import MemoryLayer
from support.visits import on, run
from support.worker_run import worker_for
from zmqlayer.worker import Message, route
from zmqlayer.worker.decoration import Surrounding, surround

done: list[str] = []


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Start with an empty list."""
    done.clear()


class Noted(Surrounding):
    """Notes when it is asked."""

    def begin(self) -> None:
        done.append("begin")

    def end(self, error: BaseException | None) -> None:
        done.append(f"end {error!r}")

    async def aend(self, error: BaseException | None) -> None:
        done.append(f"aend {error!r}")


def function(message: Message, **kwargs: Any) -> str:
    """A consumer."""
    done.append("run")
    return "result"


async def coroutine(message: Message, **kwargs: Any) -> str:
    """A consumer that is a coroutine."""
    return function(message)


class CallableObject:
    """A consumer that is an object."""

    def __call__(self, message: Message, **kwargs: Any) -> Any:
        return coroutine(message)


@pytest.mark.parametrize(
    ("consumer", "end"),
    [
        (function, "end None"),
        (functools.partial(function, colour="red"), "end None"),
        (coroutine, "aend None"),
        (functools.partial(coroutine, colour="red"), "aend None"),
        (lambda message: coroutine(message), "aend None"),
        (CallableObject(), "aend None"),
    ],
)
def test_whatever_a_consumer_is(consumer: Any, end: str) -> None:
    """It begins before the consumer runs, and ends after that, where a coroutine is awaited."""
    surrounded = surround(consumer, Noted)

    assert run(surrounded, on("websocket.receive")) == "result"
    assert done == ["begin", "run", end]
    assert iscoroutinefunction(surrounded) is iscoroutinefunction(consumer)


@pytest.mark.parametrize("is_async", [False, True])
def test_it_ends_when_the_consumer_fails(is_async: bool) -> None:
    """And knows the error, which goes on."""

    def fail(message: Message) -> None:
        raise KeyError("x")

    async def fail_later(message: Message) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        run(surround(fail_later if is_async else fail, Noted), on("websocket.receive"))

    assert done == ["begin", f"{'aend' if is_async else 'end'} KeyError('x')"]


@pytest.mark.parametrize("consumer", [function, coroutine])
def test_a_beginning_that_fails_keeps_the_consumer_from_running(consumer: Any) -> None:
    """Nothing was begun, so nothing ends."""

    class Refusing(Noted):
        def begin(self) -> None:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run(surround(consumer, Refusing), on("websocket.receive"))

    assert done == []


def test_a_class_becomes_a_subclass() -> None:
    """With the name of the class, and a ``dispatch`` that is surrounded; the class itself is as it was."""

    class Chat:
        """A consumer class."""

        def dispatch(self, message: Message, **kwargs: Any) -> str:
            return function(message)

    surrounded = surround(Chat, Noted, uses_channel_session=True)

    assert surrounded().dispatch(on("websocket.receive")) == "result"
    assert done == ["begin", "run", "end None"]
    assert (surrounded.__qualname__, surrounded.__doc__) == (Chat.__qualname__, "A consumer class.")
    assert (surrounded.uses_channel_session, hasattr(Chat, "uses_channel_session")) == (True, False)  # type: ignore[attr-defined]


def test_logs_name_the_consumer(layer: MemoryLayer, caplog: pytest.LogCaptureFixture) -> None:
    """Not the decorator, also where the consumer is an object."""

    class Failing:
        def __call__(self, message: Message) -> None:
            raise RuntimeError

    worker_for(layer, [route("tasks", surround(Failing(), Noted))]).consume("tasks", {})

    assert "Failing failed on a message on tasks" in caplog.text


def test_a_call_without_a_message() -> None:
    """Says what is missing."""
    with pytest.raises(TypeError, match="called with a message, and got none"):
        surround(function, Noted)({"text": "hello"})  # type: ignore[arg-type]
