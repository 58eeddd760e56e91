"""``WSClient``: a WebSocket as consumers see it, with a path, headers, cookies and a user."""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth import login as log_in
from django.contrib.auth import logout as log_out
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from zmqlayer.messages import WEBSOCKET_CONNECT, WEBSOCKET_RECEIVE
from zmqlayer.messages import Message as Content
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER
from zmqlayer.worker.test.client import Client, without_receipt

__all__ = ["HttpClient", "WSClient"]


class WSClient(Client):
    """
    A browser with one WebSocket.

    Args:
        alias: Which of ``CHANNEL_LAYERS`` to use.
        ordered: Number the messages, as servers do; for consumers with ``enforce_ordering``.

    Attributes:
        headers: Sent with ``websocket.connect``, by name.
        cookies: Likewise; :meth:`login` puts the session's there.
    """

    reply_pattern = "websocket.send!"

    def __init__(self, alias: str = DEFAULT_CHANNEL_LAYER, *, ordered: bool = False) -> None:
        super().__init__(alias)
        self.headers: dict[str, str] = {}
        self.cookies: SimpleCookie = SimpleCookie()
        self.ordered = ordered
        self._order = 0
        self._rest: Content | None = None
        self._session: SessionBase | None = None

    def send(
        self, to: str = WEBSOCKET_RECEIVE, content: Content | None = None, text: Any = None, path: str = "/"
    ) -> None:
        """
        Send one message of the WebSocket.

        Args:
            to: The channel.
            content: More keys of the message; they win over all others.
            text: What the browser sends; anything but a str is made JSON.
            path: Where the WebSocket was opened, with a query string after ``?`` if it has one.
        """
        super().send(to, self._message(to, path, text, content or {}))

    def send_and_consume(
        self,
        channel: str = WEBSOCKET_RECEIVE,
        content: Content | None = None,
        fail_on_none: bool = True,
        *,
        text: Any = None,
        path: str = "/",
        check_accept: bool = True,
    ) -> bool:
        """
        Send one message and have it consumed; see :meth:`send` and :meth:`Client.consume`.

        Args:
            check_accept: Take the answer to ``websocket.connect``, which has to accept. What it says besides, like a
                first text, is left for :meth:`receive`.

        Raises:
            AssertionError: It did not accept, too.
        """
        self.send(channel, content, text, path)
        is_consumed = self.consume(channel, fail_on_none)
        if check_accept and channel == WEBSOCKET_CONNECT:
            self._take_acceptance()
        return is_consumed

    async def asend_and_consume(
        self,
        channel: str = WEBSOCKET_RECEIVE,
        content: Content | None = None,
        fail_on_none: bool = True,
        *,
        text: Any = None,
        path: str = "/",
        check_accept: bool = True,
    ) -> bool:
        """Send one message and have it consumed, from a coroutine; all else is as for :meth:`send_and_consume`."""
        self.send(channel, content, text, path)
        is_consumed = await self.aconsume(channel, fail_on_none)
        if check_accept and channel == WEBSOCKET_CONNECT:
            self._take_acceptance()
        return is_consumed

    def receive(self, json: bool = True) -> Any:
        """
        Return what came next; None if nothing did.

        Args:
            json: Return what a text holds as JSON; without it, or if the next message is no text, the whole message.

        Raises:
            ValueError: The text is no JSON.
        """
        while (content := self._next_content()) is not None:
            said = without_receipt(content)
            if said or not content:
                return _from_json(said["text"]) if json and said.get("text") is not None else said
        return None

    def _next_content(self) -> Content | None:
        rest, self._rest = self._rest, None
        return rest or super().receive()

    def _take_acceptance(self) -> None:
        answer = self.receive(json=False)
        if answer is None or not _accepts(answer):
            raise AssertionError(f"the WebSocket was not accepted: the answer is {answer!r}")
        self._rest = {key: value for key, value in answer.items() if key != "accept"}

    # Users

    @property
    def session(self) -> SessionBase:
        """The browser's session, made when it is first asked for. Save it when it was changed."""
        if self._session is None:
            self._session = import_module(settings.SESSION_ENGINE).SessionStore()
            self._session.create()
            self._keep(self._session)
        return self._session

    def set_cookie(self, name: str, value: str) -> None:
        """Send a cookie with ``websocket.connect``."""
        self.cookies[name] = value

    def login(self, **credentials: Any) -> bool:
        """Log in by an authentication backend. Returns whether one accepts *credentials*."""
        user = authenticate(**credentials)
        if user is not None:
            self.force_login(user)
        return user is not None

    def force_login(self, user: Any, backend: str | None = None) -> None:
        """Log *user* in, without a question."""
        request = self._request()
        log_in(request, user, backend or getattr(user, "backend", settings.AUTHENTICATION_BACKENDS[0]))
        request.session.save()
        self._keep(request.session)

    def logout(self) -> None:
        """Log out, and forget the session."""
        log_out(self._request())
        self._session = None
        self.cookies.pop(settings.SESSION_COOKIE_NAME, None)

    def _request(self) -> HttpRequest:
        request = HttpRequest()
        request.session = self.session
        return request

    def _keep(self, session: SessionBase) -> None:
        assert session.session_key is not None  # it is stored
        self._session = session
        self.cookies[settings.SESSION_COOKIE_NAME] = session.session_key

    def _message(self, to: str, path: str, text: Any, content: Content) -> Content:
        path, _, query = path.partition("?")
        message: Content = {"path": path}
        if self.ordered:
            self._order = 0 if to == WEBSOCKET_CONNECT else self._order + 1
            message["order"] = self._order
        if to == WEBSOCKET_CONNECT:
            message |= {"query_string": query.encode(), "headers": self._headers()}
        elif to == WEBSOCKET_RECEIVE:
            is_text = text is None or isinstance(text, str)
            message |= {"text": text if is_text else json.dumps(text), "bytes": None}
        return {**message, **content}

    def _headers(self) -> list[list[bytes]]:
        headers = [[name.lower().encode("latin-1"), value.encode("latin-1")] for name, value in self.headers.items()]
        if self.cookies:
            line = "; ".join(f"{morsel.key}={morsel.coded_value}" for morsel in self.cookies.values())
            headers.append([b"cookie", line.encode("latin-1")])
        return headers


HttpClient = WSClient
"""The name that Channels 1.0 had for it."""


def _accepts(answer: Content) -> bool:
    """Whether a server opens the WebSocket: it is told to, or has something to send."""
    accept = answer.get("accept")
    has_said = any(answer.get(key) for key in ("text", "bytes"))
    return accept is True or (accept is None and has_said)


def _from_json(text: str) -> Any:
    return json.loads(text)
