"""The sentences that the demo prints."""

from __future__ import annotations

import signal

import pytest

from demo import wording
from demo.events import PeerChanged


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (PeerChanged("worker", "7f3a", "ready", 0.0404), "worker 7f3a joined, 40 ms"),
        (PeerChanged("interface", "7f3a", "ready", None), "server 7f3a joined"),
        (PeerChanged("worker", "7f3a", "silent", None), "worker 7f3a does not answer"),
        (PeerChanged("worker", "7f3a", "gone", None), "worker 7f3a left"),
        (PeerChanged("worker", "7f3a", "new-state", None), "worker 7f3a is new-state"),
    ],
)
def test_each_change_has_a_line(change: PeerChanged, line: str) -> None:
    """A line names the role, the peer and what happened, and the time where it is known."""
    assert wording.describe_change(change) == line


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (3, "worker 1 ended with exit code 3"),
        (-signal.SIGKILL, "worker 1 was ended by SIGKILL"),
        (-99, "worker 1 was ended by signal 99"),
    ],
)
def test_each_end_has_a_sentence(code: int, sentence: str) -> None:
    """Exit codes and signals are told apart, and signals have names."""
    assert wording.describe_end("worker 1", code) == sentence


def test_quote_of_a_silent_child() -> None:
    """A child that wrote nothing is not quoted with an empty heading."""
    assert wording.quote("worker 1", []) == "  worker 1 wrote nothing."


def test_ready_names_urls_and_pids() -> None:
    """Whoever reads the text finds each address, and the process to kill."""
    text = wording.ready(["http://a/", "http://b/"], [("server 1", 10), ("worker 1", 11)])
    assert all(part in text for part in ("  http://a/", "  http://b/", "curl http://a/api/whoami", "kill -9 11"))
