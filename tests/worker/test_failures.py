"""What a client hears of a failure."""

from __future__ import annotations

from zmqlayer.worker.failures import SERVER_ERROR, answer_to_failure, is_awaited


def test_each_answer_is_a_message_of_its_own() -> None:
    """Whoever adds to one does not change the next."""
    first = answer_to_failure("http.request", None)
    assert first is not None
    first["order"] = 7

    assert answer_to_failure("http.request", None) == SERVER_ERROR


def test_who_waits() -> None:
    """A request and a handshake stand still until they are answered."""
    assert [is_awaited(name) for name in ("http.request", "websocket.connect", "websocket.receive", "x")] == [
        True, True, False, False,
    ]  # fmt: skip
