"""Requests between nodes: the frames of a question and its answer, and what malformed ones do."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import node, quick, values
from zmqlayer.actions import Publish
from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.exceptions import LimitReached, ProtocolError
from zmqlayer.frames import BROADCAST, Frame, Kind, node_topic, parse
from zmqlayer.limits import Limits
from zmqlayer.names import NodeId
from zmqlayer.outbox import Outbox
from zmqlayer.requests import PART, Answer, Requests, refusals
from zmqlayer.rollcalls import RollCall

A, B, HERE = node(1), node(2), node(9)


class Asker:
    """One node's requests, with what it was told and what it was asked for."""

    def __init__(self, node_id: NodeId = HERE, **limits: int) -> None:
        self.outbox = Outbox(node_id)
        self.over: list[RollCall] = []
        self.served: list[tuple[dict[str, Any], float]] = []
        self.unanswered: list[Answer] = []
        self.requests = Requests(
            self.outbox, Limits(**limits), {"echo": self.echo, "later": self.later, "strict": self.strict}
        )

    def echo(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        self.served.append((arguments, now))
        answer(arguments)

    def later(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        self.unanswered.append(answer)

    def strict(self, arguments: dict[str, Any], now: float, answer: Answer) -> None:
        raise ProtocolError("no such argument")

    def ask(self, *peers: NodeId, service: str = "echo", deadline: float = 1.0, **arguments: object) -> None:
        self.requests.ask(peers, service, arguments, deadline, self.over.append)

    def frames(self) -> list[Frame]:
        return [parse(action.wire) for action in self.outbox.take() if isinstance(action, Publish)]


def control(payload: object, kind: Kind = Kind.ASK, source: NodeId = A) -> Frame:
    return Frame(node_topic(HERE), kind, source, 0, "", msgpack.packb(payload))


def test_one_peer_is_asked_on_its_topic() -> None:
    """A question to one peer goes to nobody else."""
    here = Asker()

    here.ask(A, service="echo", group="g")

    (frame,) = here.frames()
    assert (frame.topic, frame.kind, frame.source) == (node_topic(A), Kind.ASK, HERE)
    assert unpack_control(frame.body) == {"id": 1, "service": "echo", "group": "g"}
    assert here.outbox.tick_by == here.requests.next_at() == 1.0


def test_several_peers_are_asked_at_once() -> None:
    """A question to several peers is one frame to all, and each question has its own number."""
    here = Asker()

    here.ask(A, B)
    here.ask(B, A)

    first, second = here.frames()
    assert first.topic == second.topic == BROADCAST
    assert unpack_control(first.body)["id"] != unpack_control(second.body)["id"]


def test_a_question_crosses_and_comes_back() -> None:
    """What one node asks another serves with the arguments and the time, and its answer ends the question."""
    here, there = Asker(HERE), Asker(A)

    here.ask(A, group="g", number=1)
    (question,) = here.frames()
    there.requests.asked(question, 5.0)
    (answer,) = there.frames()
    here.requests.answered(answer)

    assert there.served == [({"group": "g", "number": 1}, 5.0)]
    assert (answer.topic, answer.kind) == (node_topic(HERE), Kind.ANSWER)
    assert [call.answers for call in here.over] == [{A: {"group": "g", "number": 1}}]


def test_an_answer_may_come_later() -> None:
    """A service may answer when it is done, and then its answer is sent."""
    there = Asker(A)
    there.requests.asked(control({"id": 3, "service": "later"}, source=B), 0.0)
    assert there.frames() == []

    there.unanswered[0](True)

    (answer,) = there.frames()
    assert answer.topic == node_topic(B)
    assert unpack_control(answer.body) == {"id": 3, "value": True}


def test_unknown_services_are_not_answered() -> None:
    """A service of a later minor version is ignored."""
    there = Asker(A)

    there.requests.asked(control({"id": 3, "service": "unheard of"}), 0.0)

    assert there.frames() == []


def test_questions_end_with_their_time() -> None:
    """A question is over when time is up, and says who did not answer."""
    here = Asker()
    here.ask(A, B)
    here.requests.answered(control({"id": 1, "value": 7}, Kind.ANSWER, A))

    here.requests.tick(0.9)
    assert here.over == []
    here.requests.tick(1.0)

    assert [(call.answers, call.missing) for call in here.over] == [({A: 7}, {B})]


def test_the_dead_are_not_waited_for() -> None:
    """A peer that is gone ends the questions to it."""
    here = Asker()
    here.ask(A)

    here.requests.peer_gone(A)

    assert [(call.answers, call.missing) for call in here.over] == [({}, set())]


def test_an_open_question_is_asked_again_when_the_link_is_up() -> None:
    """A cut may have lost a question or its answer: who still owes one is asked once more, alone."""
    here = Asker()
    here.ask(A, B, group="g")
    here.requests.answered(control({"id": 1, "value": 1}, Kind.ANSWER, B))
    (question,) = here.frames()

    here.requests.peer_up(A)
    here.requests.peer_up(B)

    (again,) = here.frames()
    assert (again.topic, again.body) == (node_topic(A), question.body)
    here.requests.answered(control({"id": 1, "value": 2}, Kind.ANSWER, A))
    assert [call.answers for call in here.over] == [{A: 2, B: 1}]
    here.requests.peer_up(A)
    assert here.frames() == []


def test_telling_waits_for_nobody() -> None:
    """Who only tells does not care for answers."""
    here = Asker()

    here.requests.tell(BROADCAST, "echo", {"x": 1})

    (told,) = here.frames()
    assert told.topic == BROADCAST
    here.requests.answered(control({"id": 1, "value": 1}, Kind.ANSWER, A))
    assert here.over == []


def test_open_questions_are_bounded() -> None:
    """One question too many is refused before it is asked; when one ends there is room again."""
    here = Asker(open_requests=2)
    here.ask(A)
    here.ask(A)

    with pytest.raises(LimitReached, match="2 open requests"):
        here.requests.check_room()
    here.requests.peer_gone(A)
    here.requests.check_room()


def test_questions_in_service_are_bounded_for_each_peer() -> None:
    """Who asks more than is served at once is refused; other peers are not, and an answer makes room."""
    there = Asker(requests_in_service=2)
    for number in range(3):
        there.requests.asked(control({"id": number, "service": "later"}, source=B), 0.0)
    there.requests.asked(control({"id": 3, "service": "later"}, source=A), 0.0)

    (refusal,) = there.frames()
    assert unpack_control(refusal.body) == {"id": 2, "value": "requests_in_service"}
    assert refusal.topic == node_topic(B)
    there.unanswered[0](True)
    there.requests.asked(control({"id": 4, "service": "later"}, source=B), 0.0)
    assert len(there.unanswered) == 4


def test_answers_to_the_dead_make_no_room() -> None:
    """Whoever comes back finds all its room, and late answers to its former life do not add to it."""
    there = Asker(requests_in_service=1)
    there.requests.asked(control({"id": 1, "service": "later"}, source=B), 0.0)
    there.requests.peer_gone(B)

    there.unanswered[0](True)
    for number in range(2, 4):
        there.requests.asked(control({"id": number, "service": "later"}, source=B), 0.0)

    assert len(there.unanswered) == 2


def test_a_question_at_fault_is_not_in_service() -> None:
    """What raises is never answered, and leaves no count behind."""
    there = Asker(requests_in_service=1)
    for _ in range(2):
        with pytest.raises(ProtocolError):
            there.requests.asked(control({"id": 1, "service": "strict"}), 0.0)


@pytest.mark.parametrize("count", [0, 1, PART, PART + 1, 3 * PART])
def test_long_answers_come_in_parts(count: int) -> None:
    """A list of any length arrives whole and in order, in frames of bounded size."""
    here, there = Asker(HERE), Asker(A)
    here.ask(A, service="later")
    there.requests.asked(here.frames()[0], 0.0)

    there.unanswered[0](["x" * 99] * count)
    frames = there.frames()
    for answer in frames:
        here.requests.answered(answer)

    assert [call.answers for call in here.over] == [{A: ["x" * 99] * count}]
    assert max(len(frame.body) for frame in frames) < 65_536
    assert len(frames) == max(1, -(-count // PART))


@pytest.mark.parametrize("value", [[1] * 11, "text", None])
def test_an_answer_without_end_breaks_the_protocol(value: object) -> None:
    """Parts that are no lists, or more than any node may have to list, are the peer's fault."""
    here = Asker(groups=10, memberships=10)
    here.ask(A)

    with pytest.raises(ProtocolError):
        here.requests.answered(control({"id": 1, "value": value, "more": True}, Kind.ANSWER))


def test_refusals_name_the_limit() -> None:
    """An answer that is the name of a limit says that it was reached; any other text says nothing."""
    here = Asker()
    here.ask(A, B)
    here.requests.answered(control({"id": 1, "value": "memberships"}, Kind.ANSWER, A))
    here.requests.answered(control({"id": 1, "value": "nonsense"}, Kind.ANSWER, B))

    assert [refusal.limit for refusal in refusals(here.over[0])] == ["memberships"]
    assert refusals(None) == []


def test_answers_of_others_are_ignored() -> None:
    """An answer that nobody asked for, or that another peer gives, ends nothing; one without a value says None."""
    here = Asker()
    here.ask(A)

    here.requests.answered(control({"id": 1, "value": 1}, Kind.ANSWER, B))
    here.requests.answered(control({"id": 2, "value": 2}, Kind.ANSWER, A))
    assert here.over == []
    here.requests.answered(control({"id": 1}, Kind.ANSWER, A))

    assert [call.answers for call in here.over] == [{A: None}]


@pytest.mark.parametrize(
    "payload",
    [{}, {"id": 1}, {"service": "echo"}, {"id": "1", "service": "echo"}, {"id": 1, "service": b"echo"}, [], 1,
     {"id": True, "service": "echo"}, {"id": 1, "service": None}],
)  # fmt: skip
def test_malformed_questions_are_refused(payload: object) -> None:
    """A question without a number or a service is the peer's fault, and is not served."""
    there = Asker(A)

    with pytest.raises(ProtocolError):
        there.requests.asked(control(payload), 0.0)

    assert there.served == []


@pytest.mark.parametrize("payload", [{}, {"id": "1"}, {"id": None}, {"id": True}, {"id": [1]}, [], 1])
def test_malformed_answers_are_refused(payload: object) -> None:
    """An answer without a number is the peer's fault."""
    here = Asker()
    here.ask(A)

    with pytest.raises(ProtocolError):
        here.requests.answered(control(payload, Kind.ANSWER))

    assert here.over == []


@quick
@given(
    st.binary(max_size=30)
    | st.dictionaries(st.sampled_from(["id", "service", "value", "x"]), values, max_size=4).map(pack_control)
    | st.builds(lambda number, value: pack_control({"id": number, "service": "echo", "x": value}), values, values)
)
def test_any_body_is_served_or_a_protocol_error(body: bytes) -> None:
    """Whatever a peer sends as question or answer is taken or raises ProtocolError, and nothing else."""
    here = Asker()
    here.ask(A)
    for take in (lambda frame: here.requests.asked(frame, 0.0), here.requests.answered):
        try:
            take(Frame(node_topic(HERE), Kind.ASK, A, 0, "", body))
        except ProtocolError:
            continue

    assert len(here.frames()) == 1 + len(here.served)
