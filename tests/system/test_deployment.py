"""What ``docs/deployment.md`` promises: two machines on a network, with and without multicast, and how servers end."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from support.cluster import Member
from support.namespaces import Lan, require_namespaces
from support.rooms_run import Rooms, guest

pytestmark = pytest.mark.system

SECRET: Final = "0123456789abcdef" * 4
PAGE: Final = (Path(__file__).parents[2] / "docs" / "deployment.md").read_text(encoding="utf-8")

LISTEN: Final = """
import sys
from websockets.sync.client import connect
with connect(f"ws://127.0.0.1:{sys.argv[1]}/lobby/", origin="http://127.0.0.1") as socket:
    for frame in socket:
        print(frame)
"""
POST: Final = """
import sys, urllib.request
print(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/lobby/notices", data=b"text=From+afar").read())
"""


@pytest.fixture
def lan() -> Iterator[Lan]:
    """A network for two machines."""
    require_namespaces()
    with Lan() as lan:
        yield lan


WITHOUT_MULTICAST: Final = {
    "ZMQLAYER_SECRET": SECRET,
    "ZMQLAYER_DISCOVERY": "off",
    "ZMQLAYER_BIND": "0.0.0.0:5100",
    "ZMQLAYER_SEEDS": "tcp://10.77.0.2:5100",
}


@pytest.mark.parametrize(
    "environ",
    [{"ROOMS_SECRET_KEY": SECRET}, {"ZMQLAYER_SECRET": SECRET}, WITHOUT_MULTICAST],
    ids=["SECRET_KEY", "secret", "seeds"],
)
def test_two_machines_share_a_secret_and_a_room(lan: Lan, environ: dict[str, str]) -> None:
    """The quick start: one key or secret on both machines; without multicast one fixed port and one seed as well."""
    a, b = lan.host("a"), lan.host("b")
    assert (a.address, b.address) == ("10.77.0.2", "10.77.0.3")
    with Rooms(**environ) as rooms:
        port_a, port_b = rooms.daphne(on=a)[1], rooms.daphne(on=b)[1]
        listener, _ = rooms.start("-c", LISTEN, str(port_a), ready="(welcome)", on=a)

        rooms.start("-c", POST, str(port_b), ready="(process)", on=b)

        assert listener.wait_for_line('"kind": "notice", "name": "A view", "text": "From afar"')


def serving(server: tuple[Member, int]) -> Member:
    """Return a server that has served."""
    member, port = server
    with guest(port):
        return member


def working(rooms: Rooms) -> Member:
    """Return a worker that has worked."""
    worker = rooms.worker()
    with guest(rooms.daphne()[1]) as ada:
        ada.say("/roll")
        ada.hear()
    return worker


SERVERS: Final[dict[str, Callable[[Rooms], Member]]] = {
    "`daphne`": lambda rooms: serving(rooms.daphne()),
    "`uvicorn`, one process": lambda rooms: serving(rooms.uvicorn()),
    "`manage.py runworker` of Channels": working,
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("name", SERVERS)
def test_servers_end_as_the_page_says(name: str, number: signal.Signals) -> None:
    """Status 0 is the end of Python, exit functions and all; the signal's own number is the end without them."""
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {name} |"))
    promised = dict(zip([signal.SIGINT, signal.SIGTERM], re.findall(r"\| (in order|cut off) (?=\|)", row), strict=True))

    with Rooms() as rooms:
        status = SERVERS[name](rooms).end(number, within_s=10)

    assert status == (0 if promised[number] == "in order" else -number)


def test_a_shell_shows_that_it_works() -> None:
    """What the page says to type into ``manage.py shell`` works while a server is there."""
    (lines,) = re.findall(r"^from asgiref.sync import.*?(?=^```)", PAGE, re.MULTILINE | re.DOTALL)
    with Rooms() as rooms:
        serving(rooms.daphne())

        done = rooms.run("manage.py", "shell", "-c", f"{lines}\nprint([peer.role for peer in layer.peers()])")

    assert (done[0], done[1].splitlines()[-1]) == (0, "['daphne']")


@pytest.fixture
def leaving(tmp_path: Path) -> Path:
    """A folder with the module ``leaving``: the example's application, with the page's ``lifespan``."""
    (recipe,) = re.findall(r"^async def lifespan.*?return\n", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "leaving.py").write_text(
        "from channels.layers import get_channel_layer\n"
        "from channels.routing import ProtocolTypeRouter\n"
        "from rooms.asgi import application as rooms\n"
        f"{recipe}\n"
        "application = ProtocolTypeRouter({**rooms.application_mapping, 'lifespan': lifespan})\n"
    )
    return tmp_path


MANY: Final = ["uvicorn", "gunicorn"]


def start_two(rooms: Rooms, name: str, folder: Path) -> tuple[Member, int]:
    """Start a server with two processes that leave in order, and return it with its port."""
    if name == "uvicorn":
        return rooms.uvicorn("--workers", "2", "--app-dir", str(folder), application="leaving:application")
    return rooms.gunicorn("-w", "2", "--pythonpath", str(folder), application="leaving:application")


@pytest.mark.parametrize("name", MANY)
def test_processes_of_a_server_leave_in_order_with_the_recipe(leaving: Path, name: str) -> None:
    """On SIGTERM one that still holds a roll looks for a worker, and says that there is none: it was not cut off."""
    with Rooms() as rooms:
        server, port = start_two(rooms, name, leaving)
        with guest(port) as ada:
            ada.say("/roll")
            ada.say("That was asked before the signal")
            ada.hear()

        assert server.end(signal.SIGTERM, within_s=10) == 0
        assert "1 messages were still queued or unread here when the node closed" in server.output
