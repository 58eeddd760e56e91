"""The grammar of names: what is legal, what is refused with which sentence, and who owns a channel."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.exceptions import InvalidName
from zmqlayer.names import (
    MAX_NAME_LENGTH,
    NodeId,
    check_channel,
    check_group,
    check_pattern,
    decode_node_id,
    encode_node_id,
    inbox_of,
    owner_of,
    process_prefix,
    short,
)

LETTERS = string.ascii_letters + string.digits + "-_."
ZERO = NodeId(bytes(16))
ZERO_TEXT = "a" * 26

words = st.text(LETTERS, min_size=1, max_size=30)
node_ids = st.binary(min_size=16, max_size=16).map(NodeId)

LEGAL_CHANNELS = [
    "http.request",
    "a",
    "A-b_c.9",
    "http.request.body?x1",
    "websocket.send!",
    "websocket.send!local",
    f"http.response.{ZERO_TEXT}!Id-1",
    "x" * MAX_NAME_LENGTH,
]
ILLEGAL_CHANNELS = [
    "",
    " ",
    "a b",
    "a/b",
    "a\n",
    "a!b\n",
    "a?b!c",
    "a!b!c",
    "!a",
    "?a",
    "a?",
    "a\u0663b",  # a digit, but not an ASCII one
    "spec!\u00e9",
    "x" * (MAX_NAME_LENGTH + 1),
    b"http.request",
    None,
    3,
]


@pytest.mark.parametrize("name", LEGAL_CHANNELS)
def test_legal_channels_pass(name: str) -> None:
    """A name inside the grammar comes back as it is."""
    assert check_channel(name) == name


@pytest.mark.parametrize("name", ILLEGAL_CHANNELS)
def test_illegal_channels_raise(name: object) -> None:
    """A name outside the grammar raises an error that is a TypeError, holds the name and shows it."""
    with pytest.raises(InvalidName, match="is not a channel name") as caught:
        check_channel(name)

    assert isinstance(caught.value, TypeError)
    assert caught.value.name is name


def test_length_and_letters_stand_in_the_sentence() -> None:
    """The sentence says which letters a name may hold and how long it may be."""
    with pytest.raises(InvalidName, match=r"ASCII letters, digits, '\.', '-' and '_', has 1 to 99 characters"):
        check_channel("x" * 100)


def test_long_names_are_cut_in_the_sentence() -> None:
    """A name of a megabyte does not make a megabyte of error text."""
    with pytest.raises(InvalidName) as caught:
        check_channel("x" * 1_000_000)

    assert len(str(caught.value)) < 300


@given(words)
def test_groups_are_channels_without_marks(name: str) -> None:
    """Every group name is a channel name, and neither mark may stand in a group name."""
    assert check_group(name) == name
    assert check_channel(name) == name
    for mark in "!?":
        with pytest.raises(InvalidName):
            check_group(f"{name}{mark}x")


@pytest.mark.parametrize("name", ["", "a b", "a\n", "x" * 100, b"a", None])
def test_illegal_groups_raise(name: object) -> None:
    """A group name outside the grammar raises, and the sentence speaks of groups."""
    with pytest.raises(InvalidName, match="is not a group name"):
        check_group(name)


@given(st.text(max_size=120))
def test_any_text_is_legal_or_refused(text: str) -> None:
    """No text does anything else than pass unchanged or raise InvalidName."""
    for check in (check_channel, check_group, check_pattern):
        try:
            assert check(text) == text
        except InvalidName:
            assert not set(text) <= set(LETTERS) or not 0 < len(text) < 100 or check is check_pattern


@pytest.mark.parametrize("pattern", ["http.response!", "http.request.body?", "x" * 58 + "!"])
def test_legal_patterns_pass(pattern: str) -> None:
    """A pattern is a legal prefix and one mark at its end."""
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", ["http.response", "!", "a!b", "a b!", "a?!", "", None, "x" * 59 + "!"])
def test_illegal_patterns_raise(pattern: object) -> None:
    """A pattern that could not be completed to a legal name is refused."""
    with pytest.raises(InvalidName):
        check_pattern(pattern)


@pytest.mark.parametrize("pattern", ["!", "a b?", "a?!"])
def test_a_pattern_that_is_none_is_named(pattern: str) -> None:
    """The error names what was given, and as what, not a part of it."""
    with pytest.raises(InvalidName, match=rf"^'{re.escape(pattern)}' is not a pattern for a new channel: .* letters"):
        check_pattern(pattern)


@given(node_ids)
def test_longest_pattern_leaves_room(node_id: NodeId) -> None:
    """The longest pattern, a node id and a local part of 12 characters make a legal name."""
    pattern = check_pattern("x" * 58 + "!")

    check_channel(process_prefix(pattern, node_id) + "y" * 12)


@given(node_ids)
def test_node_ids_survive_their_text(node_id: NodeId) -> None:
    """A node id is 26 characters of text, all legal in names, and comes back from them."""
    text = encode_node_id(node_id)

    assert len(text) == 26
    assert set(text) <= set(LETTERS)
    assert decode_node_id(text) == node_id
    assert text.startswith(short(node_id))
    assert len(short(node_id)) == 4


@given(st.text(max_size=40) | st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26))
def test_one_text_for_one_id(text: str) -> None:
    """A text spells a node id only if that id is written this way: no two names have one owner by accident."""
    node_id = decode_node_id(text)

    assert node_id is None or encode_node_id(node_id) == text


@pytest.mark.parametrize("text", ["", "a" * 25, "a" * 27, "A" * 26, "a" * 25 + "b", "a" * 26 + "\n", "1" * 26])
def test_other_texts_are_no_id(text: str) -> None:
    """Wrong length, case, letters or left-over bits spell nothing."""
    assert decode_node_id(text) is None


@given(words, node_ids, words)
def test_process_channels_name_their_owner(prefix: str, node_id: NodeId, local: str) -> None:
    """The owner of a process channel is read from its name, whatever stands around it."""
    channel = process_prefix(f"{prefix}!", node_id) + local

    assert owner_of(channel) == node_id


@given(words, node_ids, words)
def test_single_reader_channels_name_their_creator(prefix: str, node_id: NodeId, local: str) -> None:
    """The creator of a single-reader channel stands behind the mark."""
    assert owner_of(f"{prefix}?{encode_node_id(node_id)}{local}") == node_id


@pytest.mark.parametrize("channel", ["http.request", "a!b", "a?b", f"a.{ZERO_TEXT}", f"{ZERO_TEXT}x!b", "", "!"])
def test_other_channels_have_no_owner(channel: str) -> None:
    """A name without a node id, or with one in the wrong place, belongs to nobody."""
    assert owner_of(channel) is None


def test_a_bare_id_is_an_owner_too() -> None:
    """A prefix may be nothing but the node id."""
    assert owner_of(f"{ZERO_TEXT}!b") == ZERO


def test_process_prefix_takes_pattern_or_prefix() -> None:
    """The mark at the end of a pattern makes no difference."""
    assert process_prefix("specific", ZERO) == process_prefix("specific!", ZERO) == f"specific.{ZERO_TEXT}!"


@pytest.mark.parametrize(
    ("channel", "inbox"),
    [
        ("http.request", "http.request"),
        ("body?abc", "body?abc"),
        ("reply!abc", "reply!"),
        ("reply!", "reply!"),
    ],
)
def test_inboxes(channel: str, inbox: str) -> None:
    """Process channels are read through their prefix, all others under their own name."""
    assert inbox_of(channel) == inbox
