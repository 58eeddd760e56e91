"""
Requests between nodes: what must be done or known elsewhere. Sans-I/O; used by ``mesh.py`` only.

A worker adds a browser's reply channel to a group, but the channel belongs to an interface server: so the
owner is asked, does it, and answers when its peers confirmed. Membership lists and flushes go to all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zmqlayer.codec import unpack_control
from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import BROADCAST, Frame, Kind, node_topic
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox
from zmqlayer.rollcalls import RollCall, RollCalls

__all__ = ["Answer", "Requests", "Serve"]

Answer = Callable[[object], None]
"""Sends one answer to whoever asked."""

Serve = Callable[[dict[str, Any], float, Answer], None]
"""Does what a request asks for; called with (arguments, now, answer), and calls *answer* now or later."""


class Requests:
    """
    Questions to peers, and the ones they ask.

    Args:
        services: What peers may ask for, by name.
    """

    def __init__(self, outbox: Outbox, services: Mapping[str, Serve]) -> None:
        self._outbox = outbox
        self._services = services
        self._calls = RollCalls()
        self._numbers = 0

    def ask(
        self, peers: Iterable[NodeId], service: str, arguments: dict[str, object], deadline: float,
        done: Callable[[RollCall], None],
    ) -> None:  # fmt: skip
        """Ask *peers*, of which there must be at least one, for *service*; *done* gets their answers."""
        names = list(peers)
        self._numbers += 1
        self._calls.open(self._numbers, names, deadline, done)
        self._outbox.call_by(deadline)
        topic = node_topic(names[0]) if len(names) == 1 else BROADCAST
        self._outbox.control(topic, Kind.ASK, {"id": self._numbers, "service": service, **arguments})

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
        serve = self._services.get(service)
        if serve is not None:
            source = frame.source
            serve(payload, now, lambda value: self._outbox.tell(source, Kind.ANSWER, {"id": number, "value": value}))

    def answered(self, frame: Frame) -> None:
        """
        A peer answers.

        Raises:
            ProtocolError: The payload is malformed.
        """
        payload = unpack_control(frame.body)
        if type(payload.get("id")) is not int:
            raise ProtocolError("ANSWER is malformed")
        self._calls.answer(payload["id"], frame.source, payload.get("value"))

    def peer_down(self, node_id: NodeId) -> None:
        """A peer is gone, or its link starts anew: its answer may be lost."""
        self._calls.excuse(node_id)

    def tick(self, now: float) -> None:
        """Close requests whose time is up."""
        self._calls.tick(now)

    def next_at(self) -> float:
        """Return when :meth:`tick` has something to do."""
        return self._calls.next_at()
