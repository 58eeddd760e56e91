"""What may be asked for on ``asgi.delay``."""

from __future__ import annotations

from typing import Any

import pytest

from support.delay_run import request
from zmqlayer.exceptions import ProtocolError, ZmqLayerError
from zmqlayer.names import ChannelName
from zmqlayer.worker.delay.delayed import MAX_DELAY_MS, Delayed, read_order

LIMIT = 1_000


def test_a_request_says_what_where_and_when() -> None:
    """The delay is given in milliseconds."""
    order = read_order(request(7, delay=1_500), LIMIT)

    assert (order.delayed.channel, order.delayed.content(), order.after_s) == ("reminders", {"number": 7}, 1.5)


def test_values_keep_their_types() -> None:
    """Bytes stay bytes and text stays text, wherever they are."""
    content = {"bytes": b"\x00\xff", "text": "ä", "nested": [{"b": b""}, 1.5, None, True]}

    order = read_order({"channel": "a", "delay": 1, "content": content}, LIMIT)

    assert order.delayed.content() == content


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({}, "lacks 'channel', 'delay', 'content'; it needs 'channel', 'delay', 'content'"),
        ({"channel": "a", "content": {}}, "lacks 'delay'"),
        (request(delay="1000"), "has a delay of '1000', which is not a whole number of milliseconds"),
        (request(delay=1.5), "has a delay of 1.5, which is not a whole number"),
        (request(delay=True), "has a delay of True, which is not a whole number"),
        (request(delay=0), "has a delay of 0 ms; it must be above 0"),
        (request(delay=-5), "has a delay of -5 ms; it must be above 0"),
        (request(delay=MAX_DELAY_MS + 1), "ten years"),
        (request(channel="no spaces"), "'no spaces' is not a channel name"),
        (request(channel=None), "None is not a channel name: a str is needed"),
        (request(channel="asgi.delay"), "would send to itself"),
        ({**request(), "content": "text"}, "is not a message: a dict is needed, not str"),
        ({**request(), "content": {"when": object()}}, "object"),
        ({**request(), "content": {"bytes": b"x" * LIMIT}}, "max_message_size is 1,000"),
    ],
)
def test_wrong_requests_have_a_sentence(wrong: dict[str, Any], sentence: str) -> None:
    """What is wrong is named, with what would be right."""
    with pytest.raises(ZmqLayerError) as caught:
        read_order(wrong, LIMIT)

    assert sentence in str(caught.value)


def test_a_strange_row_is_no_message() -> None:
    """What somebody else wrote into the table is refused when it is read."""
    with pytest.raises(ProtocolError):
        Delayed(ChannelName("a"), b"{not msgpack}").content()
