"""Everywhere an interface server may listen, and how it says that it cannot."""

from __future__ import annotations

import http.client
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from support.certificates import Pair, make_pair
from support.interface_run import InterfaceRun, UnixConnection, status_of, trusting

pytestmark = pytest.mark.system

QUICK: Final = ("--worker-timeout", "0.1", "--http-timeout", "0.2")
"""Nobody answers: a request is 503 soon."""


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A certificate and its key."""
    return make_pair(tmp_path, "site")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket that listens, as systemd would pass it."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def local(port: int, host: str = "127.0.0.1") -> http.client.HTTPConnection:
    """Return a connection without TLS."""
    return http.client.HTTPConnection(host, port, timeout=10)


def test_several_addresses_and_ports() -> None:
    """Each --bind has each --port, and IPv6 has brackets."""
    with InterfaceRun("-b", "127.0.0.1:0", "-b", "::1", "-p", "0", *QUICK) as server:
        assert status_of(local(server.port())) == 503
        assert status_of(local(server.port(host=r"\[::1\]"), "::1")) == 503
        assert server.end() == 0


def test_ipv6_for_all_takes_ipv4_too() -> None:
    """As one expects of ``::``."""
    with InterfaceRun("-b", "[::]:0", *QUICK) as server:
        port = server.port(host=r"\[::\]")

        assert [status_of(local(port, host)) for host in ("::1", "127.0.0.1")] == [503, 503]


def test_a_name_stands_for_all_its_addresses() -> None:
    """One port, whatever the family."""
    with InterfaceRun("-b", "localhost:0", *QUICK) as server:
        assert status_of(local(server.port(host="localhost"), "127.0.0.1")) == 503


def test_a_unix_socket_has_the_permissions_asked_for(tmp_path: Path) -> None:
    """It is gone when the server has ended."""
    path = tmp_path / "web.sock"
    with InterfaceRun("-u", str(path), "--unix-socket-mode", "600", *QUICK) as server:
        server.wait_for_line("^Listening on unix:")

        assert status_of(UnixConnection(path)) == 503
        assert path.stat().st_mode & 0o777 == 0o600
        assert server.end() == 0
    assert not path.exists()


def test_a_socket_of_a_killed_server_is_taken_over_and_that_of_a_live_one_is_not(tmp_path: Path) -> None:
    """The file alone says nothing: whether somebody answers does."""
    path = tmp_path / "web.sock"
    with InterfaceRun("-u", str(path)) as killed:
        killed.wait_for_line("^Listening on unix:")
        killed.kill()
    with InterfaceRun("-u", str(path), *QUICK) as server:
        server.wait_for_line("^Listening on unix:")
        with InterfaceRun("-u", str(path)) as second:
            status, output = second.fails()

        assert (status, status_of(UnixConnection(path))) == (1, 503)
        assert output == f"Error: cannot listen on {path}: another process does; stop it, or choose another path\n"


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    """A typing error costs nothing."""
    path = tmp_path / "notes.txt"
    path.write_text("dear")
    with InterfaceRun("-u", str(path)) as server:
        assert server.fails()[0] == 1
    assert path.read_text() == "dear"


def test_sockets_of_systemd_are_found(listening: socket.socket) -> None:
    """Without an option; connections wait in the socket while the server starts."""
    early = local(listening.getsockname()[1])
    with closing(early), InterfaceRun(*QUICK, passed=[listening]) as server:
        early.connect()
        server.port()

        assert status_of(early) == 503
        assert server.end() == 0


def test_a_unix_socket_of_systemd_stays_systemds(tmp_path: Path) -> None:
    """Its permissions are not changed, and its file is there for the next server."""
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened:
        opened.bind(str(path))
        path.chmod(0o640)
        opened.listen()
        with InterfaceRun(*QUICK, passed=[opened]) as server:
            server.wait_for_line(r"^Listening on unix:.*web\.sock \(inherited\)")

            assert status_of(UnixConnection(path)) == 503
            assert server.end() == 0
        assert path.stat().st_mode & 0o777 == 0o640


def test_one_socket_of_systemd_may_be_plain(pair: Pair, listening: socket.socket) -> None:
    """With a certificate the others speak TLS."""
    with socket.create_server(("127.0.0.1", 0)) as plain:
        options = ("--tls-cert", str(pair.cert), "--tls-key", str(pair.key), *QUICK)
        with InterfaceRun(*options, passed=[listening, plain], names="https:http") as server:
            secure = http.client.HTTPSConnection("localhost", server.port("https"), context=trusting(pair.cert))

            assert status_of(secure) == 503
            assert status_of(local(server.port("http"))) == 503


def test_an_inherited_descriptor_is_named(listening: socket.socket) -> None:
    """As supervisors pass it that do not speak systemd's language."""
    with InterfaceRun("--fd", "3", *QUICK, passed=[listening], names="-") as server:
        assert status_of(local(server.port())) == 503


