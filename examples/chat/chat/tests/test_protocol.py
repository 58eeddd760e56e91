"""Frames from the page."""

from __future__ import annotations

import json

from django.test import SimpleTestCase

from chat.protocol import Refused, Rename, Say, clean_name, encode, parse


class Frames(SimpleTestCase):
    def test_say(self) -> None:
        """A frame with text and key is something said, without the space around it."""
        self.assertEqual(parse('{"say": " hello\\n", "key": "k1"}'), Say("k1", "hello"))

    def test_rename(self) -> None:
        """A frame with a name changes the name."""
        self.assertEqual(parse('{"name": "  Ada   L. "}'), Rename("Ada L."))

    def test_refusals(self) -> None:
        """All else is refused with a sentence, and never raises another error."""
        frames = [None, "", "{", "[]", "7", "{}", '{"say": 7}', '{"say": "x"}', '{"say": "x", "key": ""}']
        frames += ['{"say": " ", "key": "k"}', '{"say": "x", "key": "k\\n"}', "[" * 100_000]
        frames += [json.dumps({"say": "x" * 1001, "key": "k"}), json.dumps({"say": "x", "key": "k" * 37})]
        for frame in frames:
            with self.subTest(frame=str(frame)[:40]), self.assertRaises(Refused):
                parse(frame)

    def test_refusal_names_the_message(self) -> None:
        """Where a message is refused the page learns which, so that it does not repeat it."""
        with self.assertRaises(Refused) as caught:
            parse('{"say": "\\u0000", "key": "k"}')
        self.assertEqual(caught.exception.key, "k")

    def test_no_control_characters(self) -> None:
        """What no database stores, and what no page shows, is taken out; joined emoji stay whole."""
        self.assertEqual(parse('{"say": "a\\u0000\\ud800b\\u200dc", "key": "k"}'), Say("k", "ab\u200dc"))

    def test_name_is_never_empty(self) -> None:
        """A name has 1 to 30 characters."""
        self.assertEqual([clean_name(""), clean_name("\x00 "), clean_name("x" * 31)], ["Guest", "Guest", "x" * 30])

    def test_encode_keeps_text(self) -> None:
        """Every text comes back from JSON as it went in."""
        answer = {"text": "שלום \u2028 </script> 👩"}
        self.assertEqual(json.loads(encode(answer)), answer)
