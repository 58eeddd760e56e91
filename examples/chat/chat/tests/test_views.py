"""The pages, as Django serves them."""

from __future__ import annotations

from django.test import TestCase, override_settings

from chat.models import Message, Room
from chat.protocol import Say
from chat.served import Served


class Pages(TestCase):
    def test_index_lists_rooms(self) -> None:
        """The list shows the liveliest room first, and the quiet ones last."""
        Room.objects.create(name="quiet")
        Message.save_once("loud", "Ada", Say("k", "x"), Served())
        page = self.client.get("/").content.decode()
        self.assertLess(page.index("/room/loud/"), page.index("/room/quiet/"))

    def test_form_makes_a_room(self) -> None:
        """A title makes its room once and leads there."""
        for _ in range(2):
            response = self.client.post("/", {"title": "Sunday plans"})
            self.assertRedirects(response, "/room/sunday-plans/")
        self.assertEqual(Room.objects.count(), 1)

    def test_form_refuses(self) -> None:
        """A title without a letter is refused with a sentence next to the field."""
        response = self.client.post("/", {"title": "日本"})
        self.assertContains(response, "at least one letter", status_code=400)

    def test_room_is_there_for_any_name(self) -> None:
        """A room needs no making, and looking at it writes nothing."""
        self.assertContains(self.client.get("/room/anything/"), "<h1>anything</h1>", html=True)
        self.assertEqual(Room.objects.count(), 0)

    def test_no_such_room(self) -> None:
        """A name that no room can have is not found."""
        for path in ("/room/Upper/", "/room/a%0a/", f"/room/{'a' * 41}/", "/room/a/b/"):
            self.assertContains(self.client.get(path), "nothing here", status_code=404)

    def test_pages_load_nothing_from_elsewhere(self) -> None:
        """A page is complete in itself: it works on a machine without a network."""
        for path in ("/", "/room/lobby/"):
            page = self.client.get(path).content.decode()
            self.assertNotIn(" src=", page)
            self.assertNotIn("//cdn", page)

    def test_whoami_outside_a_worker(self) -> None:
        """Without a mesh nobody is named."""
        self.assertEqual(self.client.get("/api/whoami").json(), {"server": None, "worker": None})

    @override_settings(CHAT_URLS=["http://testserver/", "http://127.0.0.1:8001/"])
    def test_links_to_other_servers(self) -> None:
        """A room links to itself at the other servers, not at its own."""
        page = self.client.get("/room/lobby/").content.decode()
        self.assertIn('href="http://127.0.0.1:8001/room/lobby/"', page)
        self.assertNotIn("http://testserver/room", page)
