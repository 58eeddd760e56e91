"""Real zeroconf on the loopback interface. Each test has a cluster of its own, so runs do not meet."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from zeroconf import ServiceInfo, Zeroconf

from support.announcements import announce, new_cluster
from support.found import WITHIN_S, FoundListener
from zmqlayer.discovery import MdnsDiscovery
from zmqlayer.discovery.records import SERVICE_TYPE, encode_txt, service_name
from zmqlayer.discovery.responder import Responder
from zmqlayer.limits import Limits
from zmqlayer.ports import Announcement, Candidate

pytestmark = pytest.mark.system

Join = Callable[[Announcement], FoundListener]


def open_loopback() -> Zeroconf:
    return Zeroconf(interfaces=["127.0.0.1"])


def candidate_of(announcement: Announcement) -> Candidate:
    door = announcement.doors[0]
    return Candidate(f"tcp://127.0.0.1:{door.pull}", announcement.node_id, door.tag)


def txt_of(announcement: Announcement) -> dict[bytes, bytes]:
    return encode_txt(announcement.node_id, announcement.doors[0])


def has(*announcements: Announcement) -> Callable[[FoundListener], bool]:
    expected = {candidate_of(announcement) for announcement in announcements}
    return lambda listener: set(listener.candidates) == expected


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """After each test every thread that it started ends."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(WITHIN_S)  # on a busy machine the last goodbye may take longer than stop() waits
    assert set(threading.enumerate()) <= before


@pytest.fixture
def join() -> Iterator[Join]:
    """Start nodes, each with sockets of its own as in a process of its own, and stop them at the end."""
    running: list[MdnsDiscovery] = []

    def start(announcement: Announcement) -> FoundListener:
        listener = FoundListener()
        running.append(MdnsDiscovery("localhost", Responder(open_loopback)))
        running[-1].start(announcement, listener)
        return listener

    yield start
    for discovery in running:
        discovery.stop()


@pytest.fixture
def stranger() -> Iterator[Callable[[Announcement, dict[bytes, bytes], str], None]]:
    """Register what a node would, with any TXT record and host: someone who is wrong or means harm."""
    zeroconf = open_loopback()

    def register(announcement: Announcement, txt: dict[bytes, bytes], host: str) -> None:
        info = ServiceInfo(
            SERVICE_TYPE,
            service_name(announcement.node_id, announcement.doors[0]),
            port=announcement.doors[0].pull,
            properties=txt,
            parsed_addresses=[host],
        )
        assert zeroconf.loop is not None
        registering = zeroconf.async_register_service(info, cooperating_responders=True)
        asyncio.run_coroutine_threadsafe(registering, zeroconf.loop).result(WITHIN_S)

    yield register
    zeroconf.close()


def test_two_nodes_find_each_other(join: Join) -> None:
    """Each of two nodes of a cluster is told of the other, once, with its address and id."""
    cluster = new_cluster()
    one, two = announce(cluster, port=5001), announce(cluster, port=5002)

    first, second = join(one), join(two)

    assert first.wait(has(two))
    assert second.wait(has(one))


