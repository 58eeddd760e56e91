"""The whole worker on a real node that sends to itself: threads, credit, windows, ZeroMQ's groups."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.django_project import long_poll
from zmqlayer import ChannelFull, SyncChannelLayer
from zmqlayer.worker import Channel, Group, Message, route
from zmqlayer.worker.exceptions import ConsumeLater
from zmqlayer.worker.layers import WorkerLayer
from zmqlayer.worker.loop import ConsumerLoop
from zmqlayer.worker.patience import Patience
from zmqlayer.worker.routing import Router
from zmqlayer.worker.threads import WorkerGroup
from zmqlayer.worker.worker import Worker


def join(message: Message) -> None:
    """Accept the socket, and add it to the group."""
    assert message.reply_channel is not None
    message.reply_channel.send({"accept": True})
    Group("room", channel_layer=message.channel_layer).add(message.reply_channel)


def say(message: Message) -> None:
    """Tell the group."""
    Group("room", channel_layer=message.channel_layer).send({"text": message["text"]})


def hesitate(message: Message) -> None:
    """Answer at the third try."""
    if message.get("__retries__", 0) < 2:
        raise ConsumeLater
    Channel(message["answer"], channel_layer=message.channel_layer).send({"tries": message["__retries__"]})


def fail(message: Message) -> None:
    """Raise."""
    raise RuntimeError("broken")


ROUTES = [
    route("websocket.connect", join),
    route("websocket.receive", say),
    route("hesitate", hesitate),
    route("fail", fail),
]


class Client:
    """Speaks for an interface server on the same node."""

    def __init__(self, layer: SyncChannelLayer) -> None:
        self.layer = layer

    def ask(self, path: str, method: str = "GET", **values: Any) -> str:
        """Send a request and return its reply channel."""
        reply = self.layer.new_channel("http.response!")
        request = {"reply_channel": reply, "method": method, "path": path, "query_string": b"", **values}
        self.layer.send("http.request", {"headers": [[b"host", b"testserver"]], "http_version": "1.1", **request})
        return reply

    def read(self, channel: str) -> dict[str, Any]:
        """Return the next message on *channel*."""
        _, message = self.layer.receive([channel], block=True)
        assert message is not None, f"nothing came on {channel}"
        return message

    def read_body(self, reply: str) -> bytes:
        """Return the content of a whole response."""
        content, more = b"", True
        while more:
            part = self.read(reply)
            content += part["content"]
            more = part["more_content"]
        return content


@pytest.fixture
def layer() -> Iterator[SyncChannelLayer]:
    """A node that knows nobody but itself, with little room in each channel."""
    layer = SyncChannelLayer(discovery="off", capacity=4)
    yield layer
    layer.close()


@pytest.fixture
def group(layer: SyncChannelLayer) -> Iterator[WorkerGroup]:
    """Two worker threads on that node."""
    abandon = threading.Event()
    router = Router(ROUTES)
    router.check_default()
    needed: WorkerLayer = layer
    loop = ConsumerLoop(time.monotonic)
    worker = Worker(needed, router, patience=Patience(time.monotonic, abandon.wait), loop=loop)
    group = WorkerGroup(worker, 2, abandon, time.monotonic)
    group.start()
    yield group
    assert group.stop()


@pytest.fixture
def client(layer: SyncChannelLayer, group: WorkerGroup) -> Client:
    """A client of the workers."""
    return Client(layer)


def test_a_request_crosses(client: Client) -> None:
    """A view answers through the mesh."""
    assert client.read_body(client.ask("/hello/", query_string=b"name=Ada")) == b"Hello, Ada"


def test_many_requests(client: Client) -> None:
    """Requests of many connections are answered each on its own channel."""
    for _ in range(25):
        replies = [client.ask("/hello/", query_string=f"name={n}".encode()) for n in range(4)]
        assert [client.read_body(reply) for reply in replies] == [b"Hello, 0", b"Hello, 1", b"Hello, 2", b"Hello, 3"]


def test_a_body_of_a_megabyte(client: Client) -> None:
    """As much as one message can carry beside its headers."""
    body = bytes(range(256)) * 4090

    answer = client.read_body(client.ask("/digest/", "POST", body=body))

    assert answer.decode() == hashlib.sha256(body).hexdigest()


def test_a_slow_client(client: Client) -> None:
    """A response with more pieces than the reply channel has room for waits for its reader."""
    reply = client.ask("/long/")
    with pytest.raises(ChannelFull):
        while True:
            client.layer.send(reply, {"content": b"", "more_content": True})

    body = client.read_body(reply)

    assert body == b"".join(b"%d " % number for number in range(40))


def test_headers_that_are_too_large(client: Client, group: WorkerGroup, caplog: pytest.LogCaptureFixture) -> None:
    """A response whose headers fit into no message is a 500, and the log says why."""
    reply = client.ask("/huge-headers/")

    assert client.read(reply)["status"] == 500
    assert group.stop()  # the log comes after the answer
    assert "MessageTooLarge" in caplog.text


@pytest.mark.parametrize("path", ["/async/stream/", "/async/crossed/"])
def test_a_stream_of_a_coroutine(client: Client, path: str) -> None:
    """It crosses as any other."""
    assert client.read_body(client.ask(path)) == b"tick 0;tick 1;tick 2;"


def test_a_client_that_leaves_cancels_the_view(client: Client) -> None:
    """A coroutine that waits for ever is told by a message on a channel of its worker."""
    long_poll.__init__()  # type: ignore[misc]  # anew
    reply = client.ask("/poll/")
    channel = client.read(reply)["events_channel"]

    client.layer.send(channel, {"type": "http.disconnect", "reply_channel": reply, "path": "/poll/"})

    assert long_poll.ended.wait(5.0)
    assert long_poll.how == "cancelled"


def test_a_closed_channel_cancels_the_view(client: Client) -> None:
    """A client that left before the invitation came is found out soon after it."""
    long_poll.__init__()  # type: ignore[misc]  # anew
    reply = client.ask("/poll/")
    client.layer.close_channel(reply)

    assert long_poll.ended.wait(5.0)
    assert long_poll.how == "cancelled"


def test_two_sockets(client: Client) -> None:
    """Sockets in one group hear the same in the same order."""
    sockets = [client.layer.new_channel("websocket.send!") for _ in range(2)]
    for socket in sockets:
        client.layer.send("websocket.connect", {"reply_channel": socket, "path": "/", "headers": [], "order": 0})
        assert client.read(socket) == {"accept": True, "consumed": 0}
    client.layer.send("websocket.receive", {"reply_channel": sockets[0], "path": "/", "text": "hi", "order": 1})

    assert [client.read(socket) for socket in sockets] == [{"text": "hi"}] * 2
    assert client.read(sockets[0]) == {"consumed": 1}


def test_later_comes(client: Client) -> None:
    """A message that was sent back comes again."""
    answer = client.layer.new_channel("answer!")

    client.layer.send("hesitate", {"answer": answer})

    assert client.read(answer) == {"tries": 2}


def test_failures_stop_nothing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """After more failures than there are threads, the next request is answered."""
    for _ in range(4):
        client.layer.send("fail", {})

    assert client.read_body(client.ask("/hello/")) == b"Hello, nobody"


def test_a_stop_is_quick(group: WorkerGroup) -> None:
    """Threads that wait for messages end within a second."""
    begun = time.monotonic()

    assert group.stop()
    assert time.monotonic() - begun < 1
