"""Requests whose workers are not there, are full, go, or want to hear more."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from support.connections import NODE, Client, Site, get, post, split_response, upgrade
from zmqlayer.ports import Loss

SiteMaker = Callable[..., Site]

EVENTS = f"events.{NODE}!1"
OTHERS = f"events.{NODE}!2"


def ask(site: Site, data: bytes = b"") -> Client:
    """Return a client whose request waits for a worker."""
    client = site.request(data or get("/shop"))
    site.layer.take_one("http.request")
    return client


def begin(site: Site) -> Client:
    """Return a client that has a part of its response."""
    client = ask(site)
    site.layer.reply.push({"status": 200, "content": b"a", "more_content": True})
    client.read()
    return client


def invite(site: Site) -> Client:
    """Return a client whose further events a worker wants to hear."""
    client = ask(site)
    site.layer.reply.push({"events_channel": EVENTS})
    return client


# Nobody is there.


def test_a_request_waits_for_the_first_worker(site: Site) -> None:
    """It is sent soon after one is there, and answered as any other."""
    site.layer.unread.add("http.request")
    client = site.request(post(b"body"))
    site.clock.advance(5)
    assert (site.layer.take(), client.read()) == ([], b"")

    site.layer.unread.clear()
    site.clock.advance(0.25)

    assert site.layer.take_one("http.request")["body"] == b"body"
    site.layer.reply.push({"status": 201})
    assert split_response(client.read())[0] == 201


def test_nobody_waits_for_ever(make_site: SiteMaker) -> None:
    """The page says why, and when to come back."""
    site = make_site(worker_timeout_s=2.0)
    site.layer.unread.add("http.request")
    client = site.request(get())

    site.clock.pump([0.25] * 8)

    status, fields, content = split_response(client.read())
    assert (status, b"has known no worker for 2 seconds" in content) == (503, True)
    assert (b"Retry-After", b"1") in fields
    assert site.layer.take() == []


def test_a_long_body_waits_too(make_site: SiteMaker) -> None:
    """No more of it is read than its message holds."""
    site = make_site(body_inline_size=10)
    site.layer.unread.add("http.request")
    client = site.request(post(b"x" * 30)[:-10])
    assert client.transport.producerState == "paused"

    site.layer.unread.clear()
    site.clock.advance(0.25)

    assert client.transport.producerState == "producing"
    assert [channel.partition("?")[0] for channel, _ in site.layer.take()] == ["http.request", "http.request.body"]


def test_a_queue_that_is_full_when_workers_come_is_waited_for(make_site: SiteMaker) -> None:
    """All that had waited cannot go at once."""
    site = make_site(worker_timeout_s=2.0)
    site.layer.unread.add("http.request")
    client = site.request(get())
    site.layer.unread.clear()
    site.layer.fill("http.request")
    site.clock.advance(0.25)
    assert client.read() == b""

    site.layer.errors.clear()
    site.clock.advance(0.25)

    site.layer.take_one("http.request")


def test_a_queue_that_stays_full_is_not(make_site: SiteMaker) -> None:
    """When its time is over, the request is refused."""
    site = make_site(worker_timeout_s=2.0)
    site.layer.unread.add("http.request")
    client = site.request(get())
    site.layer.unread.clear()
    site.layer.fill("http.request")

    site.clock.pump([0.25] * 8)

    assert split_response(client.read())[0] == 503


def test_a_client_may_leave_while_nobody_is_there(site: Site) -> None:
    """There is nobody to tell."""
    site.layer.unread.add("http.request")
    client = site.request(get())

    client.leave()

    assert site.layer.take() == []


def test_a_server_that_stops_waits_for_nobody(site: Site) -> None:
    """Other servers may have workers."""
    site.layer.unread.add("http.request")
    client = site.request(get())

    client.connection.stop()

    status, _, content = split_response(client.read())
    assert (status, b"is stopping" in content) == (503, True)


def test_nobody_answers_who_was_not_asked(site: Site) -> None:
    """A message that comes before the request has left for a worker is nobody's: the request goes on waiting."""
    site.layer.unread.add("http.request")
    client = site.request(get())

    site.layer.reply.push({"status": 200, "more_content": True})
    assert client.read() == b""
    client.connection.stop()

    assert split_response(client.read())[0] == 503


def test_a_server_that_stops_lets_responses_end(site: Site) -> None:
    """The worker is at it."""
    client = ask(site)

    client.connection.stop()
    site.layer.reply.push({"status": 200})

    assert split_response(client.read())[0] == 200


# Somebody goes.


