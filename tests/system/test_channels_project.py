"""``examples/rooms``, a plain Channels 4 project, under real servers: what is posted in one process is seen in all."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from support.clients import ask
from support.rooms_run import ROOMS, Guest, Rooms, guest, guests_of_all

pytestmark = pytest.mark.system

SUPPORT = Path(__file__).parents[1] / "support"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def rooms() -> Iterator[Rooms]:
    """A run of the example, on a mesh of its own."""
    with Rooms() as rooms:
        yield rooms


@pytest.fixture(scope="module")
def ports(rooms: Rooms) -> list[int]:
    """Two Daphnes; a worker is there too."""
    rooms.worker()
    return [rooms.daphne()[1] for _ in range(2)]


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room for one test."""
    name: str = request.node.name
    return name.removeprefix("test_").replace("_", "-")[:40]


@pytest.fixture
def guests(ports: list[int], room: str) -> Iterator[list[Guest]]:
    """One guest at each Daphne, in one room."""
    with guest(ports[0], room) as ada, guest(ports[1], room) as grace:
        yield [ada, grace]


def hear_all(guests: list[Guest], number: int = 1) -> list[list[str]]:
    """Return what each guest hears next."""
    return [guest.hear_texts(number) for guest in guests]


def test_guests_of_two_daphnes_hear_each_other_in_order(guests: list[Guest]) -> None:
    """Both hear every line once, in the order in which it was said."""
    lines = [f"line {number}" for number in range(20)]
    heard = []
    for number, line in enumerate(lines):
        guests[number % 2].say(line)
        heard.append(hear_all(guests))

    assert heard == [[[line], [line]] for line in lines]
    assert guests[0].process != guests[1].process


def test_a_synchronous_view_posts(ports: list[int], room: str, guests: list[Guest]) -> None:
    """``async_to_sync`` in a view reaches the guests of both servers."""
    answer = ask(ports[0], "POST", f"/{room}/notices", b"text=Hello", FORM)

    assert (answer.status, hear_all(guests)) == (202, [["Hello"], ["Hello"]])


def test_a_command_posts_and_ends(rooms: Rooms, room: str, guests: list[Guest]) -> None:
    """A process that sends and exits at once has handed over what it sent, and complains about nothing."""
    done = rooms.run("-W", "error", "manage.py", "notify", room, "From afar")

    assert (done, hear_all(guests)) == ((0, ""), [["From afar"], ["From afar"]])


def test_signals_in_forked_processes_and_threads_post(rooms: Rooms, ports: list[int]) -> None:
    """A task queue's pools: the layer is used, forked, and used by all; each post arrives once."""
    with guest(ports[0]) as ada:
        done = rooms.run("-W", "error", str(SUPPORT / "rooms_tasks.py"), PYTHONPATH=str(ROOMS))
        posts = sorted((post["name"], int(post["text"])) for post in (ada.hear() for _ in range(42)))

    assert done == (0, "")
    assert posts == sorted([("parent", 0), ("parent", 1), *product(["forked", "thread"], range(20))])


def test_each_roll_has_one_taker(rooms: Rooms, guests: list[Guest]) -> None:
    """With two workers on the channel, twenty messages make twenty answers."""
    rooms.worker()
    for _ in range(20):
        guests[0].say("/roll")
    posts = [guest.hear() for _ in range(20) for guest in guests]
    guests[0].say("done")

    assert {post["kind"] for post in posts} == {"rolled"}
    assert hear_all(guests) == [["done"], ["done"]]


def test_the_page_is_served(ports: list[int]) -> None:
    """Every server has the page of any room."""
    answers = [ask(port, "GET", "/lobby/") for port in ports]

    assert [answer.status for answer in answers] == [200, 200]
    assert b"<title>lobby" in answers[0].body


def test_a_roll_waits_for_the_first_worker() -> None:
    """What is sent to a channel that nobody reads stays at its sender until somebody does."""
    with Rooms() as rooms, guest(rooms.daphne()[1]) as ada:
        ada.say("/roll")
        rooms.worker()

        assert ada.hear()["kind"] == "rolled"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_one_server_restarts_while_the_other_stays(number: signal.Signals) -> None:
    """Guests of the one that stays keep their socket and talk to guests of the new process on the old port."""
    with Rooms() as rooms:
        daphne, port = rooms.daphne()
        with guest(rooms.daphne()[1]) as ada:
            daphne.end(number, within_s=10)
            rooms.daphne(port)
            with guest(port) as grace:
                ada.say("Welcome back")
                grace.say("Thanks")

                assert [sorted(texts) for texts in hear_all([ada, grace], 2)] == [["Thanks", "Welcome back"]] * 2


def test_two_processes_of_one_uvicorn() -> None:
    """``--workers 2``: the processes share a port, and guests of both are in one room."""
    with Rooms() as rooms:
        _, port = rooms.uvicorn("--workers", "2")
        with guests_of_all(port, 2) as guests:
            guests[0].say("Hello")

            assert hear_all(guests) == [["Hello"], ["Hello"]]


@pytest.mark.parametrize("application", ["rooms.asgi:application", "preloaded:application"])
def test_processes_that_gunicorn_forked(application: str) -> None:
    """``--preload``: the children are nodes of their own, also when their parent has used the layer before."""
    with Rooms() as rooms:
        _, port = rooms.gunicorn("-w", "2", "--preload", "--pythonpath", str(SUPPORT), application=application)
        _, other = rooms.daphne()
        with guests_of_all(port, 2) as guests, guest(other) as grace:
            answer = ask(port, "POST", "/lobby/notices", b"text=Hello", FORM)

            assert (answer.status, hear_all([*guests, grace])) == (202, [["Hello"]] * 3)


def test_a_gunicorn_worker_is_replaced() -> None:
    """One of the forked processes is killed: guests of the others stay, and the new one is in the mesh."""
    with Rooms() as rooms:
        _, port = rooms.gunicorn("-w", "2", "--preload")
        with guests_of_all(port, 2) as (ada, grace):
            os.kill(grace.process, signal.SIGKILL)
            with guests_of_all(port, 2) as newcomers:
                ada.say("Who is there?")

                assert hear_all([ada, *newcomers]) == [["Who is there?"]] * 3
                assert grace.process not in {newcomer.process for newcomer in newcomers}
