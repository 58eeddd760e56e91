"""``WSClient``: a WebSocket as consumers see it, with a path, headers, cookies and a user."""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from importlib import import_module
from typing import Any, Final
from urllib.parse import unquote

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth import login as log_in
from django.contrib.auth import logout as log_out
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from zmqlayer.messages import WEBSOCKET_CONNECT, WEBSOCKET_DISCONNECT, WEBSOCKET_RECEIVE
from zmqlayer.messages import Message as Content
from zmqlayer.worker.layers import DEFAULT_CHANNEL_LAYER
from zmqlayer.worker.test.client import Client, without_receipt

__all__ = ["HttpClient", "WSClient"]

NORMAL: Final = 1000
"""The close code of a browser that leaves in order."""


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
            content: More keys of the message; they win over all others but the text.
            text: What the browser sends, else that of *content*; anything but a str is made JSON.
            path: Where the WebSocket was opened, as in a URL: percent signs are decoded, as by servers, and a query
                string may follow after ``?``.
        """
        super().send(to, self._message(to, path, text, content or {}))

    def consume(self, channel: str, fail_on_none: bool = True, check_accept: bool = True) -> bool:
        """
        Have the next message of *channel* consumed; see :meth:`Client.consume`.

        Args:
            check_accept: Take the answer to ``websocket.connect``, which has to accept. What it says besides, like a
                first text, is left for :meth:`receive`.

        Raises:
            AssertionError: It did not accept, too.
        """
        is_consumed = super().consume(channel, fail_on_none)
        return self._after(channel, is_consumed, check_accept)

    async def aconsume(self, channel: str, fail_on_none: bool = True, check_accept: bool = True) -> bool:
        """Have the next message of *channel* consumed, from a coroutine; all else is as for :meth:`consume`."""
        is_consumed = await super().aconsume(channel, fail_on_none)
        return self._after(channel, is_consumed, check_accept)

    def send_and_consume(  # type: ignore[override]  # a text comes third, as in Channels 1.x
        self,
        channel: str = WEBSOCKET_RECEIVE,
        content: Content | None = None,
        text: Any = None,
        path: str = "/",
        fail_on_none: bool = True,
        check_accept: bool = True,
    ) -> bool:
        """Send one message and have it consumed; see :meth:`send` and :meth:`consume`."""
        self.send(channel, content, text, path)
        return self.consume(channel, fail_on_none, check_accept)

    async def asend_and_consume(  # type: ignore[override]  # as above
        self,
        channel: str = WEBSOCKET_RECEIVE,
        content: Content | None = None,
        text: Any = None,
        path: str = "/",
        fail_on_none: bool = True,
        check_accept: bool = True,
    ) -> bool:
        """Send one message and have it consumed, from a coroutine; see :meth:`send` and :meth:`aconsume`."""
        self.send(channel, content, text, path)
        return await self.aconsume(channel, fail_on_none, check_accept)

    def receive(self, json: bool = True) -> Any:
        """
        Return what came next: the value of its text, or the whole message if it has none; None if nothing came.

        Args:
            json: Whether texts are JSON; without it the text itself is returned.

        Raises:
            ValueError: The text is no JSON.
        """
        content = self._next_content()
        text = None if content is None else content.get("text")
        if text is None:
            return content
        return _from_json(text) if json and isinstance(text, str) else text

    def _next_content(self) -> Content | None:
        """Return what came next, without what workers tell servers besides."""
        rest, self._rest = self._rest, None
        content = rest or super().receive()
        while content is not None:
            said = without_receipt(content)
            if said or not content:
                return said
            content = super().receive()
        return None

    def _after(self, channel: str, is_consumed: bool, check_accept: bool) -> bool:
        if is_consumed and check_accept and channel == WEBSOCKET_CONNECT:
            self._take_acceptance()
        return is_consumed

    def _take_acceptance(self) -> None:
        answer = self._next_content()
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

    def set_header(self, name: str, value: str) -> None:
        """
        Send a header with ``websocket.connect``.

        Raises:
            ValueError: It is the one of cookies, which are set one by one.
        """
        if name.lower() == "cookie":
            raise ValueError("the header of cookies is made of those of set_cookie()")
        self.headers[name] = value

    def set_cookie(self, name: str, value: str) -> None:
        """Send a cookie with ``websocket.connect``."""
        self.cookies[name] = value

    def get_cookies(self) -> dict[str, str]:
        """Return the values of all cookies by name, that of the session too once there is one."""
        return {name: morsel.value for name, morsel in self.cookies.items()}

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
        message: Content = {"path": unquote(path)}
        if self.ordered:
            self._order = 0 if to == WEBSOCKET_CONNECT else self._order + 1
            message["order"] = self._order
        if to == WEBSOCKET_CONNECT:
            message |= {"query_string": query.encode(), "headers": self._headers()}
        elif to == WEBSOCKET_RECEIVE:
            message |= {"text": None, "bytes": None}
        elif to == WEBSOCKET_DISCONNECT:
            message["code"] = NORMAL
        message |= content
        said = message.get("text") if text is None else text
        if said is not None:
            message["text"] = said if isinstance(said, str) else json.dumps(said)
        return message

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
