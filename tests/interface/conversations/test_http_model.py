"""
One exchange under everything that can happen to it, in any order: client, mesh and clock act at random.

What must hold at any moment: at most one head, nothing before it, nothing after the end, bounded memory. And once it
is over: no timer, no channel, no wish is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.task import Clock

from support.connections import NODE, RecordedLayer
from zmqlayer.exceptions import ChannelFull, LayerClosed
from zmqlayer.interface.clients.head import Field, Head
from zmqlayer.interface.conversations.http import Exchange
from zmqlayer.interface.conversations.translate import Ends
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.messages import Message
from zmqlayer.ports import Loss

INLINE, CHUNK, ROOM = 10, 4, 3
OPTIONS = ServerOptions(body_inline_size=INLINE, body_chunk_size=CHUNK, http_timeout_s=20.0, worker_timeout_s=5.0)

STARTS = st.fixed_dictionaries(
    {"status": st.sampled_from([200, 204, 404]), "more_content": st.booleans()},
    optional={"content": st.binary(max_size=5), "order": st.sampled_from([0, 0, 0, 1])},
)
PARTS = st.fixed_dictionaries({"content": st.binary(max_size=5), "more_content": st.booleans()})
INVITATIONS = st.sampled_from([{"events_channel": f"events.{NODE}!{number}"} for number in range(2)])
ODD = st.sampled_from([{}, {"status": "200"}, {"closed": True}, {"request": {}}, {"events_channel": "nobody"}])


class SmallMesh(RecordedLayer):
    """Body channels hold ``ROOM`` pieces until the worker takes some."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: defaultdict[str, list[Message]] = defaultdict(list)

    def send(self, channel: str, message: Message) -> None:
        """Queue a piece of a body, or record a message."""
        if channel.startswith("http.request.body?"):
            if len(self.bodies[channel]) >= ROOM:
                raise ChannelFull(channel, ROOM)
            self.bodies[channel].append(message)
        super().send(channel, message)

    def drop(self, channel: str) -> None:
        """Empty a body channel."""
        super().drop(channel)
        self.bodies[channel].clear()


class FakeRequest:
    """The client's side: notes what is written, and fails if that is out of order."""

    def __init__(self) -> None:
        self.status = 0
        self.is_over = False
        self.is_congested = False
        self.is_held = False

    def begin(self, status: int, fields: Iterable[Field], content: bytes = b"") -> None:
        """Note the head."""
        assert not self.status
        assert not self.is_over
        self.status = status

    def write(self, data: bytes) -> None:
        """Check that the head was written."""
        assert self.status
        assert not self.is_over

    def finish(self) -> None:
        """Note the end."""
        assert self.status
        assert not self.is_over
        self.is_over = True

    def refuse(self, status: int, sentence: str) -> None:
        """Note an error page."""
        self.begin(status, ())
        self.finish()

    def abort(self) -> None:
        """Note the cut of a response that has begun."""
        assert self.status
        assert not self.is_over
        self.is_over = True

    def invite_body(self) -> None:
        """Do nothing."""

    def pause_body(self) -> None:
        """Note it."""
        assert not self.is_held
        self.is_held = True

    def resume_body(self) -> None:
        """Note it."""
        assert self.is_held
        self.is_held = False


