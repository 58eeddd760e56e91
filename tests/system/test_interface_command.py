"""``python -m zmqlayer.interface`` as a process."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

pytestmark = pytest.mark.system

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers on loopback that find nobody, and ends them."""
    processes = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-Im", "zmqlayer.interface", "--discovery", "off", *arguments]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ZMQLAYER_")}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def url_of(process: subprocess.Popen[str]) -> str:
    """Wait for the line that says where the server listens."""
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"Listening on (http://127\.0\.0\.1:\d+), cluster demo\n", line)
    assert match, line
    return match[1]


def test_it_serves_and_stops(start: Start) -> None:
    """Without a worker a request is answered with 503 in time; two signals at once end it like one."""
    process = start("-p", "0", "--cluster", "demo", "--worker-timeout", "0.2", "--access-log", "-")
    url = url_of(process)

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url + "/page", timeout=5)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=2)

    assert (caught.value.code, caught.value.headers["Retry-After"]) == (503, "1")
    caught.value.close()
    assert process.returncode == 0
    assert '"GET /page HTTP/1.1" 503' in output
    assert "Traceback" not in errors


def test_a_port_in_use_is_one_sentence(start: Start) -> None:
    """It names the port and the cure."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        _, errors = (process := start("-p", str(port))).communicate(timeout=10)

    assert process.returncode == 1
    sentence = "it is in use; stop what uses it, or choose another port with -p"
    assert errors == f"Error: cannot listen on 127.0.0.1 port {port}: {sentence}\n"


def test_an_address_that_is_not_ours_is_one_sentence(start: Start) -> None:
    """The system's own words, without a traceback."""
    _, errors = (process := start("-b", "192.0.2.1", "-p", "0")).communicate(timeout=10)

    assert process.returncode == 1
    assert errors.startswith("Error: cannot listen on 192.0.2.1 port 0: ")
    assert errors.count("\n") == 1