def test_a_descriptor_that_is_no_socket_is_a_sentence() -> None:
    """It names the number."""
    with InterfaceRun("--fd", "99") as server:
        status, output = server.fails()

    assert (status, output) == (
        1,
        "Error: cannot listen on file descriptor 99: no socket was passed to this process there\n",
    )


def test_an_endpoint_string_may_be_anything_that_twisted_knows(tmp_path: Path) -> None:
    """Several are possible."""
    path = tmp_path / "web.sock"
    with InterfaceRun("-e", f"unix:{path}", "-e", "tcp:0:interface=127.0.0.1", *QUICK) as server:
        server.wait_for_line("^Listening on endpoint tcp:0")

        assert status_of(UnixConnection(path)) == 503


def test_tls_is_spoken_and_a_new_certificate_is_taken(pair: Pair, tmp_path: Path) -> None:
    """SIGHUP reads it; who is connected stays so. One that cannot be read changes nothing."""
    with InterfaceRun("-p", "0", "--tls-cert", str(pair.cert), "--tls-key", str(pair.key), *QUICK) as server:
        port = server.port("https")
        old = http.client.HTTPSConnection("localhost", port, context=trusting(pair.cert), timeout=10)
        assert status_of(old, is_kept=True) == 503
        pair.key.write_text("nothing")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_line("the certificate stays as it was: .*site.key holds no private key")
        fresh = make_pair(tmp_path, "fresh")
        fresh.key.replace(pair.key)
        fresh.cert.replace(pair.cert)

        server.process.send_signal(signal.SIGHUP)
        server.wait_for_line(r"(?s)read again.*read again")

        new = http.client.HTTPSConnection("localhost", port, context=trusting(pair.cert), timeout=10)
        assert [status_of(old), status_of(new)] == [503, 503]
        assert server.end() == 0


@pytest.mark.parametrize(
    ("options", "chosen"), [((), "h2"), (("--no-http2",), "http/1.1")], ids=["with HTTP/2", "without"]
)
@pytest.mark.parametrize("is_endpoint", [False, True], ids=["-p", "-e"])
def test_http2_is_offered(pair: Pair, options: tuple[str, ...], chosen: str, is_endpoint: bool) -> None:
    """On our own ports and on endpoints of Twisted's."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = ("-b", f"127.0.0.1:{port}", "--tls-cert", str(pair.cert), "--tls-key", str(pair.key))
    if is_endpoint:
        where = ("-e", f"ssl:{port}:interface=127.0.0.1:privateKey={pair.key}:certKey={pair.cert}")
    context = trusting(pair.cert)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with InterfaceRun(*where, *options) as server:
        server.wait_for_line("^Listening on ")
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert secure.selected_alpn_protocol() == chosen


def test_old_tls_is_refused(pair: Pair) -> None:
    """TLS 1.1 is not spoken any more (RFC 8996)."""
    with InterfaceRun("-p", "0", "--tls-cert", str(pair.cert), "--tls-key", str(pair.key)) as server:
        context = trusting(pair.cert)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-SHA:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", server.port("https")), 10) as plain, pytest.raises(ssl.SSLError):
            context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--tls-cert", "/nowhere/site.pem"), "Error: cannot read /nowhere/site.pem: No such file or directory\n"),
        (("-b", "192.0.2.1"), "this machine has no such address; -b 0.0.0.0 and -b :: stand for all"),
        (("-b", "nowhere.invalid"), "Error: cannot listen on nowhere.invalid: the name is not known: "),
        (("--access-log", "/nowhere/access.log"), "Error: cannot write the access log /nowhere/access.log: No such"),
        (("-u", "/nowhere/web.sock"), "Error: cannot listen on /nowhere/web.sock: No such file or directory\n"),
        (("-e", "xyzzy:80"), "Error: cannot listen on xyzzy:80: it is no endpoint that Twisted can open"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(options: tuple[str, ...], sentence: str) -> None:
    """With the cure, status 1, and without a traceback."""
    with InterfaceRun(*options) as server:
        status, output = server.fails()

    assert status == 1
    assert sentence in output
    assert "Traceback" not in output
