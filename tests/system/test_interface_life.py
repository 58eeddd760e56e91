"""An interface server from its start to its end: configuration, probes, signals, and the word to systemd."""

from __future__ import annotations

import http.client
import json
import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.cluster import BareWorkerProcess, Cluster
from support.interface_run import InterfaceRun, status_of

pytestmark = pytest.mark.system

HEALTH = ("--liveness-path", "/live", "--readiness-path", "/ready")


def local(port: int) -> http.client.HTTPConnection:
    """Return a connection to a server on loopback."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=10)


@pytest.fixture
def site() -> Iterator[Cluster]:
    """A server of its own with a worker, which ends in this test."""
    with Cluster(1, 1, (*HEALTH, "--stop-delay", "0.5"), BareWorkerProcess) as site:
        yield site


def test_options_come_from_flags_the_environment_and_a_file(tmp_path: Path) -> None:
    """In this order; --check-config shows where each came from and starts nothing."""
    file = tmp_path / "web.toml"
    file.write_text('[interface]\nhttp_timeout = 30\nport = 8030\nbind = "::1"\n[mesh]\ncluster = "file"\n')
    environ = {"ZMQLAYER_INTERFACE_PORT": "8020", "ZMQLAYER_INTERFACE_BIND": "::", "ZMQLAYER_CLUSTER": "shop"}

    with InterfaceRun("--config", str(file), "-p", "8010", "--check-config", environ=environ) as server:
        status, output = server.fails()

    assert status == 0
    assert output.splitlines() == [
        "bind = ('::',)  (ZMQLAYER_INTERFACE_BIND)",
        "port = (8010,)  (--port)",
        f"http_timeout = 30.0  ({file}: [interface] http_timeout)",
        "Everything is in order; cluster shop.",
    ]


def test_a_file_that_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    """It names the file, the key and the one that was meant."""
    file = tmp_path / "web.toml"
    file.write_text("[interface]\nhttp_timout = 30\n")

    with InterfaceRun(environ={"ZMQLAYER_INTERFACE_CONFIG": str(file)}) as server:
        status, output = server.fails()

    assert status == 2
    assert output.endswith(f"Error: {file}: [interface] http_timout is unknown; did you mean http_timeout?\n")


def test_a_misspelt_variable_is_a_warning() -> None:
    """It may be of somebody else, so the server starts."""
    with InterfaceRun("-p", "0", environ={"ZMQLAYER_INTERFACE_HTTP_TIMOUT": "1"}) as server:
        server.wait_for_line("ZMQLAYER_INTERFACE_HTTP_TIMOUT is in the environment, and nobody reads it; did you mean")
        server.port()


def test_without_a_worker_a_server_lives_and_is_not_ready() -> None:
    """Nothing reaches the mesh for that."""
    with InterfaceRun("-p", "0", *HEALTH) as server:
        port = server.port()

        assert (status_of(local(port), "/live"), status_of(local(port), "/ready")) == (200, 503)


def test_a_server_ends_in_order(site: Cluster) -> None:
    """First it is not ready, then a WebSocket is closed with 1001, and a request that runs is answered."""
    server, port = site.servers[0], site.servers[0].port
    assert status_of(local(port), "/ready") == 200
    running, asking = local(port), local(port)
    running.request("GET", "/late/1.5/")
    asking.connect()
    with connect(f"ws://127.0.0.1:{port}/echo/", proxy=None) as talking:
        server.process.send_signal(signal.SIGTERM)
        while status_of(asking, "/ready", is_kept=True) == 200:
            pass

        with pytest.raises(ConnectionClosed) as caught:
            talking.recv(10)

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    assert running.getresponse().read() == b"late"
    asking.close()
    running.close()
    assert server.process.wait(10) == 0


def test_a_second_signal_ends_at_once(site: Cluster) -> None:
    """Whoever waits is cut off."""
    server = site.servers[0]
    waiting = local(server.port)
    status_of(waiting, "/live", is_kept=True)  # the server knows of the connection
    waiting.request("GET", "/late/60/")

    server.process.send_signal(signal.SIGINT)
    server.wait_for_line(r"was told to stop; [12] connections are open")  # it may not have seen that another has ended
    assert server.end(signal.SIGINT, 5) == 0

    with pytest.raises(ConnectionError):
        waiting.getresponse()
    waiting.close()


def test_the_access_log_is_opened_again(tmp_path: Path) -> None:
    """As logrotate needs it; each line is an object if that is wished."""
    log = tmp_path / "access.log"
    options = ("--access-log", str(log), "--access-log-format", "json", *HEALTH)
    with InterfaceRun("-p", "0", *options) as server:
        status_of(local(server.port()), "/live?first")
        log.rename(tmp_path / "access.log.1")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_line("read again what can be read")

        status_of(local(server.port()), "/live?second")
        assert server.end() == 0

    targets = [json.loads(path.read_text())["target"] for path in (tmp_path / "access.log.1", log)]
    assert targets == ["/live?first", "/live?second"]


def test_counts_are_told_while_it_runs_and_at_the_end() -> None:
    """SIGUSR1 changes nothing else."""
    with InterfaceRun("-p", "0", *HEALTH) as server:
        bad = local(server.port())
        assert status_of(bad, "/%ff") == 400

        server.process.send_signal(signal.SIGUSR1)
        server.wait_for_line("connections are open; clients refused: .*: 1$")

        assert status_of(local(server.port()), "/live") == 200
        assert server.end() == 0
        assert server.output.count("connections are open; clients refused") == 2


def test_more_files_may_be_open_than_by_default() -> None:
    """The soft limit is raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with InterfaceRun("-p", "0", "-v", "2") as server:
        server.port()
        limits = Path(f"/proc/{server.pid}/limits").read_text()

        (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
        assert line.split()[3:5] == [str(hard), str(hard)]
        server.wait_for_line(f"{hard} files and connections may be open, {soft} before")


def test_systemd_is_told(tmp_path: Path) -> None:
    """When the server is ready to be asked, and when it stops."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as words:
        words.bind(str(path))
        words.settimeout(20)
        with InterfaceRun("-p", "0", environ={"NOTIFY_SOCKET": str(path)}) as server:
            assert words.recv(100) == b"READY=1"
            server.process.send_signal(signal.SIGTERM)

            assert words.recv(100) == b"STOPPING=1"
            assert server.process.wait(10) == 0
