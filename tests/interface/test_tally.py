"""What was answered."""

from __future__ import annotations

from support.connections import Site, get
from zmqlayer.interface.tally import Tally


def test_responses_are_counted_by_class() -> None:
    """A WebSocket is told apart."""
    tally = Tally()
    for status in (200, 204, 404, 503, 101, 999):
        tally.note(status)

    assert str(tally) == "5 requests answered (2xx: 2, 4xx: 1, 5xx: 2), 1 WebSockets opened"
    assert repr(tally) == "<Tally [1xx: 1, 2xx: 2, 4xx: 1, 5xx: 2]>"


def test_at_first_there_are_none() -> None:
    """Which is said in words."""
    assert str(Tally()) == "0 requests answered (none), 0 WebSockets opened"
    assert repr(Tally()) == "<Tally [none]>"


def test_each_response_of_a_server_is_counted(site: Site) -> None:
    """Refusals too; a request whose client left before the answer is none."""
    site.open_websocket()
    site.request(get("/"))
    site.layer.reply.push({"status": 200})
    site.request(get("/%ff"))
    site.request(get("/")).leave()

    assert site.factory.context.tally.counts == [1, 1, 0, 1, 0]
