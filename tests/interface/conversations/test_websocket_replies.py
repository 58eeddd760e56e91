"""What the messages of workers make a WebSocket do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.connections import NODE
from zmqlayer.interface.conversations.replies import BadReply
from zmqlayer.interface.conversations.websocket_replies import (
    Accept,
    Action,
    Close,
    Deny,
    Ignore,
    Progress,
    Send,
    read_handshake_answer,
    read_progress,
    read_websocket_send,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
NAMES = "text bytes close reason status accept subprotocol headers consumed events_channel x"
KEYS = st.sampled_from(NAMES.split())
EVENTS = f"specific.{NODE}!1"


@pytest.mark.parametrize(
    ("message", "actions"),
    [
        ({"accept": True}, [Accept()]),
        ({"accept": True, "text": "hi"}, [Accept(), Send("hi")]),
        ({"accept": True, "close": 3000}, [Accept(), Close(3000)]),
        ({"accept": False}, [Deny()]),
        ({"accept": False, "text": "hi", "close": 3000}, [Deny()]),
        ({"text": "hi"}, [Accept(), Send("hi")]),
        ({"bytes": b"hi", "close": True}, [Accept(), Send(b"hi"), Close(1000)]),
        ({"close": True}, [Deny()]),
        ({"close": 4000}, [Deny()]),
        ({"text": "", "close": True}, [Deny()]),
        ({"close": 1011, "status": 500}, [Deny(500)]),
        ({"accept": False, "status": 404}, [Deny(404)]),
        ({"accept": True, "status": 404}, [Accept()]),
    ],
)
def test_answers_during_the_handshake(message: dict[str, Any], actions: list[Action]) -> None:
    """The table of the draft: accept decides, then content, then close."""
    assert read_handshake_answer(message) == actions


@pytest.mark.parametrize("status", [399, 600, 200, -1, True, "404"])
def test_a_status_that_refuses_nothing_is_malformed(status: Any) -> None:
    """Only errors refuse a handshake."""
    with pytest.raises(BadReply, match="status"):
        read_handshake_answer({"close": True, "status": status})


def test_an_answer_that_decides_nothing_is_ignored() -> None:
    """The handshake goes on waiting."""
    assert [type(action) for action in read_handshake_answer({})] == [Ignore]


@pytest.mark.parametrize(
    ("message", "actions"),
    [
        ({}, []),
        ({"text": "hi"}, [Send("hi")]),
        ({"text": "", "bytes": None}, [Send("")]),
        ({"bytes": b""}, [Send(b"")]),
        ({"bytes": b"x", "close": True}, [Send(b"x"), Close(1000)]),
        ({"close": 1001}, [Close(1001)]),
        ({"close": 4000, "reason": "enough"}, [Close(4000, "enough")]),
        ({"reason": "none"}, []),
        ({"close": False, "accept": False}, []),
        ({"text": "a", "bytes": b"b"}, [Ignore("has both 'text' and 'bytes'")]),
    ],
)
def test_messages_to_an_open_websocket(message: dict[str, Any], actions: list[Action]) -> None:
    """Content first, then the close; empty content is content."""
    assert read_websocket_send(message) == actions


@pytest.mark.parametrize(
    "message",
    [{"text": b"x"}, {"bytes": "x"}, {"close": "1000"}, {"close": 1005}, {"close": 999}, {"close": 5000}, {"close": 0}],
)
def test_a_message_of_the_wrong_type_is_refused(message: dict[str, Any]) -> None:
    """Also close codes that must not be sent (RFC 6455, 7.4)."""
    with pytest.raises(BadReply):
        read_websocket_send(message)


def test_accept_must_be_a_bool() -> None:
    """A worker that answers with 1 is told."""
    with pytest.raises(BadReply, match="'accept' is of type int, not bool"):
        read_handshake_answer({"accept": 1})


@pytest.mark.parametrize("message", [{"consumed": 0}, {"events_channel": EVENTS}])
def test_an_answer_may_only_tell_of_the_worker(message: dict[str, Any]) -> None:
    """A consumer may end, or invite, and another one decide."""
    assert read_handshake_answer(message) == []


def test_an_accepted_handshake_may_have_headers_and_a_subprotocol() -> None:
    """Fields about one TCP connection are left out, as in a response."""
    message = {"accept": True, "subprotocol": "chat", "headers": [[b"Set-Cookie", b"a=1"], [b"connection", b"close"]]}

    assert read_handshake_answer(message) == [Accept("chat", ((b"Set-Cookie", b"a=1"),))]


@pytest.mark.parametrize(
    "headers", [[[b"Sec-WebSocket-Protocol", b"chat"]], [[b"a b", b""]], [[b"a", b"\r\nb: c"]], [b"a"], "a"]
)
def test_headers_that_cannot_be_sent_are_refused(headers: object) -> None:
    """Or that would answer the handshake in the server's place."""
    with pytest.raises(BadReply, match="headers"):
        read_handshake_answer({"accept": True, "headers": headers})


@pytest.mark.parametrize(
    ("message", "progress"),
    [
        ({}, Progress(None, "")),
        ({"text": "hi", "consumed": -1}, Progress(-1, "")),
        ({"accept": True, "events_channel": EVENTS}, Progress(None, EVENTS)),
    ],
)
def test_what_a_message_tells_of_its_worker(message: dict[str, Any], progress: Progress) -> None:
    """Beside what it makes the WebSocket do."""
    assert read_progress(message) == progress


@pytest.mark.parametrize("name", ["websocket.receive", "a!b", "no spaces", 7])
def test_an_invitation_names_a_process_channel(name: object) -> None:
    """One whose owner can be followed."""
    with pytest.raises(BadReply, match="events_channel"):
        read_progress({"events_channel": name})


@given(st.dictionaries(KEYS, ANYTHING))
def test_any_message_is_read_or_refused(message: dict[str, Any]) -> None:
    """Nothing else than ``BadReply`` leaves these functions."""
    for read in (read_progress, read_handshake_answer, read_websocket_send):
        try:
            read(message)
        except BadReply as exc:
            assert exc.key in str(exc)
