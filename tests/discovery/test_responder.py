"""A zeroconf instance is opened once, shared, and closed by the last user."""

from __future__ import annotations

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


def test_users_share_one_instance() -> None:
    """The second user gets what the first one opened."""
    opener = Opener()
    responder = Responder(opener)

    first, second = responder.acquire(), responder.acquire()

    assert first is second
    assert len(opener.opened) == 1
    assert repr(responder) == "<Responder [2 users]>"


def test_last_user_closes() -> None:
    """The instance stays open until as many have released as had acquired it."""
    opener = Opener()
    responder = Responder(opener)
    responder.acquire()
    responder.acquire()

    responder.release()
    assert not opener.opened[0].is_closed

    responder.release()
    assert opener.opened[0].is_closed


def test_next_user_opens_anew() -> None:
    """After the last release the next user gets a new instance."""
    responder = Responder(Opener())
    first = responder.acquire()
    responder.release()

    assert responder.acquire() is not first


def test_failure_counts_no_user() -> None:
    """An instance that did not open has no user, and the next one tries again."""
    opener = Opener(failures=1)
    responder = Responder(opener)
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
