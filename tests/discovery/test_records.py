"""Instance names and TXT records: what we write we read, and nothing that others write can hurt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.announcements import announce, announcements
from zmqlayer.discovery.records import SERVICE_TYPE, encode_txt, is_peer, read_node_id, read_tag, service_name
from zmqlayer.ports import Announcement

ANNOUNCEMENT = announce("0a1b2c3d", node_id=bytes(range(16)))
TXT = encode_txt(ANNOUNCEMENT.node_id, ANNOUNCEMENT.doors[0])
NAME = f"0a1b2c3d-0001020304050607.{SERVICE_TYPE}"

hostile_txt = st.dictionaries(st.sampled_from([b"v", b"c", b"n", b"x"]), st.none() | st.binary(max_size=255))


def test_name_holds_the_tag_and_half_the_id() -> None:
    """An instance is named after its cluster tag and the first eight bytes of its node id."""
    assert service_name(ANNOUNCEMENT.node_id, ANNOUNCEMENT.doors[0]) == NAME


@given(announcements)
def test_what_is_announced_is_read(announcement: Announcement) -> None:
    """Reading the name and the TXT record of any door gives its node's id and its tag back."""
    node_id = announcement.node_id
    for door in announcement.doors:
        name = service_name(node_id, door)
        assert (read_node_id(name, encode_txt(node_id, door)), read_tag(name)) == (node_id, door.tag)


@given(announcements)
def test_records_are_small(announcement: Announcement) -> None:
    """The instance name fits a DNS label and the TXT record is far below 400 bytes."""
    label = service_name(announcement.node_id, announcement.doors[0]).partition(".")[0]
    txt = encode_txt(announcement.node_id, announcement.doors[0])

    assert len(label) <= 63
    assert sum(len(key) + len(value) + 2 for key, value in txt.items()) < 100


@given(announcements, announcements)
def test_peers_share_the_tag_and_not_the_id(ours: Announcement, theirs: Announcement) -> None:
    """A node is a peer when it shares any of our secrets, and it is not ourselves."""
    for door in ours.doors:
        assert is_peer(service_name(theirs.node_id, door), ours) == (theirs.node_id[:8] != ours.node_id[:8])
        assert not is_peer(service_name(ours.node_id, door), ours)


def test_other_clusters_are_told_by_name() -> None:
    """An instance with another tag is no peer, so it is never resolved."""
    assert not is_peer(NAME, announce("ffffffff"))


def test_names_are_compared_without_case() -> None:
    """DNS names have no case, so neither have ours."""
    assert is_peer(NAME.upper().replace("_ZMQLAYER", "_zmqLayer"), announce("0a1b2c3d"))


@given(st.text(max_size=120))
def test_any_text_is_a_name_or_not(text: str) -> None:
    """No text makes reading a name raise."""
    for name in (text, f"{text}.{SERVICE_TYPE}", f"{NAME}{text}"):
        is_peer(name, ANNOUNCEMENT)
        read_node_id(name, {})
        read_tag(name)


@pytest.mark.parametrize("line", ["\n", "\r", "\x00", "٣", "."])
def test_names_end_where_they_end(line: str) -> None:
    """A name with anything after it, or with foreign digits in it, is not ours."""
    assert not is_peer(NAME + line, announce("0a1b2c3d"))
    assert not is_peer(NAME.replace("3d-", f"3{line}-"), announce("0a1b2c3d"))


@given(hostile_txt)
def test_hostile_txt_names_no_node(txt: dict[bytes, bytes | None]) -> None:
    """Random keys and values are no node id, and raise nothing."""
    assert read_node_id(NAME, txt) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"c", b"ffffffff"),
        (b"c", None),
        (b"n", b"ff" * 16),
        (b"n", b"00" * 8),
        (b"n", b"0001020304050607" + b"zz" * 8),
        (b"n", None),
        (b"n", b"\xff" * 32),
        (b"n", bytes(range(16)).hex().encode() * 8),
    ],
)
def test_txt_must_agree_with_the_name(key: bytes, value: bytes | None) -> None:
    """A record whose tag or id is missing, malformed or not that of its name speaks for nobody."""
    assert read_node_id(NAME, {**TXT, key: value}) is None


def test_later_versions_are_still_read() -> None:
    """A record of a later version names its node, so that the mesh can refuse it with a sentence."""
    assert read_node_id(NAME, {**TXT, b"v": b"2", b"k": b"x"}) == ANNOUNCEMENT.node_id
