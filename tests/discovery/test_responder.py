"""A zeroconf instance is opened once, shared, and closed by the last user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import cast

import pytest
from zeroconf import Zeroconf

from zmqlayer.discovery.responder import Responder, shared_responder


class FakeZeroconf:
    """Opens no socket and remembers that it was closed."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


class Opener:
    """Opens fakes, or fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.opened: list[FakeZeroconf] = []

    def __call__(self) -> Zeroconf:
        if self.failures:
            self.failures -= 1
            raise OSError(19, "No such device")
        self.opened.append(FakeZeroconf())
        return cast(Zeroconf, self.opened[-1])


MakeResponder = Callable[[Opener], Responder]


@pytest.fixture
def make_responder() -> Iterator[MakeResponder]:
    """Return a function that makes one whose loop runs."""
    with ExitStack() as users:

        def make_responder(opener: Opener) -> Responder:
            responder = Responder(opener)
            responder.loop.enter()
            users.callback(responder.loop.leave)
            return responder

        yield make_responder


def test_users_share_one_instance(make_responder: MakeResponder) -> None:
    """The second user gets what the first one opened."""
    opener = Opener()
    responder = make_responder(opener)

    first, second = responder.acquire(), responder.acquire()

    assert first is second
    assert len(opener.opened) == 1
    assert repr(responder) == "<Responder [2 users]>"


def test_last_user_closes(make_responder: MakeResponder) -> None:
    """The instance stays open until as many have released as had acquired it."""
    opener = Opener()
    responder = make_responder(opener)
    responder.acquire()
    responder.acquire()

    responder.release()
    assert not opener.opened[0].is_closed

    responder.release()
    assert opener.opened[0].is_closed


def test_next_user_opens_anew(make_responder: MakeResponder) -> None:
    """After the last release the next user gets a new instance."""
    responder = make_responder(Opener())
    first = responder.acquire()
    responder.release()

    assert responder.acquire() is not first


def test_failure_counts_no_user(make_responder: MakeResponder) -> None:
    """An instance that did not open has no user, and the next one tries again."""
    opener = Opener(failures=1)
    responder = make_responder(opener)
    with pytest.raises(OSError, match="No such device"):
        responder.acquire()

    responder.acquire()
    responder.release()

    assert opener.opened[0].is_closed


def test_scopes_have_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has one responder for each scope, and a forked child has others than its parent."""
    ours = shared_responder("localhost")
    assert shared_responder("localhost") is ours
    assert shared_responder("subnet") is not ours

    monkeypatch.setattr("os.getpid", lambda: -1)

    assert shared_responder("localhost") is not ours
