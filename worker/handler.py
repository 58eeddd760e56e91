"""
Django's view system as the consumer of ``http.request``.

``message -> AsgiRequest -> middleware and view -> response -> messages``, straight in the worker's
thread: there is no event loop in between.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Generator
from typing import Any, Final, cast

from django.core import signals
from django.core.handlers.asgi import get_script_prefix
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from zmqlayer.exceptions import ChannelFull, ZmqLayerError
from zmqlayer.messages import HttpResponse as Part
from zmqlayer.worker.channel import Channel
from zmqlayer.worker.exceptions import RequestAborted, RequestTimeout
from zmqlayer.worker.failures import SERVER_ERROR
from zmqlayer.worker.message import Message
from zmqlayer.worker.outbox import current_outbox
from zmqlayer.worker.request import AsgiRequest
from zmqlayer.worker.response import encode_response

__all__ = ["AsgiHandler", "AsgiRequest", "ViewConsumer"]

logger = logging.getLogger(__name__)

CHUNK_SIZE: Final = 65_536
"""
Bytes of content in one message: what a server holds for a slow client is this times the channel's capacity.
"""


class AsgiHandler(BaseHandler):
    """Answers a request message with response messages. One is enough for all threads."""

    request_class = AsgiRequest
    chunk_size = CHUNK_SIZE

    def __init__(self) -> None:
        super().__init__()
        self._loading = threading.Lock()
        self._is_loaded = False

    def __call__(self, message: Message) -> Generator[Part]:
        """
        Run Django, and iterate over the messages to send to the reply channel.

        Exhaust or close the iterator: the response is closed, and ``request_finished`` sent, at its end.

        Raises:
            RequestAborted: The client left while the view was reading the request's body.
        """
        self._load()
        set_script_prefix(get_script_prefix(message.content) or "/")
        signals.request_started.send(sender=type(self), message=message)
        response = self._respond(message)
        # Half a message for the content leaves as much for the headers.
        chunk_size = min(self.chunk_size, message.channel_layer.node.config.max_message_size // 2)
        try:
            yield from encode_response(response, chunk_size, has_body=message["method"] != "HEAD")
        finally:
            response.close()

    def _load(self) -> None:
        if self._is_loaded:
            return
        with self._loading:
            if not self._is_loaded:
                self.load_middleware()
                self._is_loaded = True

    def _respond(self, message: Message) -> HttpResponseBase:
        try:
            response = self._run_view(message)
        except RequestTimeout as exc:
            logger.warning("answered 408 for %r: %s", message["path"], exc)
            response = HttpResponse("The rest of the request did not come in time.", status=408)
        except RequestAborted:
            signals.request_finished.send(sender=type(self))
            raise
        vars(response)["_handler_class"] = type(self)  # the sender of request_finished
        return response

    def _run_view(self, message: Message) -> HttpResponseBase:
        try:
            request = self.request_class(message)
        except UnicodeDecodeError:
            logger.warning("a request for %r is not decodable: answered 400", message["path"])
            return HttpResponseBadRequest()
        return self.get_response(request)


class ViewConsumer:
    """
    The consumer of ``http.request`` that runs Django's views.

    Its messages go out at once. When the reply channel is full it waits until the client has read
    some, and abandons the response when that takes too long, or nobody is there to read.
    """

    handler_class = AsgiHandler

    def __init__(self) -> None:
        self.handler = self.handler_class()

    def __call__(self, message: Message, **kwargs: Any) -> None:
        """Answer *message*, or log why it could not be answered in full."""
        reply = message.reply_channel
        if reply is None:
            raise ValueError(f"a message on {message.channel} has no reply channel to answer on")
        answer = _Answer(reply)
        try:
            with contextlib.closing(self.handler(message)) as parts:
                for part in parts:
                    answer.send(part)
        except (ChannelFull, RequestTimeout) as exc:
            logger.warning("abandoned the response for %r: %s", message["path"], exc)
        except RequestAborted as exc:
            logger.debug("abandoned the response for %r: %s", message["path"], exc)
            answer.is_over = True
        finally:
            answer.end()


class _Answer:
    """
    A response on its way: what has been sent decides how it can be broken off.

    Attributes:
        is_over: Whether it is whole, or nobody waits for the rest.
    """

    def __init__(self, reply: Channel) -> None:
        self.reply = reply
        self.is_over = False
        self._sent = 0

    def send(self, part: Part) -> None:
        """Send one part; raises ChannelFull when the reader stays away, RequestAborted when it is gone."""
        if self._sent and not self._is_awaited():
            # Messages for who is gone are dropped without an error: an endless stream would never end.
            raise RequestAborted(f"nobody reads {self.reply} any more")
        try:
            self._insist({**part, "order": self._sent})
        except ChannelFull as exc:
            if self._is_awaited():
                raise
            raise RequestAborted(f"nobody reads {self.reply} any more") from exc
        self._sent += 1
        self.is_over = not part["more_content"]

    def end(self) -> None:
        """Tell the server, if it waits for more, that no more will come."""
        if self.is_over:
            return
        last = Part(content=b"", more_content=False, closed=True) if self._sent else SERVER_ERROR
        with contextlib.suppress(ZmqLayerError):
            self.reply.send(cast(dict[str, Any], last), immediately=True)

    def _insist(self, part: Part) -> None:
        content = cast(dict[str, Any], part)
        outbox = current_outbox()
        if outbox is None:
            self.reply.send(content, immediately=True)
            return
        patience = outbox.patience
        patience.insist(
            lambda: self.reply.send(content, immediately=True),
            deadline=patience.clock() + patience.reply_s,
            is_hopeless=lambda: not self._is_awaited(),
        )

    def _is_awaited(self) -> bool:
        return self.reply.channel_layer.is_open(self.reply.name)