def test_what_comes_after_the_start_begins_no_thread(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script may end before mDNS is open. From then on Python 3.12 starts none, and the script finds its peers."""
    cluster, may_open = new_cluster(), threading.Event()
    existing = announce(cluster, port=5001)
    join(existing)

    def open_late() -> Zeroconf:
        may_open.wait(WITHIN_S)
        return open_loopback()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    listener = FoundListener()
    discovery = MdnsDiscovery("localhost", Responder(open_late))
    discovery.start(announce(cluster, port=5002), listener)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        may_open.set()
        has_found = listener.wait(has(existing))
        discovery.stop()

    assert has_found


def test_existing_nodes_are_found_before_settled(join: Join) -> None:
    """A newcomer has been told of every node that exists by the time discovery settles, and settles once."""
    cluster = new_cluster()
    existing = [announce(cluster, port=5001 + number) for number in range(3)]
    assert all(listener.wait_settled() for listener in [join(node) for node in existing])

    newcomer = join(announce(cluster))

    assert newcomer.wait_settled()
    assert has(*existing)(newcomer)
    assert newcomer.settled_count == 1


def test_a_full_table_keeps_no_newcomer_out(join: Join) -> None:
    """Beyond the limit the oldest instances are forgotten, and newcomers are reported all the same."""
    cluster = new_cluster()
    listener = FoundListener()
    watching = MdnsDiscovery("localhost", Responder(open_loopback), Limits(instances=2, lookups=1))
    watching.start(announce(cluster), listener)
    nodes = [announce(cluster, port=5001 + number) for number in range(5)]

    for node in nodes:
        join(node)

    assert listener.wait(has(*nodes))
    watching.stop()


def test_foreign_clusters_are_not_seen(join: Join) -> None:
    """A node of another cluster is never reported, and finds nobody."""
    cluster = new_cluster()
    one, two = announce(cluster, port=5001), announce(cluster, port=5002)
    listeners = [join(one), join(announce(new_cluster())), join(two)]

    assert all(listener.wait_settled() for listener in listeners)
    assert [len(listener.candidates) for listener in listeners] == [1, 0, 1]


def test_nodes_of_one_process_share_sockets_and_meet() -> None:
    """Two nodes behind one zeroconf instance find each other, and the other's stop leaves the first in place."""
    cluster, responder = new_cluster(), Responder(open_loopback)
    one, two = announce(cluster, port=5001), announce(cluster, port=5002)
    first, second = FoundListener(), FoundListener()
    staying, leaving = MdnsDiscovery("localhost", responder), MdnsDiscovery("localhost", responder)
    staying.start(one, first)
    leaving.start(two, second)
    assert first.wait(has(two))
    assert second.wait(has(one))
    assert repr(responder) == "<Responder [2 users]>"

    leaving.stop()

    assert first.wait(has())
    assert repr(responder) == "<Responder [1 users]>"
    staying.stop()


def test_stop_withdraws(join: Join) -> None:
    """A node that stops is lost to the others at once, not when its record expires."""
    cluster = new_cluster()
    staying = join(announce(cluster, port=5001))
    leaving, gone = MdnsDiscovery("localhost", Responder(open_loopback)), announce(cluster, port=5002)
    leaving.start(gone, FoundListener())
    assert staying.wait(has(gone))

    leaving.stop()
    leaving.stop()

    assert staying.wait(has())


def test_stop_while_starting_leaves_nothing(join: Join) -> None:
    """A node that stops right after its start is not seen later on: the announcement does not outlive it."""
    cluster = new_cluster()
    staying = join(announce(cluster))
    assert staying.wait_settled()
    hasty = MdnsDiscovery("localhost", Responder(open_loopback))
    hasty.start(announce(cluster, port=5002), FoundListener())

    hasty.stop()

    assert staying.wait(has())


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # zeroconf drops the one it had opened
def test_unusable_interface_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """An address that no interface has gives one warning, and discovery settles without anybody."""
    listener = FoundListener()
    discovery = MdnsDiscovery("localhost", Responder(lambda: Zeroconf(interfaces=["203.0.113.77"])))
    with caplog.at_level(logging.WARNING, "zmqlayer.discovery"):
        discovery.start(announce(new_cluster()), listener)
        assert listener.wait_settled()
        discovery.stop()

    assert [record.name for record in caplog.records] == ["zmqlayer.discovery"]
    assert listener.settled_count == 1


def test_what_was_refused_at_first_works_later(join: Join, caplog: pytest.LogCaptureFixture) -> None:
    """A machine without a file descriptor to spare, or whose network is not up yet; discovery settles once."""
    refusals = [OSError(24, "Too many open files")]
    cluster = new_cluster()
    visible = announce(cluster, port=5001)
    join(visible)

    def open_later() -> Zeroconf:
        if refusals:
            raise refusals.pop()
        return open_loopback()

    listener = FoundListener()
    discovery = MdnsDiscovery("localhost", Responder(open_later), every_s=0.01)
    with caplog.at_level(logging.INFO, "zmqlayer.discovery"):
        discovery.start(announce(cluster, port=5002), listener)
        assert listener.wait(has(visible))
        discovery.stop()

    assert listener.settled_count == 1
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_unreachable_bind_is_a_warning(join: Join, caplog: pytest.LogCaptureFixture) -> None:
    """A node bound to an address outside its scope is told so; it still finds others."""
    cluster = new_cluster()
    visible = announce(cluster, port=5001)
    first = join(visible)
    assert first.wait_settled()

    second = join(announce(cluster, addresses=("203.0.113.77",)))

    assert second.wait_settled()
    assert has(visible)(second)
    assert first.candidates == []
    assert "203.0.113.77, which nodes of discovery scope 'localhost' cannot reach" in caplog.text


def test_wrong_records_are_ignored(
    join: Join, stranger: Callable[[Announcement, dict[bytes, bytes], str], None]
) -> None:
    """Records that lie, lack something, are huge or point elsewhere are passed over; the right one is found."""
    cluster = new_cluster()
    right = announce(cluster, port=5009)
    nodes = [announce(cluster, port=5001 + number) for number in range(5)]
    stranger(nodes[0], {**txt_of(nodes[0]), b"n": b"00" * 16}, "127.0.0.1")
    stranger(nodes[1], {}, "127.0.0.1")
    stranger(nodes[2], {**txt_of(nodes[2]), b"c": b"ffffffff"}, "127.0.0.1")
    stranger(nodes[3], txt_of(nodes[3]), "192.0.2.77")
    stranger(nodes[4], {f"{number}".encode(): b"x" * 200 for number in range(30)}, "127.0.0.1")
    stranger(right, txt_of(right), "127.0.0.1")

    newcomer = join(announce(cluster))

    assert newcomer.wait_settled()
    assert has(right)(newcomer)
