"""A channel layer that delivers nothing and remembers all: enough to test consumers by themselves."""

from __future__ import annotations

import json
from typing import Any, cast

from zmqlayer.messages import Message as Content
from zmqlayer.names import NodeId, process_prefix
from zmqlayer.worker import Message
from zmqlayer.worker.layers import WorkerLayer

WORKER = NodeId(bytes(range(16)))
SERVER = NodeId(bytes(range(16, 32)))
SOCKET = process_prefix("websocket.send!", SERVER) + "socket"


class RecordingLayer:
    """Remembers what was sent, and who is in which group."""

    def __init__(self) -> None:
        self.node_id = WORKER
        self.sent: list[tuple[str, Content]] = []
        self.members: set[tuple[str, str]] = set()

    def is_open(self, channel: str) -> bool:
        """The browser stays."""
        return True

    def send(self, channel: str, message: Content) -> None:
        """Remember a message to a channel."""
        self.sent.append((channel, message))

    def send_group(self, group: str, message: Content) -> None:
        """Remember a message to a group."""
        self.sent.append((group, message))

    def group_add(self, group: str, channel: str) -> None:
        """Remember a member."""
        self.members.add((group, channel))

    def group_discard(self, group: str, channel: str) -> None:
        """Forget a member."""
        self.members.discard((group, channel))

    def said(self, name: str) -> list[dict[str, Any]]:
        """Return the JSON objects sent to a channel or group, the oldest first."""
        return [json.loads(message["text"]) for to, message in self.sent if to == name and message.get("text")]

    def message(self, channel: str, **values: Any) -> Message:
        """Return a message of the one WebSocket of these tests, as an interface server sends it."""
        content = {"reply_channel": SOCKET, "path": "/room/lobby/", "headers": [], **values}
        return Message(content, channel, cast(WorkerLayer, self))
