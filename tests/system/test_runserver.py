"""``manage.py runserver`` as a developer uses it, in a small project."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from websockets.sync.client import connect

from support.development import DevelopmentRun, started, write_project

pytestmark = pytest.mark.system

SOON_S = 20.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of a project."""
    write_project(tmp_path, f"runserver-{secrets.token_hex(4)}")
    return tmp_path


def read(port: int, path: str = "/", host: str = "127.0.0.1") -> str:
    """Return a page's text."""
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=SOON_S) as response:
        text: str = response.read().decode()
        return text


def talk(port: int, words: str) -> str | bytes:
    """Say something on a WebSocket, and return what comes back."""
    with connect(f"ws://127.0.0.1:{port}/echo/", open_timeout=SOON_S) as client:
        client.send(words)
        return client.recv(SOON_S)


def end_by_terminal(run: DevelopmentRun) -> int:
    """Hit Ctrl-C, which a terminal sends to the whole group of processes; return the status."""
    os.killpg(run.pid, signal.SIGINT)
    return run.process.wait(5)


def test_a_site_in_one_process(project: Path) -> None:
    """It serves pages, static files and WebSockets, and a line is written for each."""
    with DevelopmentRun(project, "runserver", "0", "--noreload") as run:
        port = run.port()

        page, style, echo = read(port), read(port, "/static/style.css"), talk(port, "quietly")

        assert (page, style, echo) == (f"hello from {run.pid}", "body { color: teal }\n", "QUIETLY")
        run.wait_for_line(r'^\[\d\d/\w{3}/\d{4} \d\d:\d\d:\d\d\] "GET / HTTP/1\.1" 200 \d+$')
        run.wait_for_line(r'"GET /static/style\.css HTTP/1\.1" 200 21$')
        run.wait_for_line(r'"GET /echo/ HTTP/1\.1" 101 ')


def test_what_it_says(project: Path) -> None:
    """The checks, the version, the settings, the address, how to end it, and that it is not for production."""
    with DevelopmentRun(project, "runserver", "0", "--noreload", "--nothreading") as run:
        port = run.port()
        run.wait_for_line("^For more information on production servers see")

        cluster = re.search(r'"cluster": "([\w-]+)"', (project / "small/settings.py").read_text())
        assert cluster is not None
        assert re.sub(r"\w+ \d\d, \d{4} - \S+", "TODAY", run.output).splitlines()[:8] == [
            "Performing system checks...",
            "",
            "System check identified no issues (0 silenced).",
            f"A worker with 1 thread runs in this process, in cluster '{cluster[1]}'.",
            "TODAY",
            re.search(r"^Django version 5\.2\S*, using settings 'small\.settings'$", run.output, re.MULTILINE)[0],
            f"Starting development server at http://127.0.0.1:{port}/",
            "Quit the server with CONTROL-C.",
        ]


def test_it_starts_again_when_a_file_changes(project: Path) -> None:
    """The page is the new one, from a new process."""
    with DevelopmentRun(project, "runserver", "0") as run:
        before = read(run.port())

        run.change(project / "small/words.py", "GREETING = 'good morning'\n", started(2))
        after = run.ask_again(read, 2)

        assert re.match("hello from", before)
        assert re.match("good morning from", after)
        assert before.split()[-1] != after.split()[-1]


def test_a_broken_file_is_not_the_end(project: Path) -> None:
    """Its traceback is shown; when it is mended, the site starts again."""
    with DevelopmentRun(project, "runserver", "0") as run:
        run.port()

        run.change(project / "small/routing.py", "this is no Python\n", "SyntaxError")
        run.change(project / "small/routing.py", "routes = []\n", started(2))

        assert run.ask_again(read, 2).startswith("hello")


def test_a_wrong_setting_is_not_the_end(project: Path) -> None:
    """It is a sentence, and the site waits for the change that mends it."""
    settings = project / "small/settings.py"
    right = settings.read_text()
    settings.write_text(right.replace('"cluster"', '"clutser"'))
    with DevelopmentRun(project, "runserver", "0") as run:
        run.wait_for_line(r"^Error: SystemCheckError: System check identified some issues:(.|\n)*clutser")

        run.change(settings, right, started(1))

        assert read(run.port()).startswith("hello")
        assert "Traceback" not in run.output


@pytest.mark.parametrize("options", [(), ("--noreload",)], ids=["reloading", "not reloading"])
def test_ctrl_c_ends_it(project: Path, options: tuple[str, ...]) -> None:
    """At once, and without a traceback."""
    with DevelopmentRun(project, "runserver", "0", *options) as run:
        read(run.port())

        status = end_by_terminal(run)

        assert status == 0
        assert "Traceback" not in run.output
        assert "KeyboardInterrupt" not in run.output


