"""A WebSocket under whatever its client, its workers, the mesh, the clock and the operator do, in any order."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.connections import CLOSE, NODE, PING, TEXT, Site, close_frame, frame, split_frames, upgrade
from zmqlayer.interface.options import ServerOptions
from zmqlayer.ports import Loss

EVENTS = f"specific.{NODE}!7"
RECEIVE, CONNECT, DISCONNECT = "websocket.receive", "websocket.connect", "websocket.disconnect"
PATIENCE_S = 100.0
"""Less than the longest turn: within it nobody stops waiting."""


class WebSocketModel(RuleBasedStateMachine):
    """One socket, the messages that its client said, and what the workers have heard and told."""

    @initialize(tells=st.booleans())
    def connect(self, tells: bool) -> None:
        """A client asks; its workers tell what they have consumed, or do not."""
        self.site = Site(ServerOptions(ping_interval_s=7.0, ping_timeout_s=9.0, websocket_connect_timeout_s=30.0))
        self.client = self.site.request(upgrade("/"))
        self.tells = tells
        self.said: list[str] = []
        self.replied: list[str] = []
        self.heard: list[str] = []
        self.orders: list[int] = []
        self.disconnects = 0
        self.done = 0  # consumed or lost
        self.now = 0.0
        self.is_open = self.is_denied = self.is_stopped = self.is_invited = self.is_untold = False
        assert self.site.layer.take_one(CONNECT)["order"] == 0

    @property
    def reply(self) -> Any:
        return self.site.layer.reply

    @property
    def in_flight(self) -> int:
        return len(self.orders) - self.done

    def progress(self, order: int) -> dict[str, int]:
        return {"consumed": order} if self.tells else {}

    # The worker.

    @precondition(lambda self: not self.is_open and not self.is_denied)
    @rule(text=st.none() | st.just("welcome"))
    def accept(self, text: str | None) -> None:
        """The consumer of the connect ends, and lets the client in."""
        if text and not self.reply.is_closed and self.client.read() == b"" and not self.client.is_gone:
            self.replied.append(text)
            self.reply.push({"accept": True, "text": text, **self.progress(0)})
        else:
            self.reply.push({"accept": True, **self.progress(0)})
        self.is_open = True

    @precondition(lambda self: not self.is_open and not self.client.is_gone)
    @rule()
    def deny(self) -> None:
        """Or does not."""
        # One that came too late, after the server's own refusal, denies nothing; a slow client may still be connected.
        self.is_denied = not self.client.is_closed_by_server and not self.client.transport.value()
        self.reply.push({"close": True, **self.progress(0)})
        self.is_open = True

    @precondition(lambda self: self.in_flight and self.tells)
    @rule()
    def consume(self) -> None:
        """The consumer of the oldest message ends."""
        self.done += 1
        self.reply.push(self.progress(self.orders[self.done - 1]))

    @precondition(lambda self: self.is_open)
    @rule()
    def say_something(self) -> None:
        """Some consumer has news for the client."""
        text = f"reply {len(self.replied)}"
        self.replied.append(text)
        self.reply.push({"text": text})

    @precondition(lambda self: self.is_open)
    @rule(code=st.sampled_from([True, 4000]))
    def close(self, code: int) -> None:
        """Or has had enough of it."""
        self.reply.push({"close": code})

    @precondition(lambda self: self.is_open)
    @rule()
    def invite(self) -> None:
        """Or wants to hear everything itself."""
        self.is_invited = True
        self.reply.push({"events_channel": EVENTS})

    # The mesh.

    @precondition(lambda self: self.is_invited)
    @rule()
    def lose_inviter(self) -> None:
        """The worker that invited goes; nobody else knows of the connection."""
        self.is_untold = self.is_untold or any(call.is_open for call in self.site.layer.followed)
        self.site.layer.end(EVENTS)

    @rule(loss=st.sampled_from(Loss))
    def lose(self, loss: Loss) -> None:
        """A worker goes, or nobody took a message in time."""
        if self.tells and self.in_flight:
            self.done = len(self.orders)
            self.site.layer.lose(RECEIVE, loss)

    @rule()
    def fill(self) -> None:
        """The workers have more than they can read."""
        for channel in (RECEIVE, EVENTS, DISCONNECT):
            self.site.layer.fill(channel)
        self.is_untold = self.is_untold or self.is_stopped  # a server that stops does not wait with the end

    @rule()
    def make_room(self) -> None:
        """They have read some."""
        for channel in (RECEIVE, EVENTS, DISCONNECT):
            self.site.layer.make_room(channel)

    # The client.

    @precondition(lambda self: not self.client.is_gone)
    @rule(number=st.integers(1, 3), is_split=st.booleans())
    def say(self, number: int, is_split: bool) -> None:
        """Some messages, in one read or in pieces."""
        texts = [f"message {len(self.said) + each}" for each in range(number)]
        self.said.extend(texts)
        data = b"".join(frame(TEXT, text.encode()) for text in texts)
        for piece in (data[:5], data[5:]) if is_split else (data,):
            self.client.send(piece)

    @precondition(lambda self: not self.client.is_gone)
    @rule(data=st.sampled_from([frame(PING, b"?"), close_frame(1000), frame(3), frame(TEXT, b"\xff")]))
    def do(self, data: bytes) -> None:
        """A ping, a goodbye, or a mistake."""
        self.client.send(data)

    @rule(is_slow=st.booleans())
    def read(self, is_slow: bool) -> None:
        """It reads, or does not."""
        if self.client.transport.producer is not None and not self.client.is_gone:
            if is_slow:
                self.client.set_slow()
            else:
                self.client.set_fast()
                self.reply.flow()

    @rule()
    def leave(self) -> None:
        """It goes."""
        self.client.leave()

    # Time, and the operator.

    @rule(seconds=st.sampled_from([0.5, 5.0, 20.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        if self.now + seconds <= PATIENCE_S:
            self.now += seconds
            self.site.clock.advance(seconds)

    @rule()
    def stop(self) -> None:
        """The server stops."""
        if not self.is_stopped:
            self.is_stopped = True
            self.is_untold = self.is_untold or DISCONNECT in self.site.layer.errors
            self.site.factory.stop(3.0)

    # What must be true.

    @invariant()
    def the_workers_hear_in_order(self) -> None:
        """Each message once, one at a time, and the end last."""
        for channel, message in self.site.layer.take():
            assert not self.disconnects, "something after the end"
            if message.get("type", channel) == DISCONNECT:
                self.disconnects += 1
                assert message["order"] > len(self.orders)
            else:
                self.orders.append(message["order"])
                assert message["text"] == self.said[len(self.orders) - 1]
        assert self.orders == list(range(1, len(self.orders) + 1))
        if self.tells and not self.is_stopped and not self.is_invited:
            assert self.in_flight <= 1
        if not self.tells:
            self.done = len(self.orders)

    @invariant()
    def the_client_hears_in_order(self) -> None:
        """Replies as they were sent, and nothing after a close frame."""
        if not self.client.transport.value().startswith(b"HTTP/1.1 101"):
            return
        _, _, data = self.client.transport.value().partition(b"\r\n\r\n")
        frames = split_frames(data)
        texts = [payload.decode() for opcode, payload in frames if opcode == TEXT]
        assert texts == self.replied[: len(texts)]
        closes = [place for place, (opcode, _) in enumerate(frames) if opcode == CLOSE]
        assert closes in ([], [len(frames) - 1])

    def teardown(self) -> None:
        """Nothing is left, and whoever heard of the socket heard of its end."""
        if not hasattr(self, "site"):
            return
        self.tells = False
        self.site.close()
        self.the_workers_hear_in_order()
        if self.is_untold:
            assert self.disconnects <= 1
        else:
            assert self.disconnects == (0 if self.is_denied else 1)


WebSocketModel.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestWebSocketModel = WebSocketModel.TestCase
