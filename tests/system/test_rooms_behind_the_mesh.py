"""A project on Channels 4, unchanged, on workers behind an interface server: nothing of it listens on a port."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from support.cluster import Member
from support.rooms_run import Guest, Rooms, guest, guests_of_all

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

SOON_S = 15.0


@dataclass(frozen=True)
class Site:
    """A server, and two workers that run the application."""

    rooms: Rooms
    port: int
    start: Callable[[], Member]
    workers: list[Member]


@pytest.fixture(scope="module", params=["zmqlayer worker", "runworker --asgi"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """All of it, linked."""
    with Rooms() as rooms:
        port = rooms.interface()[1]
        start = rooms.django_application if "--asgi" in request.param else rooms.application
        yield Site(rooms, port, start, [start() for _ in range(2)])


@pytest.fixture
def guests(site: Site) -> Iterator[list[Guest]]:
    """One guest at each worker."""
    with guests_of_all(site.port, 2) as found:
        yield found


def test_guests_of_two_workers_talk(site: Site, guests: list[Guest]) -> None:
    """Groups reach across processes; consumers are ``AsyncJsonWebsocketConsumer``."""
    for number, each in enumerate(guests):
        each.say(f"hello {number}")

        assert [other.hear_texts(1) for other in guests] == [[f"hello {number}"]] * 2
    assert {each.process for each in guests} == {worker.pid for worker in site.workers}


def test_views_post_into_a_room(site: Site, guests: list[Guest]) -> None:
    """A page comes from Django, and a synchronous view reaches the guests of both workers."""
    page = httpx.get(f"http://127.0.0.1:{site.port}/lobby/", timeout=SOON_S)
    posted = httpx.post(f"http://127.0.0.1:{site.port}/lobby/notices", data={"text": "tea"}, timeout=SOON_S)

    assert (page.status_code, posted.status_code) == (200, 202)
    assert "<title>lobby" in page.text
    assert [each.hear_texts(1) for each in guests] == [["tea"], ["tea"]]


def test_a_worker_of_channels_serves_them(site: Site, guests: list[Guest]) -> None:
    """``manage.py runworker dice`` of Channels takes what a consumer sends to a named channel."""
    site.rooms.worker()

    guests[0].say("/roll")

    assert [each.hear()["kind"] for each in guests] == ["rolled", "rolled"]


def test_django_needs_one_node(site: Site) -> None:
    """With ``runworker --asgi`` the connections and the project's own layer share a node; else each has its own."""
    nodes = [len(re.findall(r"listens at tcp://", worker.output)) for worker in site.workers]

    assert nodes == ([1, 1] if site.start == site.rooms.django_application else [2, 2])


def test_a_worker_stops(site: Site) -> None:
    """Its guests are told to come back, and the other worker has them."""
    stopped = site.start()
    with ExitStack() as stack:
        stack.enter_context(guests_of_all(site.port, 3))

        assert stopped.end(signal.SIGTERM, SOON_S) == 0
        ada = stack.enter_context(guest(site.port))
        ada.say("still here")
        assert ada.hear_texts(1) == ["still here"]
