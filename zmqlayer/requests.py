"""
Requests between nodes: what must be done or known elsewhere. Sans-I/O; used by ``mesh.py`` only.

A worker adds a browser's reply channel to a group, but the channel belongs to an interface server: so the
owner is asked, does it, and answers when its peers confirmed. Membership lists and flushes go to all.

Whatever is asked may be done twice without harm. So a question that is open when a link starts anew is asked again
when the link is up: a cut is no answer. Only a peer that is gone, or time, ends the wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from zmqlayer.actions import Publish
from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.exceptions import LimitReached, ProtocolError
from zmqlayer.frames import BROADCAST, Frame, Kind, node_topic, pack
from zmqlayer.limits import Limits
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox
from zmqlayer.rollcalls import RollCall, RollCalls

__all__ = ["PART", "Answer", "Requests", "Serve", "refusals"]

PART: Final = 500
"""Items of a list that one frame carries: as many names of the greatest length as the smallest frame limit allows."""

Answer = Callable[[object], None]
"""Sends one answer to whoever asked."""

Serve = Callable[[dict[str, Any], float, Answer], None]
"""Does what a request asks for; called with (arguments, now, answer), and calls *answer* once, now or later."""


class Requests:
    """
    Questions to peers, and the ones they ask.

    Args:
        services: What peers may ask for, by name.
    """

    def __init__(self, outbox: Outbox, limits: Limits, services: Mapping[str, Serve]) -> None:
        self._outbox = outbox
        self._limits = limits
        self._services = services
        self._calls = RollCalls()
        self._questions: dict[int, bytes] = {}
        self._parts: dict[tuple[int, NodeId], list[object]] = {}
        self._in_service: Counter[NodeId] = Counter()
        self._numbers = 0

    def check_room(self) -> None:
        """
        See to it that :meth:`ask` may be called.

        Raises:
            LimitReached: Too many questions are open.
        """
        if len(self._calls) >= self._limits.open_requests:
            raise LimitReached("open_requests", self._limits.open_requests)

    def ask(
        self, peers: Iterable[NodeId], service: str, arguments: dict[str, object], deadline: float,
        done: Callable[[RollCall], None],
    ) -> None:  # fmt: skip
        """Ask *peers*, of which there must be at least one, for *service*; *done* gets their answers."""
        names = list(peers)
        number = self._next_number()
        question = self._questions[number] = pack_control({"id": number, "service": service, **arguments})

        def close(call: RollCall) -> None:
            del self._questions[number]
            for name in names:
                self._parts.pop((number, name), None)
            done(call)

        self._calls.open(number, names, deadline, close)
        self._outbox.call_by(deadline)
        self._publish(node_topic(names[0]) if len(names) == 1 else BROADCAST, question)

    def tell(self, topic: bytes, service: str, arguments: dict[str, object]) -> None:
        """Ask for *service* and care for no answer."""
        self._publish(topic, pack_control({"id": self._next_number(), "service": service, **arguments}))

    def asked(self, frame: Frame, now: float) -> None:
        """
        A peer asks for something. A service that we do not know is not answered.

        Raises:
            ProtocolError: The payload is malformed.
        """
        payload = unpack_control(frame.body)
        number, service = payload.pop("id", None), payload.pop("service", None)
        if type(number) is not int or type(service) is not str:
            raise ProtocolError("ASK is malformed")
        serve, source = self._services.get(service), frame.source
        if serve is None:
            return
        if self._in_service[source] >= self._limits.requests_in_service:
            self._answer(source, number, "requests_in_service")
            return
        self._in_service[source] += 1

        def answer(value: object) -> None:
            if self._in_service[source] > 0:  # else the peer was gone meanwhile
                self._in_service[source] -= 1
            self._answer(source, number, value)

        try:
            serve(payload, now, answer)
        except ProtocolError:
            del self._in_service[source]
            raise

    def answered(self, frame: Frame) -> None:
        """
        A peer answers, or gives a part of a long answer.

        Raises:
            ProtocolError: The payload is malformed, or the answer has no end.
        """
        payload = unpack_control(frame.body)
        number, value = payload.get("id"), payload.get("value")
        if type(number) is not int:
            raise ProtocolError("ANSWER is malformed")
        call = self._calls.get(number)
        if call is None or frame.source not in call.missing:
            return
        if payload.get("more") is True or (number, frame.source) in self._parts:
            parts = self._add_part(number, frame.source, value)
            if payload.get("more") is True:
                return
            value = parts
        self._calls.answer(number, frame.source, value)

    def peer_up(self, node_id: NodeId) -> None:
        """
        A link came up: what the peer was asked before, or its answer, may be lost.

        Parts that came before are kept: what was lost of an answer is its end, and the new one is whole.
        """
        for number in self._calls.owed_by(node_id):
            assert isinstance(number, int)  # all keys here are numbers that ask() gave
            self._publish(node_topic(node_id), self._questions[number])

    def peer_gone(self, node_id: NodeId) -> None:
        """A peer is gone: it answers nothing any more, and wants no answers."""
        self._in_service.pop(node_id, None)
        self._calls.excuse(node_id)

    def tick(self, now: float) -> None:
        """Close requests whose time is up."""
        self._calls.tick(now)

    def next_at(self) -> float:
        """Return when :meth:`tick` has something to do."""
        return self._calls.next_at()

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _publish(self, topic: bytes, question: bytes) -> None:
        self._outbox.do(Publish(pack(topic, Kind.ASK, self._outbox.node_id, 0, "", question)))

    def _answer(self, to: NodeId, number: int, value: object) -> None:
        if isinstance(value, list):
            last = max(0, len(value) - 1) // PART * PART
            for start in range(0, last, PART):
                self._outbox.tell(to, Kind.ANSWER, {"id": number, "value": value[start : start + PART], "more": True})
            value = value[last:]
        self._outbox.tell(to, Kind.ANSWER, {"id": number, "value": value})

    def _add_part(self, number: int, peer: NodeId, value: object) -> list[object]:
        parts = self._parts.setdefault((number, peer), [])
        if not isinstance(value, list) or len(parts) + len(value) > self._limits.memberships:
            raise ProtocolError("a long answer is no list, or has no end")
        parts += value
        return parts


def refusals(call: RollCall | None) -> list[LimitReached]:
    """Return the limits that those who were asked had reached; each says so by the name of it."""
    known = {limit.name for limit in fields(Limits)}
    answers = call.answers.values() if call is not None else ()
    return [LimitReached(answer) for answer in answers if isinstance(answer, str) and answer in known]
