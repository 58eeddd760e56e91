"""Seeds by name: what a name stands for is named and withdrawn, and a resolver that fails or hangs does no harm."""

from __future__ import annotations

import logging
import queue
import socket
import threading

import pytest

from support.announcements import announce
from support.found import WITHIN_S, FoundListener
from zmqlayer.discovery.dns import DnsDiscovery, DnsName, look_up
from zmqlayer.ports import Candidate

ANNOUNCEMENT = announce("0a1b2c3d")
SEED = "dns://mesh.example:5757"
MOST = 4
NO_NAME = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
NO_ANSWER = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def at(*hosts: str) -> list[Candidate]:
    return [Candidate(f"tcp://{host}:5757") for host in hosts]


class Resolver:
    """A resolver that answers each question when the test says what; nobody waits in between."""

    def __init__(self) -> None:
        self.answers: queue.Queue[list[str] | OSError] = queue.Queue()
        self.asked: queue.Queue[str] = queue.Queue()

    def __call__(self, name: str) -> list[str]:
        self.asked.put(name)
        answer = self.answers.get(timeout=WITHIN_S)
        if isinstance(answer, OSError):
            raise answer
        return answer


def test_all_addresses_of_a_name_are_found() -> None:
    """Every address, IPv4 and IPv6, becomes a candidate; what nobody can dial does not."""
    name = DnsName(SEED, MOST)

    came, went = name.answer(["10.0.0.1", "fd00::1", "10.0.0.1", "0.0.0.0", "::", "224.0.0.1"])

    assert came == at("10.0.0.1", "[fd00::1]")
    assert went == []


def test_a_name_in_an_address_is_a_name() -> None:
    """``tcp://name:port`` means what ``dns://name:port`` does."""
    name = DnsName("tcp://mesh.example:5757", MOST)

    assert name.answer(["10.0.0.1", "fd00::1"]) == (at("10.0.0.1", "[fd00::1]"), [])


def test_what_a_name_drops_is_withdrawn() -> None:
    """From one look to the next only the difference is reported."""
    name = DnsName(SEED, MOST)
    name.answer(["10.0.0.1", "10.0.0.2"])

    assert name.answer(["10.0.0.3", "10.0.0.2"]) == (at("10.0.0.3"), at("10.0.0.1"))


def test_addresses_have_a_bound() -> None:
    """A name that stands for thousands gives no more than the limit."""
    came, _ = DnsName(SEED, MOST).answer(f"10.0.0.{number}" for number in range(1, 200))

    assert len(came) == MOST


def test_a_name_that_is_gone_withdraws_its_addresses() -> None:
    """A name that does not exist stands for nothing."""
    name = DnsName(SEED, MOST)
    name.answer(["10.0.0.1"])

    assert name.failure(NO_NAME) == at("10.0.0.1")


def test_a_resolver_that_is_away_withdraws_nothing() -> None:
    """While nobody can be asked, what was known stays."""
    name = DnsName(SEED, MOST)
    name.answer(["10.0.0.1"])

    assert name.failure(NO_ANSWER) == []
    assert name.answer(["10.0.0.1"]) == ([], [])


def test_failures_are_named_once_and_when_they_end(caplog: pytest.LogCaptureFixture) -> None:
    """A name that cannot be looked up is one warning, and one line when it can be again."""
    name = DnsName(SEED, MOST)
    with caplog.at_level(logging.INFO, "zmqlayer.discovery"):
        for _ in range(3):
            name.failure(NO_ANSWER)
        name.answer([])
        name.answer([])

    assert [record.getMessage() for record in caplog.records] == [
        "the seed mesh.example cannot be looked up: Temporary failure in name resolution; it is tried again every 5 s",
        "the seed mesh.example can be looked up again",
    ]


def test_names_are_looked_up_again() -> None:
    """A name is looked up at start and again and again, and what changed is reported."""
    resolver, listener = Resolver(), FoundListener()
    discovery = DnsDiscovery([SEED], MOST, resolver, every_s=0.0)
    discovery.start(ANNOUNCEMENT, listener)

    resolver.answers.put(["10.0.0.1"])
    assert listener.wait(lambda listener: listener.candidates == at("10.0.0.1"))
    resolver.answers.put(NO_ANSWER)
    resolver.answers.put(["10.0.0.2"])
    assert listener.wait(lambda listener: listener.candidates == at("10.0.0.2"))

    discovery._stopping.set()
    resolver.answers.put([])
    discovery.stop()
    assert resolver.asked.get() == "mesh.example"
    assert listener.settled_count == 1


def test_settled_when_each_name_was_looked_up() -> None:
    """The look around is over when the slowest name has answered, or failed."""
    resolver, listener = Resolver(), FoundListener()
    discovery = DnsDiscovery([SEED, "dns://other.example:1"], MOST, resolver, every_s=1000.0)
    discovery.start(ANNOUNCEMENT, listener)
    resolver.answers.put(["10.0.0.1"])
    assert listener.wait(lambda listener: bool(listener.candidates))
    assert listener.settled_count == 0

    resolver.answers.put(NO_NAME)

    assert listener.wait_settled()
    discovery.stop()


def test_stop_does_not_wait_for_a_resolver() -> None:
    """Stopping returns while a look hangs; what that finds in the end is not reported."""
    may_answer, listener = threading.Event(), FoundListener()

    def hang(name: str) -> list[str]:
        may_answer.wait(WITHIN_S)
        return ["10.0.0.1"]

    discovery = DnsDiscovery([SEED], MOST, hang)
    discovery.start(ANNOUNCEMENT, listener)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "zmqlayer-dns"]

    discovery.stop()
    assert thread.is_alive()

    may_answer.set()
    thread.join(WITHIN_S)
    assert (listener.candidates, listener.settled_count) == ([], 0)


def test_a_start_without_a_thread_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that are looked up already are not looked up twice; and what began can be stopped."""
    starts, left = threading.Thread.start, iter([True, False])

    def start_one(thread: threading.Thread) -> None:
        if not next(left):
            raise RuntimeError("can't start new thread")
        starts(thread)

    resolver, listener = Resolver(), FoundListener()
    discovery = DnsDiscovery([SEED, "dns://other.example:1"], MOST, resolver, every_s=1000.0)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(threading.Thread, "start", start_one)
        discovery.start(ANNOUNCEMENT, listener)
    first = resolver.asked.get(timeout=WITHIN_S)

    discovery.start(ANNOUNCEMENT, listener)

    assert (first, resolver.asked.get(timeout=WITHIN_S)) == ("mesh.example", "other.example")
    for _ in range(2):
        resolver.answers.put(NO_NAME)
    assert listener.wait_settled()
    discovery.stop()
    assert resolver.asked.empty()


def test_stop_needs_no_start() -> None:
    """Stopping what never started does nothing."""
    DnsDiscovery([SEED], MOST).stop()


def test_the_system_is_asked() -> None:
    """The system's resolver knows this machine, and says so when a name is none."""
    assert {"127.0.0.1", "::1"} & set(look_up("localhost"))
    with pytest.raises(OSError, match=r"not known|resolution"):
        look_up("nowhere.invalid")


@pytest.mark.parametrize("name", ["a..b", "a" * 64])
def test_what_cannot_be_asked_for_is_no_name(name: str) -> None:
    """A seed may have any text as its host; nobody is asked for what no resolver takes."""
    with pytest.raises(OSError, match="not a name") as caught:
        look_up(name)

    assert caught.value.errno == socket.EAI_NONAME
