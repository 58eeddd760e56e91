"""
Django's view system as the consumer of ``http.request``.

``message -> AsgiRequest -> middleware and view -> response -> messages``: for a view that is a function, straight in
the worker's thread, with no event loop in between; for a view that is a coroutine function, on the worker's event loop,
with no thread held while it waits.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterator
from functools import partial
from types import GeneratorType
from typing import Any, Final

from asgiref.sync import sync_to_async
from django import urls
from django.conf import settings
from django.core import signals
from django.core.handlers.asgi import get_script_prefix
from django.http import HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase

from zmqlayer.exceptions import ChannelFull
from zmqlayer.messages import HttpResponse as Part
from zmqlayer.messages import Message as Content
from zmqlayer.worker.answer import Answer
from zmqlayer.worker.body import collect_body
from zmqlayer.worker.desks import Desks
from zmqlayer.worker.exceptions import RequestAborted, RequestTimeout
from zmqlayer.worker.later import ResponseLater
from zmqlayer.worker.message import Message
from zmqlayer.worker.presence import Presence
from zmqlayer.worker.request import AsgiRequest, BadRequest, Sighting
from zmqlayer.worker.response import aencode_response, encode_response
from zmqlayer.worker.views import AsyncViews, Views, find_view

__all__ = ["AsgiHandler", "AsgiRequest", "RequestAborted", "RequestTimeout", "ResponseLater", "ViewConsumer"]

logger = logging.getLogger(__name__)

CHUNK_SIZE: Final = 65_536
"""
Bytes of content in one message: what a server holds for a slow client is this times the channel's capacity.
"""
ABANDONED: Final = (ChannelFull, RequestTimeout, RequestAborted)
"""What a response ends with whose client is gone, or too slow."""
AT_THE_ROOT: Final = contextlib.nullcontext()
"""Where a request has no prefix, and so FORCE_SCRIPT_NAME is none: a worker's threads begin with "/" then."""


