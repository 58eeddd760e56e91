"""What the messages of a response mean, one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from support.connections import NODE
from zmqlayer.interface.conversations.replies import BadReply
from zmqlayer.interface.conversations.response import Response, Step


def steps(*messages: dict[str, Any], is_to_head: bool = False) -> list[Step | None]:
    """Return what the messages of one response mean."""
    response = Response(is_to_head=is_to_head)
    return [response.read(message) for message in messages]


def fields_of(message: dict[str, Any], *, is_to_head: bool = False) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header of a response that begins with *message*."""
    (step,) = steps(message, is_to_head=is_to_head)
    assert step is not None
    assert step.start is not None
    return step.start.fields


def contents(*messages: dict[str, Any], is_to_head: bool = False) -> list[bytes]:
    """Return what is written for each message."""
    return [step.content for step in steps(*messages, is_to_head=is_to_head) if step is not None]


def test_a_response_begins_once() -> None:
    """Status and headers are those of the first message, whatever later ones say."""
    first, last = steps({"status": 200, "more_content": True}, {"status": 404, "content": b"a"})

    assert first is not None
    assert first.start is not None
    assert (first.start.status, first.is_last) == (200, False)
    assert last == Step(None, b"a", True, False)


@pytest.mark.parametrize(("status", "is_to_head"), [(200, True), (204, False), (205, False), (304, False)])
def test_some_responses_have_no_content(status: int, is_to_head: bool) -> None:
    """Nothing is written, and no length is held against the worker."""
    headers = [[b"content-length", b"5"]]
    first = {"status": status, "headers": headers, "content": b"abc", "more_content": True}

    assert contents(first, {"content": b"defgh"}, is_to_head=is_to_head) == [b"", b""]


def test_a_response_in_one_message_says_how_long_it_is() -> None:
    """Nobody has to take it in chunks, and HTTP/1.0 keeps its connection."""
    fields = {name: value for name, value in fields_of({"status": 200, "content": b"hello"})}

    assert fields == {b"Content-Length": b"5"}
    assert fields_of({"status": 404}) == ((b"Content-Length", b"0"),)


@pytest.mark.parametrize(
    ("message", "is_to_head"),
    [
        ({"status": 200, "content": b"hel", "more_content": True}, False),
        ({"status": 200}, True),  # to GET it may say more
        ({"status": 204}, False),
        ({"status": 304}, False),
    ],
)
def test_no_length_is_made_up(message: dict[str, Any], is_to_head: bool) -> None:
    """Of a response that goes on, or has no content, nothing is known."""
    assert fields_of(message, is_to_head=is_to_head) == ()


def test_the_length_that_a_worker_says_stays() -> None:
    """It is held to it, and it stands there once."""
    headers = [[b"content-length", b"5"]]

    assert fields_of({"status": 200, "headers": headers, "content": b"hello"}) == ((b"content-length", b"5"),)


@pytest.mark.parametrize("status", [200, 500])
def test_a_lost_piece_is_noticed(status: int) -> None:
    """By the numbers, at the first one that is wrong."""
    response = Response(is_to_head=False)
    response.read({"status": status, "more_content": True, "order": 0})
    response.read({"content": b"a", "more_content": True, "order": 1})

    with pytest.raises(BadReply, match="'order' is 3 where 2 comes next"):
        response.read({"content": b"b", "order": 3})


@pytest.mark.parametrize("order", [1, "0", -1])
def test_a_lost_beginning_is_noticed(order: object) -> None:
    """The first number is 0."""
    with pytest.raises(BadReply, match="'order'"):
        steps({"status": 200, "order": order})


def test_workers_need_not_number() -> None:
    """Those of the 2016 draft do not."""
    assert contents({"status": 200, "content": b"a", "more_content": True}, {"content": b"b"}) == [b"a", b"b"]


@pytest.mark.parametrize(("sizes", "problem"), [([2, 2], "1 bytes longer"), ([1, 1], "ends 1 bytes before")])
def test_the_length_is_held(sizes: list[int], problem: str) -> None:
    """What a worker promised, it sends."""
    first = {"status": 200, "headers": [[b"content-length", b"3"]], "content": b"x" * sizes[0], "more_content": True}

    with pytest.raises(BadReply, match=problem):
        steps(first, {"content": b"x" * sizes[1]})


def test_server_push_is_ignored() -> None:
    """No browser takes it any more; the response that follows is unharmed."""
    pushed = {"request": {"path": "/style.css", "method": "GET"}}

    assert steps(pushed, {"status": 200})[0] is None


def test_an_invitation_alone_is_no_part_of_the_response() -> None:
    """It may come first, or in between."""
    invitation = {"events_channel": f"events.{NODE}!1"}
    begin = {"status": 200, "more_content": True, "order": 0}

    read = steps(invitation, begin, invitation, {"content": b"a", "order": 1})

    assert [step is None for step in read] == [True, False, True, False]


def test_a_response_that_is_broken_off() -> None:
    """The rest of the message counts for nothing."""
    assert steps({"status": 200, "content": b"x", "closed": True}) == [Step(None, b"", False, True)]