class ExchangeModel(RuleBasedStateMachine):
    """One exchange."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.mesh = SmallMesh()
        self.request = FakeRequest()
        head = Head("1.1", "POST", "/", b"", ())
        context = Context(self.mesh, OPTIONS, self.clock)
        self.exchange = Exchange(self.request, context, head, Ends(False, None, None))
        self.exchange.start()
        self.body = b""
        self.arrived = b""
        self.is_body_whole = False
        self.is_gone = False
        self.held_for = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more may happen."""
        return self.is_gone or self.request.is_over

    # The client

    @precondition(lambda self: not self.is_over and not self.is_body_whole and self.held_for < 2)
    @rule(data=st.binary(min_size=1, max_size=15))
    def send(self, data: bytes) -> None:
        """A piece of the body arrives; after a pause only what was read already."""
        self.held_for = self.held_for + 1 if self.request.is_held else 0
        self.body += data
        self.exchange.received(data)

    @precondition(lambda self: not self.is_over and not self.is_body_whole)
    @rule()
    def complete(self) -> None:
        """The body ends."""
        self.is_body_whole = True
        self.exchange.completed()

    @precondition(lambda self: not self.is_over)
    @rule()
    def leave(self) -> None:
        """The client goes."""
        self.is_gone = True
        self.exchange.client_gone()

    @precondition(lambda self: not self.is_over)
    @rule(is_slow=st.booleans())
    def change_pace(self, is_slow: bool) -> None:
        """The client becomes slow, or fast."""
        self.request.is_congested = is_slow
        if is_slow:
            self.exchange.pauseProducing()
        else:
            self.exchange.resumeProducing()
            for reply in self.mesh.replies:
                reply.flow()

    # The mesh

    @rule(message=STARTS | PARTS | PARTS | INVITATIONS | ODD)
    def reply(self, message: dict[str, Any]) -> None:
        """A worker says something, in time or not."""
        if self.mesh.replies:
            self.mesh.reply.push(message)

    @precondition(lambda self: self.mesh.names)
    @rule()
    def take(self) -> None:
        """The worker takes a piece of the body."""
        ((channel, pieces),) = self.mesh.bodies.items() or (("", []),)
        if pieces:
            pieces.pop(0)
            self.mesh.make_room(channel)
            self.held_for = 0

    @rule(loss=st.sampled_from(Loss))
    def lose(self, loss: Loss) -> None:
        """The worker that took the request goes, or none did."""
        self.mesh.lose("http.request", loss)

    @rule(number=st.integers(0, 1))
    def end_events(self, number: int) -> None:
        """A worker that was listening goes."""
        self.mesh.end(f"events.{NODE}!{number}")

    @rule(are_there=st.booleans())
    def change_workers(self, are_there: bool) -> None:
        """Workers come or go."""
        (self.mesh.unread.discard if are_there else self.mesh.unread.add)("http.request")

    @rule(state=st.sampled_from(["free", "full", "closed"]))
    def change_queue(self, state: str) -> None:
        """The queue of requests is full, or the layer closed, or neither."""
        self.mesh.errors.pop("http.request", None)
        if state == "full":
            self.mesh.fill("http.request")
        elif state == "closed":
            self.mesh.errors["http.request"] = LayerClosed()

    # The server

    @rule(seconds=st.sampled_from([0.25, 1.0, 5.0, 20.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @precondition(lambda self: not self.is_over)
    @rule()
    def stop(self) -> None:
        """The server is told to stop."""
        self.exchange.stop()

    @invariant()
    def the_body_is_whole(self) -> None:
        """What was sent is the beginning of the body, and numbered."""
        for channel, message in self.mesh.take():
            if channel == "http.request":
                self.arrived += message["body"]
                self.numbers = 0
            elif channel.startswith("http.request.body?") and not message.get("closed"):
                self.arrived += message["content"]
                assert message["order"] == self.numbers
                self.numbers += 1
        assert self.body.startswith(self.arrived)

    @invariant()
    def memory_is_bounded(self) -> None:
        """Only what was read already is held beyond what fits."""
        if not self.is_over:
            assert len(self.body) - len(self.arrived) <= INLINE + 4 * 15

    @invariant()
    def nothing_is_left_behind(self) -> None:
        """Once it is over."""
        if not self.is_over:
            return
        assert not self.clock.getDelayedCalls()
        assert all(reply.is_closed for reply in self.mesh.replies)
        calls = [*self.mesh.entrusted, *self.mesh.wishes, *self.mesh.followed]
        assert not any(call.is_open for call in calls)
        assert not self.request.is_held
        assert all(len(pieces) <= 1 for pieces in self.mesh.bodies.values())  # word that nothing follows

    def teardown(self) -> None:
        """The client goes at the end at the latest."""
        if not self.is_over:
            self.leave()
        self.nothing_is_left_behind()


ExchangeModel.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestExchange = ExchangeModel.TestCase