class AsgiHandler(Views):
    """Answers a request message with response messages. One is enough for all threads."""

    request_class = AsgiRequest
    chunk_size = CHUNK_SIZE
    ResponseLater = ResponseLater

    def __init__(self) -> None:
        super().__init__()
        self._for_loop = AsyncViews()
        self._desks = Desks()

    def __call__(self, message: Message) -> Generator[Part] | AsyncGenerator[Part, None]:
        """
        Return an iterator that runs Django and gives the messages to send to the reply channel.

        It is an asynchronous one if the view is a coroutine function. Exhaust or close it: the response is closed, and
        ``request_finished`` sent, at its end. It gives no message at all for a :class:`ResponseLater`.

        Raises:
            RequestAborted: The client left while the request's body was read. Raised by the iterator.
        """
        prefix = get_script_prefix(message.content)
        seen = self.find_view(message, prefix)
        if seen is None or not seen.is_for_loop:
            return self._answer(message, seen, prefix)
        self._for_loop.load()
        return self._aanswer(message, seen, prefix)

    @classmethod
    def encode_response(cls, response: HttpResponseBase) -> Generator[Part]:
        """Return the messages to send to a reply channel for *response*, for who answers a request later."""
        return encode_response(response, cls.chunk_size)

    def find_view(self, message: Message, prefix: Any) -> Sighting | None:
        """
        Return the view that *message* is for, as far as is known before middleware has seen the request.

        Args:
            prefix: Of its path: what Django knows as ``SCRIPT_NAME``.
        """
        path = message.get("path")
        return find_view(path.removeprefix(prefix)) if isinstance(path, str) and isinstance(prefix, str) else None

    # In a thread

    def _answer(self, message: Message, seen: Sighting | None, prefix: Any) -> Generator[Part]:
        self.load()
        with _below(prefix) if prefix else AT_THE_ROOT:
            signals.request_started.send(sender=type(self), message=message)
            response = self._respond(message, seen)
            try:
                if not isinstance(response, ResponseLater):
                    yield from encode_response(response, self._chunk_size(message), has_body=_has_body(message))
            finally:
                response.close()

    def _respond(self, message: Message, seen: Sighting | None) -> HttpResponseBase:
        try:
            request = self._read(message, seen)
            response = _refusal() if request is None else self.get_response(request)
        except RequestTimeout as exc:
            response = _too_slow(message, exc)
        except BaseException:
            signals.request_finished.send(sender=type(self))
            raise
        return self._sign(response)

    # On an event loop

    async def _aanswer(self, message: Message, seen: Sighting | None, prefix: Any) -> AsyncGenerator[Part, None]:
        with self._desks.take(is_held=self._for_loop.holds_thread), _below(prefix) if prefix else AT_THE_ROOT:
            body = await _collect(message)
            await signals.request_started.asend(sender=type(self), message=message)
            response = await self._arespond(message, seen, body)
            try:
                if not isinstance(response, ResponseLater):
                    parts = aencode_response(response, self._chunk_size(message), has_body=_has_body(message))
                    async with contextlib.aclosing(parts):
                        async for part in parts:
                            yield part
            finally:
                await sync_to_async(response.close)()

    async def _arespond(self, message: Message, seen: Sighting | None, body: Any) -> HttpResponseBase:
        try:
            if isinstance(body, RequestTimeout):
                return self._sign(_too_slow(message, body))
            request = self._read(message, seen, body)
            return self._sign(_refusal() if request is None else await self._for_loop.get_response_async(request))
        except BaseException:
            if body is not None and not isinstance(body, RequestTimeout):
                body.close()
            await signals.request_finished.asend(sender=type(self))
            raise

    # Both

    def _read(self, message: Message, seen: Sighting | None, body: Any = None) -> AsgiRequest | None:
        try:
            request = self.request_class(message) if body is None else self.request_class(message, body)
        except BadRequest as exc:
            logger.warning("answered 400 for %r: the request %s", message.get("path"), exc)
            return None
        request.sighting = seen
        return request

    def _chunk_size(self, message: Message) -> int:
        # Half a message for the content leaves as much for the headers.
        return int(min(self.chunk_size, message.channel_layer.node.config.max_message_size // 2))

    def _sign(self, response: HttpResponseBase) -> HttpResponseBase:
        vars(response)["_handler_class"] = type(self)  # the sender of request_finished
        return response


class ViewConsumer:
    """
    The consumer of ``http.request`` that runs Django's views.

    Its messages go out at once. When the reply channel is full it waits until the client has read
    some, and abandons the response when that takes too long, or nobody is there to read.

    Attributes:
        minds_connections: Old database connections are closed by Django's signals around each request.
    """

    handler_class = AsgiHandler
    minds_connections = True

    def __init__(self) -> None:
        self.handler = self.handler_class()

    def __call__(self, message: Message, **kwargs: Any) -> Coroutine[Any, Any, None] | None:
        """
        Answer *message*, or log why it could not be answered in full.

        Returns:
            What is left to do on an event loop, if the view is a coroutine function.
        """
        reply = message.reply_channel
        if reply is None:
            raise ValueError(f"a message on {message.channel} has no reply channel to answer on")
        parts = self.handler(message)
        answer = Answer(reply)
        if not isinstance(parts, GeneratorType) and isinstance(parts, AsyncGenerator):
            return _asend(parts, message, answer)
        with _Ended(answer, message):
            try:
                for part in parts:
                    answer.send(part)
                _settle(answer)
            finally:
                parts.close()
        return None


async def _asend(parts: AsyncGenerator[Part, None], message: Message, answer: Answer) -> None:
    """Send *parts* from an event loop; the client's leaving cancels the view, wherever it waits."""
    with _Ended(answer, message):
        async with Presence(answer.reply) as presence, contextlib.aclosing(parts):
            async for part in parts:
                if not answer.has_begun and part["more_content"] and (channel := presence.invite()):
                    part = {**part, "events_channel": channel}
                await answer.asend(part)
            _settle(answer)


class _Ended:
    """Logs why a response is not sent in full, and tells the server."""

    __slots__ = ("_answer", "_message")

    def __init__(self, answer: Answer, message: Message) -> None:
        self._answer = answer
        self._message = message

    def __enter__(self) -> None:
        """Send it inside the ``with``."""

    def __exit__(self, kind: object, exc: BaseException | None, traceback: object) -> bool:
        is_abandoned = isinstance(exc, ABANDONED)
        if is_abandoned:
            if is_gone := isinstance(exc, RequestAborted):
                self._answer.is_over = True
            level = logging.DEBUG if is_gone else logging.WARNING
            logger.log(level, "abandoned the response for %r: %s", self._message.get("path"), exc)
        self._answer.end()
        return is_abandoned


@contextlib.contextmanager
def _below(prefix: str) -> Iterator[None]:
    """Let links inside the ``with`` begin with the prefix of the request's path."""
    outer = urls.get_script_prefix()
    urls.set_script_prefix(prefix)
    try:
        yield
    finally:
        urls.set_script_prefix(outer)


def _settle(answer: Answer) -> None:
    """All parts there were are sent; where there was none, somebody else has promised to answer."""
    answer.is_over = answer.is_over or not answer.has_begun


def _has_body(message: Message) -> bool:
    return bool(message.get("method") != "HEAD")


def _refusal() -> HttpResponseBase:
    return HttpResponseBadRequest()


def _too_slow(message: Message, exc: RequestTimeout) -> HttpResponseBase:
    logger.warning("answered 408 for %r: %s", message.get("path"), exc)
    return HttpResponse("The rest of the request did not come in time.", status=408)


async def _collect(message: Message) -> Any:
    """Return the body of a request as a file, None if it came with its message, or why it did not come."""
    channel, layer, reply = message.get("body_channel"), message.channel_layer, message.reply_channel
    if not channel:
        return None

    async def receive(channel: str) -> Content | None:
        return (await layer.receive_async([channel]))[1]

    def is_awaited() -> bool:
        return reply is None or layer.is_open(reply.name)

    first = message.get("body") or b""
    try:
        return await collect_body(first, partial(receive, channel), is_awaited, settings.FILE_UPLOAD_MAX_MEMORY_SIZE)
    except RequestTimeout as exc:
        return exc
