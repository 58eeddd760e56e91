"""Messages in the database."""

from __future__ import annotations

from django.test import TestCase

from chat.models import Message, Room
from chat.protocol import Say
from chat.served import Served


def say(key: str, text: str, room: str = "lobby") -> Message:
    """Save one message."""
    return Message.save_once(room, "Ada", Say(key, text), Served("aaaa", "bbbb"))


class Messages(TestCase):
    def test_same_key_saves_once(self) -> None:
        """A repetition gives back the first message, whatever else it says."""
        first = say("k", "hello")
        again = say("k", "changed")
        self.assertEqual((again.pk, again.text, Message.objects.count()), (first.pk, "hello", 1))

    def test_same_key_in_another_room(self) -> None:
        """Keys count within their room."""
        say("k", "one")
        say("k", "two", room="den")
        self.assertEqual((Message.objects.count(), Room.objects.count()), (2, 2))

    def test_history_is_the_newest_in_order(self) -> None:
        """The history is the newest fifty messages of the room, the oldest first."""
        said = [say(str(number), f"text {number}") for number in range(55)]
        say("other", "elsewhere", room="den")
        self.assertEqual([m.pk for m in Message.history("lobby")], [m.pk for m in said[5:]])

    def test_history_after_an_id(self) -> None:
        """One who comes back gets only what was missed."""
        said = [say(str(number), "x") for number in range(3)]
        self.assertEqual([m.pk for m in Message.history("lobby", after=said[0].pk)], [m.pk for m in said[1:]])

    def test_as_dict(self) -> None:
        """A page gets who served the message, and null where nobody is known."""
        shown = Message.save_once("lobby", "Ada", Say("k", "x"), Served()).as_dict()
        self.assertEqual((shown["key"], shown["name"], shown["server"], shown["worker"]), ("k", "Ada", None, None))