def test_a_worker_that_goes_is_a_502(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """At once; the log tells of which request."""
    client = ask(site)

    site.layer.lose("http.request", Loss.READER_GONE)

    status, _, content = split_response(client.read())
    assert (status, b"is gone" in content) == (502, True)
    assert "answering GET /shop is gone" in caplog.text
    assert not client.is_closed_by_server


def test_a_client_cannot_write_lines_of_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever its path holds once it is decoded, and whoever tells of it."""
    path = "/%0AWARNING%20forged%1B%5B31m"
    dying, mistaken, opening = site.request(get(path)), site.request(get(path)), site.request(upgrade(path))
    site.layer.replies[1].push({"status": 1})
    with caplog.at_level(logging.DEBUG, "zmqlayer.interface"):
        site.layer.lose("http.request", Loss.READER_GONE)
        site.layer.lose("websocket.connect", Loss.READER_GONE)

    assert [split_response(client.read())[0] for client in (dying, mistaken, opening)] == [502, 500, 503]
    assert len(caplog.records) > 2
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_a_worker_that_goes_midway_cuts_the_connection(site: Site) -> None:
    """The client must not take the half for the whole."""
    client = begin(site)

    site.layer.lose("http.request", Loss.READER_GONE)

    assert client.transport.is_aborted


def test_a_worker_that_goes_afterwards_harms_nobody(site: Site) -> None:
    """The response was complete."""
    client = ask(site)
    site.layer.reply.push({"status": 200})

    site.layer.lose("http.request", Loss.READER_GONE)

    assert split_response(client.read())[0] == 200


def test_a_request_that_nobody_takes_is_a_503(site: Site) -> None:
    """It has expired; it can be sent again without harm."""
    client = ask(site)

    site.layer.lose("http.request", Loss.EXPIRED)

    assert split_response(client.read())[0] == 503


# Somebody wants to hear.


def test_an_invitation_moves_the_disconnect(site: Site) -> None:
    """It goes to that one worker, and says what it is."""
    client = invite(site)

    client.leave()

    message = site.layer.take_one(EVENTS)
    assert message == {"type": "http.disconnect", "reply_channel": site.layer.reply.name, "path": "/shop"}


def test_an_invitation_may_come_with_the_response(site: Site) -> None:
    """In any message of it."""
    client = ask(site)
    site.layer.reply.push({"status": 200, "content": b"a", "more_content": True, "events_channel": EVENTS})

    client.leave()

    site.layer.take_one(EVENTS)


def test_whoever_invites_is_who_counts(site: Site) -> None:
    """The worker that took the request may have passed it on, and go."""
    client = invite(site)

    site.layer.lose("http.request", Loss.READER_GONE)
    assert client.read() == b""
    site.layer.end(EVENTS)

    assert split_response(client.read())[0] == 502


def test_an_inviting_worker_that_goes_midway_cuts_the_connection(site: Site) -> None:
    """As any other."""
    client = begin(site)
    site.layer.reply.push({"events_channel": EVENTS})

    site.layer.end(EVENTS)

    assert client.transport.is_aborted


def test_who_invited_hears_that_the_server_gave_up(make_site: SiteMaker) -> None:
    """In time, and once: it may wait for just this."""
    site = make_site(http_timeout_s=3.0)
    client = invite(site)

    site.clock.advance(3.0)

    assert split_response(client.read())[0] == 503
    assert site.layer.take_one(EVENTS)["type"] == "http.disconnect"
    client.leave()
    assert site.layer.take() == []


@pytest.mark.parametrize("content", [b"a", b""])
def test_who_invited_hears_that_its_response_was_malformed(site: Site, content: bytes) -> None:
    """Before and after the client had something of it: the worker takes it for sent, and may have more."""
    invite(site)
    if content:
        site.layer.reply.push({"status": 200, "content": content, "more_content": True})

    site.layer.reply.push({"status": 200, "content": "text"})

    assert site.layer.take_one(EVENTS)["type"] == "http.disconnect"


def test_who_breaks_off_hears_nothing_more(site: Site) -> None:
    """It knows."""
    invite(site)
    site.layer.reply.push({"status": 200, "content": b"a", "more_content": True})

    site.layer.reply.push({"content": b"", "closed": True})

    assert site.layer.take() == []


def test_another_invitation_replaces_the_first(site: Site) -> None:
    """The same one again changes nothing."""
    client = invite(site)
    site.layer.reply.push({"events_channel": EVENTS}, {"events_channel": OTHERS})

    site.layer.end(EVENTS)
    client.leave()

    site.layer.take_one(OTHERS)
    assert len(site.layer.followed) == 2


def test_an_invitation_is_no_answer(make_site: SiteMaker) -> None:
    """The timeout goes on."""
    site = make_site(http_timeout_s=3.0)
    client = invite(site)

    site.clock.advance(3)

    assert split_response(client.read())[0] == 503


def test_an_invitation_to_nowhere_is_a_500(site: Site) -> None:
    """A mistake of the worker's code."""
    client = ask(site)

    site.layer.reply.push({"events_channel": "events"})

    assert split_response(client.read())[0] == 500


def test_a_disconnect_that_nobody_reads_is_not_sent(site: Site) -> None:
    """It would lie in its queue until it expires."""
    site.layer.unread.add("http.disconnect")
    client = ask(site)

    client.leave()

    assert site.layer.take() == []


def test_an_event_that_finds_no_room_is_given_up(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Only the debug log tells."""
    client = invite(site)
    site.layer.fill(EVENTS)

    with caplog.at_level(logging.DEBUG, "zmqlayer.interface.conversations"):
        client.leave()

    assert [record.levelname for record in caplog.records] == ["DEBUG"]


# All at once.


def test_thousands_of_timeouts_at_once(make_site: SiteMaker) -> None:
    """Each request hears of its own, and a response that is older than the timeout goes on."""
    site = make_site(http_timeout_s=3.0)
    streaming = begin(site)
    stream = site.layer.reply
    clients = [site.request(get()) for _ in range(2_000)]

    site.clock.advance(3.0)

    assert {split_response(client.read())[0] for client in clients} == {503}
    stream.push({"content": b"b"})
    assert streaming.read() == b"1\r\nb\r\n0\r\n\r\n"