@pytest.mark.parametrize("options", [(), ("--noreload",)], ids=["reloading", "not reloading"])
def test_a_port_that_is_in_use(project: Path, options: tuple[str, ...]) -> None:
    """It says so in Django's words, and ends."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with DevelopmentRun(project, "runserver", str(other.getsockname()[1]), *options) as run:
            status = run.process.wait(SOON_S)
            run.wait_for_line(r"^Error: That port is already in use\.$")

    assert status == 1
    assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["eight"], r'^CommandError: "eight" is not a valid port number or address:port pair\.$'),
        (["192.0.2.1:0", "--noreload"], r"^Error: That IP address can't be assigned to\.$"),
        (["no-such-host.invalid:0", "--noreload"], "^Error: cannot listen on no-such-host.invalid: the name is not "),
        (["0", "--noreload", "--http-timeout", "long"], "^Error: --http-timeout: 'long' is not a number of seconds$"),
        (["0", "--noreload", "--noworker", "--nointerface"], "^Error: --nointerface and --noworker leave nothing "),
        (["0", "--noreload", "--layer", "other"], r"^Error: CHANNEL_LAYERS\['other'\] is missing; the settings have "),
    ],
)
def test_mistakes_have_a_sentence(project: Path, options: list[str], sentence: str) -> None:
    """A wrong address or option ends it with status 1 and no traceback."""
    with DevelopmentRun(project, "runserver", *options) as run:
        status = run.process.wait(SOON_S)
        run.wait_for_line(sentence)

    assert status == 1
    assert "Traceback" not in run.output


def test_other_addresses(project: Path) -> None:
    """IPv6, and all addresses of the machine."""
    with (
        DevelopmentRun(project, "runserver", "[::1]:0", "--noreload") as six,
        DevelopmentRun(project, "runserver", "0.0.0.0:0", "--noreload") as every,
    ):
        assert read(six.port(), host="[::1]").startswith("hello")
        assert read(every.port()).startswith("hello")


def test_server_and_worker_in_two_terminals(project: Path) -> None:
    """``--noworker`` leaves the work to a worker of the same settings; nothing else is said to them."""
    with (
        DevelopmentRun(project, "runserver", "0", "--noreload", "--noworker") as server,
        DevelopmentRun(project, "runworker") as worker,
    ):
        worker.wait_for_line("^worker .* found interface")

        assert read(server.port()) == f"hello from {worker.pid}"
        assert "No worker here: 'manage.py runworker' is one" in server.output


def test_worker_and_server_in_two_terminals(project: Path) -> None:
    """``--nointerface`` leaves the clients to a server of the same settings."""
    with (
        DevelopmentRun(project, "runserver", "--nointerface", "--noreload") as worker,
        DevelopmentRun(project, "runinterface", "--port", "0") as server,
    ):
        port = int(server.wait_for_line(r"^Listening on http://127\.0\.0\.1:(\d+), cluster runserver-")[1])

        assert read(port) == f"hello from {worker.pid}"


def test_a_project_without_layers(project: Path) -> None:
    """It gets one for this process, and is told."""
    settings = project / "small/settings.py"
    settings.write_text(settings.read_text() + "\nCHANNEL_LAYERS = {}\n")
    with DevelopmentRun(project, "runserver", "0", "--noreload") as run:
        assert read(run.port()).startswith("hello")
        assert "The settings have no CHANNEL_LAYERS: this process has a layer of its own" in run.output


def test_static_files_without_debug(project: Path) -> None:
    """Only with ``--insecure``, as its name says."""
    settings = project / "small/settings.py"
    settings.write_text(settings.read_text() + "\nDEBUG = False\nALLOWED_HOSTS = ['127.0.0.1']\n")
    with DevelopmentRun(project, "runserver", "0", "--noreload", "--insecure") as run:
        assert read(run.port(), "/static/style.css") == "body { color: teal }\n"
    with (
        DevelopmentRun(project, "runserver", "0", "--noreload") as run,
        pytest.raises(urllib.error.HTTPError) as caught,
    ):
        read(run.port(), "/static/style.css")
    caught.value.close()


def test_no_static_files(project: Path) -> None:
    """``--nostatic`` leaves the paths of static files to the project."""
    with (
        DevelopmentRun(project, "runserver", "0", "--noreload", "--nostatic") as run,
        pytest.raises(urllib.error.HTTPError) as caught,
    ):
        read(run.port(), "/static/style.css")

    assert caught.value.code == 404
    caught.value.close()
