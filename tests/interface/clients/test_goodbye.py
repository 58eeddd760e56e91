"""How the server closes: it waits for what is to be taken, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.connections import ACCEPT, Site, close_frame, get, split_response, upgrade
from support.tls_client import TlsClient
from zmqlayer.interface.clients.goodbye import GOODBYE_S

SiteMaker = Callable[..., Site]
Come = Callable[..., TlsClient]

CLOSE = get("/", b"Connection: close")


def serve(site: Site, client: TlsClient, request: bytes = CLOSE) -> None:
    """Let a client ask, and read the answer of a worker."""
    client.send(request)
    site.layer.reply.push({"status": 200, "content": b"abc"})
    assert split_response(client.read())[2] == b"abc"


def test_a_goodbye_that_is_answered_ends_the_connection(site: Site, come_by_tls: Come) -> None:
    """At once."""
    client = come_by_tls(site)
    serve(site, client)
    assert not client.is_ended

    client.say_goodbye()

    assert (client.is_ended, client.is_aborted) == (True, False)


def test_an_answer_to_the_goodbye_is_not_waited_for(site: Site, come_by_tls: Come) -> None:
    """The connection ends in order, and nobody is at fault (RFC 8446, 6.1)."""
    client = come_by_tls(site)
    serve(site, client)

    site.clock.advance(GOODBYE_S)

    assert (client.is_ended, client.is_aborted) == (True, False)
    assert not site.faults.counts


@pytest.mark.parametrize("request_", [b"", get()])
def test_an_idle_client_is_not_waited_for(site: Site, come_by_tls: Come, request_: bytes) -> None:
    """It does not look at its connection, neither when that was idle for too long nor when the server stops."""
    idle, stopped = come_by_tls(site), come_by_tls(site)
    if request_:
        serve(site, idle, request_)
    site.clock.advance(59)
    if request_:
        serve(site, stopped, request_)

    site.clock.advance(1)
    site.factory.stop(10.0)
    site.clock.advance(GOODBYE_S)

    assert (idle.is_ended, stopped.is_ended) == (True, True)
    assert not site.faults.counts


def test_the_goodbye_is_read_though_reading_was_paused(site: Site, come_by_tls: Come) -> None:
    """The client sent more than is answered: that is thrown away."""
    client = come_by_tls(site)
    client.send(CLOSE)
    client.send(get("/2"))
    assert client.below.producerState == "paused"
    site.layer.take_one("http.request")

    site.layer.reply.push({"status": 200, "content": b"abc"})
    client.send(get("/3"))
    client.say_goodbye()

    assert client.is_ended
    assert site.layer.take() == []


def test_what_was_written_is_waited_for(site: Site, come_by_tls: Come) -> None:
    """As long as the client takes something of it; then a second more."""
    client = come_by_tls(site)
    serve(site, client)
    client.below.dataBuffer = bytes(200)

    for _ in range(199):
        client.below.dataBuffer = client.below.dataBuffer[1:]
        site.clock.advance(1)
    assert not client.is_ended
    client.below.dataBuffer = b""
    site.clock.advance(1)

    assert (client.is_ended, client.is_aborted) == (True, False)


def test_who_does_not_take_it_is_cut_off(site: Site, come_by_tls: Come) -> None:
    """That is a fault, and counted."""
    client = come_by_tls(site)
    serve(site, client)
    client.below.dataBuffer = bytes(200)

    site.clock.pump([1.0] * 59)
    assert not client.is_ended
    site.clock.advance(1)

    assert client.is_aborted
    assert site.faults.counts == {"slow reader": 1}


def test_a_websocket_ends_likewise(site: Site, come_by_tls: Come) -> None:
    """After the closing handshake."""
    client = come_by_tls(site)
    client.send(upgrade())
    site.layer.reply.push({"accept": True})
    assert ACCEPT in client.read()

    client.send(close_frame(1000))
    assert not client.is_ended
    site.clock.advance(GOODBYE_S)

    assert (client.is_ended, client.is_aborted) == (True, False)


def test_who_was_turned_away_is_not_waited_for(make_site: SiteMaker, come_by_tls: Come) -> None:
    """It holds its place no longer than one that was not."""
    site = make_site(connections_per_address=1)
    come_by_tls(site)
    client = come_by_tls(site)
    client.send(get())
    assert split_response(client.read())[0] == 503

    site.clock.pump([1.0] * 3)

    assert client.is_ended


def test_who_was_turned_away_and_takes_nothing_is_cut_off(make_site: SiteMaker, come_by_tls: Come) -> None:
    """It has a second for the page, and then another."""
    site = make_site(connections_per_address=1)
    come_by_tls(site)
    client = come_by_tls(site)
    client.send(get())
    client.below.dataBuffer = bytes(200)

    site.clock.pump([1.0] * 3)

    assert client.is_aborted
