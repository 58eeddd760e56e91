"""The example's own tests, as any Channels project has them: on the real layer, which needs no server for it."""

from __future__ import annotations

from channels.layers import get_channel_layer
from channels.testing import ApplicationCommunicator, WebsocketCommunicator
from django.test import AsyncClient, SimpleTestCase, override_settings

from rooms.asgi import application
from rooms.posts import group_of, post

# Nobody is looked for, so that tests do not meet the processes of a server that happens to run.
ALONE = {"default": {"BACKEND": "zmqlayer.ChannelLayer", "CONFIG": {"discovery": "off"}}}
ORIGIN = (b"origin", b"http://localhost")


@override_settings(CHANNEL_LAYERS=ALONE)
class RoomTests(SimpleTestCase):
    """Each test has an event loop of its own."""

    async def test_what_is_said_comes_to_all(self) -> None:
        """Two guests of a room hear one of them."""
        ada, grace = await self.enter("lobby"), await self.enter("lobby")
        await ada.send_json_to({"name": "Ada", "text": "hello"})
        self.assertEqual((await ada.receive_json_from())["text"], "hello")
        self.assertEqual((await grace.receive_json_from())["name"], "Ada")

    async def test_rooms_are_apart(self) -> None:
        """What is said in another room is not heard."""
        ada, grace = await self.enter("lobby"), await self.enter("garden")
        await ada.send_json_to({"name": "Ada", "text": "hello"})
        await ada.receive_json_from()
        self.assertTrue(await grace.receive_nothing())

    async def test_a_worker_rolls(self) -> None:
        """A message on the channel ``dice`` becomes a post in its room."""
        ada = await self.enter("lobby")
        worker = ApplicationCommunicator(application, {"type": "channel", "channel": "dice"})
        await worker.send_input({"type": "dice.roll", "room": "lobby", "name": "Ada"})
        self.assertEqual((await ada.receive_json_from())["kind"], "rolled")

    async def test_a_table_that_is_full(self) -> None:
        """A hundred rolls may wait for a worker; whoever asks for one more is told."""
        ada = await self.enter("lobby")
        for _ in range(101):
            await ada.send_json_to({"name": "Ada", "text": "/roll"})
        self.assertIn("full", (await ada.receive_json_from())["text"])

    async def test_a_notice(self) -> None:
        """The synchronous view posts what it was sent, and refuses nothing at all."""
        ada = await self.enter("lobby")
        answers = [await AsyncClient().post("/lobby/notices", values) for values in ({"text": "hello"}, {})]
        self.assertEqual([answer.status_code for answer in answers], [202, 400])
        self.assertEqual((await ada.receive_json_from())["kind"], "notice")

    async def test_another_site_stays_outside(self) -> None:
        """A page of another site cannot read along."""
        stranger = WebsocketCommunicator(application, "/lobby/", headers=[(b"origin", b"http://evil.example")])
        self.assertFalse((await stranger.connect())[0])

    async def test_a_post_from_anywhere(self) -> None:
        """Whoever has the layer posts into a room."""
        ada = await self.enter("lobby")
        await get_channel_layer().group_send(group_of("lobby"), post("notice", "", " hello "))
        heard = await ada.receive_json_from()
        self.assertEqual((heard["name"], heard["text"]), ("Guest", "hello"))

    async def enter(self, room: str) -> WebsocketCommunicator:
        """Open a WebSocket in a room, and pass over the welcome."""
        guest = WebsocketCommunicator(application, f"/{room}/", headers=[ORIGIN])
        self.assertTrue((await guest.connect(timeout=5))[0])
        self.assertEqual((await guest.receive_json_from())["kind"], "welcome")
        return guest
