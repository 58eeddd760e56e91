"""Names of rooms."""

from __future__ import annotations

import re

from django.test import SimpleTestCase

from chat.rooms import ROOM_NAME, group_of, room_name_from
from zmqlayer.names import check_group


class RoomNames(SimpleTestCase):
    def test_title_becomes_name(self) -> None:
        """Whatever is typed becomes a name that fits a path, or nothing."""
        titles = {
            "Sunday Plans": "sunday-plans",
            "Café_1": "cafe-1",
            " -x- ": "x",
            "日本": "",
            "!": "",
            "a" * 60: "a" * 40,
        }
        self.assertEqual({title: room_name_from(title) for title in titles}, titles)

    def test_made_names_fit_the_path(self) -> None:
        """Every name that the form makes is one that the URL takes."""
        for title in ("Sunday Plans", "x" * 39 + " yz", "--9--"):
            self.assertTrue(re.fullmatch(ROOM_NAME, room_name_from(title)), title)

    def test_longest_name_fits_a_group(self) -> None:
        """The group of a room with the longest name has a legal name."""
        self.assertEqual(check_group(group_of("a" * 40)), "chat." + "a" * 40)
