"""An interface server in memory on a real mesh: one node without sockets, which is the server's and the worker's."""

from __future__ import annotations

from functools import partial
from typing import Any

from support.connections import Client, check_format
from support.doubles import FakeReactor, fake_node
from zmqlayer.interface.clients.factory import ConnectionFactory
from zmqlayer.interface.options import Context, ServerOptions
from zmqlayer.messages import Message
from zmqlayer.slot import NodeSlot
from zmqlayer.sync import SyncLayer
from zmqlayer.twisted import ReactorLayer

__all__ = ["ServedMesh"]

READS = ["http.request", "websocket.connect", "websocket.receive", "websocket.disconnect"]


class ServedMesh:
    """
    A server with the protocol classes, the layer and the mesh of a real one.

    Attributes:
        worker: What a worker receives from and answers on.
    """

    def __init__(self, **options: Any) -> None:
        self.reactor = FakeReactor()
        self.worker = SyncLayer(NodeSlot(partial(fake_node, capacity=5)))
        context = Context(ReactorLayer(self.worker, self.reactor), ServerOptions(**options), self.reactor)
        self.factory = ConnectionFactory(context)
        self.clients: list[Client] = []
        self.receive()  # so that it is known to read

    def request(self, data: bytes) -> Client:
        """Return a new client that has sent *data*."""
        client = Client(self.factory)
        self.clients.append(client)
        client.send(data)
        return client

    def receive(self, *channels: str) -> tuple[str | None, Message]:
        """Return the next message, whose format is checked, or (None, {})."""
        self.reactor.turn()
        channel, message = self.worker.receive(channels or READS)
        if channel is None or message is None:
            return None, {}
        check_format(channel, message)
        return channel, message

    def answer(self, message: Message, **content: Any) -> None:
        """Answer on the reply channel of *message*, and let the server do what follows."""
        self.worker.send(message["reply_channel"], content)
        self.reactor.turn()

    def close(self) -> None:
        """Let everybody leave."""
        for client in self.clients:
            client.leave()
        self.worker.flush()
        self.worker.close()
        self.reactor.turn()
