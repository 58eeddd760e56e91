"""The consumers, called as a worker calls them."""

from __future__ import annotations

from typing import cast

from django.test import TestCase

from chat.consumers import chat_connect, chat_disconnect, chat_receive
from chat.models import Message
from chat.protocol import Say
from chat.served import Served
from chat.tests.recording import SERVER, SOCKET, WORKER, RecordingLayer
from zmqlayer.names import short
from zmqlayer.worker.exceptions import DenyConnection
from zmqlayer.worker.layers import WorkerLayer, channel_layers


class Consumers(TestCase):
    def setUp(self) -> None:
        self.layer = RecordingLayer()
        channel_layers.put("default", cast(WorkerLayer, self.layer))
        self.addCleanup(channel_layers.put, "default", cast(WorkerLayer, RecordingLayer()))

    def connect(self, query: bytes = b"name=Ada", **values: object) -> None:
        """Open the socket."""
        chat_connect(self.layer.message("websocket.connect", query_string=query, order=0, **values), room="lobby")

    def receive(self, text: str) -> None:
        """Let one frame in."""
        chat_receive(self.layer.message("websocket.receive", text=text, bytes=None, order=1), room="lobby")

    def test_connect_welcomes(self) -> None:
        """Who comes in joins the room's group and gets the name, what was missed, and who served it."""
        old = Message.save_once("lobby", "Grace", Say("k", "hello"), Served())
        self.connect()
        welcome = self.layer.said(SOCKET)[0]
        self.assertEqual((welcome["type"], welcome["name"]), ("welcome", "Ada"))
        self.assertEqual([missed["id"] for missed in welcome["missed"]], [old.pk])
        self.assertEqual((welcome["server"], welcome["worker"]), (short(SERVER), short(WORKER)))
        self.assertEqual(self.layer.members, {("chat.lobby", SOCKET)})
        self.assertIs(self.layer.sent[0][1]["accept"], True)

    def test_connect_again_gets_only_what_was_missed(self) -> None:
        """The page says what it has."""
        old = Message.save_once("lobby", "Grace", Say("k", "hello"), Served())
        self.connect(b"name=Ada&after=%d" % old.pk)
        self.assertEqual(self.layer.said(SOCKET)[0]["missed"], [])

    def test_connect_from_another_site(self) -> None:
        """A page of another site cannot read along."""
        headers = [[b"host", b"127.0.0.1:8000"], [b"origin", b"http://evil.example"]]
        with self.assertRaises(DenyConnection):
            self.connect(headers=headers)
        self.assertEqual((self.layer.members, self.layer.sent), (set(), []))

    def test_connect_from_own_page(self) -> None:
        """A page of this host comes in."""
        self.connect(headers=[[b"host", b"127.0.0.1:8000"], [b"origin", b"http://127.0.0.1:8000"]])
        self.assertEqual(len(self.layer.members), 1)

    def test_said_is_saved_confirmed_and_told(self) -> None:
        """One frame: a row under the session's name, a receipt to its sender, and a message to the room."""
        self.connect()
        self.receive('{"say": "hello", "key": "k1"}')
        saved = Message.objects.get()
        self.assertEqual((saved.name, saved.text, saved.worker), ("Ada", "hello", short(WORKER)))
        receipt = self.layer.said(SOCKET)[1]
        self.assertEqual((receipt["type"], receipt["key"], receipt["id"]), ("receipt", "k1", saved.pk))
        self.assertEqual(self.layer.said("chat.lobby"), [{"type": "message", **saved.as_dict()}])

    def test_rename_lasts(self) -> None:
        """A new name is kept in the channel session, for whichever worker comes next."""
        self.connect()
        self.receive('{"name": "Countess"}')
        self.receive('{"say": "hello", "key": "k1"}')
        self.assertEqual(Message.objects.get().name, "Countess")

    def test_bad_frame_is_refused(self) -> None:
        """A bad frame is answered to its sender only, and saves nothing."""
        self.connect()
        self.receive("{")
        self.assertEqual(self.layer.said(SOCKET)[1]["type"], "refused")
        self.assertEqual((Message.objects.count(), self.layer.said("chat.lobby")), (0, []))

    def test_disconnect_leaves(self) -> None:
        """Who goes is no longer in the room."""
        self.connect()
        chat_disconnect(self.layer.message("websocket.disconnect", code=1001, order=2), room="lobby")
        self.assertEqual(self.layer.members, set())
