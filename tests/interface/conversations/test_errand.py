"""A request's message on its way to a worker."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from support.connections import NODE, RecordedLayer
from zmqlayer.exceptions import LayerClosed, MessageTooLarge
from zmqlayer.interface.conversations.errand import LOOK_EVERY_S, Errand
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.messages import HttpRequest
from zmqlayer.ports import Loss

MESSAGE = cast(
    HttpRequest,
    {
        "reply_channel": f"http.response.{NODE}!0",
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [],
    },
)


class Case:
    """An errand and what came of it."""

    def __init__(self) -> None:
        self.layer = RecordedLayer()
        self.clock = Clock()
        self.heard: list[Any] = []
        context = Context(self.layer, ServerOptions(worker_timeout_s=1.0), self.clock)
        self.errand = Errand(context, self._sent, self._refused, self.heard.append)

    def _sent(self) -> None:
        self.heard.append("sent")

    def _refused(self, status: int, sentence: str) -> None:
        self.heard.append(status)

    def begin(self, are_workers_there: bool = True) -> None:
        """Begin the errand."""
        if not are_workers_there:
            self.layer.unread.add("http.request")
        self.errand.begin(MESSAGE)

    def look(self, times: int = 1) -> None:
        """Let time pass."""
        self.clock.pump([LOOK_EVERY_S] * times)


def test_a_message_is_sent_at_once() -> None:
    """Where there is a worker."""
    case = Case()

    case.begin()

    assert (case.heard, case.errand.is_waiting) == (["sent"], False)
    assert case.layer.take_one("http.request") == MESSAGE
    assert not case.clock.getDelayedCalls()


def test_its_loss_is_told() -> None:
    """Once."""
    case = Case()
    case.begin()

    case.layer.lose("http.request")
    case.layer.lose("http.request")

    assert case.heard == ["sent", Loss.READER_GONE]


def test_a_forgotten_message_may_be_lost() -> None:
    """Nobody waits for its answer."""
    case = Case()
    case.begin()

    case.errand.forget()
    case.errand.forget()
    case.layer.lose("http.request")

    assert case.heard == ["sent"]


def test_a_forgotten_message_leaves_the_queue() -> None:
    """Clients that ask and go do not fill it for others."""
    case = Case()
    case.begin()

    case.errand.forget()

    assert [call.is_withdrawn for call in case.layer.entrusted] == [True]


def test_a_first_worker_is_waited_for() -> None:
    """And found soon."""
    case = Case()
    case.begin(are_workers_there=False)
    assert (case.heard, case.errand.is_waiting) == ([], True)

    case.layer.unread.clear()
    case.look()

    assert (case.heard, case.errand.is_waiting) == (["sent"], False)
    assert not case.clock.getDelayedCalls()


def test_but_not_for_ever() -> None:
    """Then nothing was sent."""
    case = Case()
    case.begin(are_workers_there=False)

    case.look(times=4)

    assert (case.heard, case.layer.take()) == ([503], [])
    assert not case.clock.getDelayedCalls()


def test_who_forgets_waits_no_more() -> None:
    """No timer is left."""
    case = Case()
    case.begin(are_workers_there=False)

    case.errand.forget()

    assert not case.clock.getDelayedCalls()


def test_a_queue_that_others_filled_is_waited_for_too() -> None:
    """By those who have waited, within their time."""
    case = Case()
    case.begin(are_workers_there=False)
    case.layer.unread.clear()
    case.layer.fill("http.request")

    case.look(times=3)
    assert case.heard == []
    case.look()

    assert case.heard == [503]


@pytest.mark.parametrize(
    ("error", "status"), [(MessageTooLarge("http.request", 2, 1), 413), (LayerClosed(), 503), (None, 503)]
)
def test_what_cannot_be_sent_is_refused(error: Any, status: int) -> None:
    """At once, also where the queue is full."""
    case = Case()
    case.layer.fill("http.request")
    if error:
        case.layer.errors["http.request"] = error

    case.begin()

    assert case.heard == [status]
