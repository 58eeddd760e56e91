"""Reports: numbers of a peer, checked."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.exceptions import ProtocolError
from zmqlayer.reports import read_counts, read_gaps, read_names, read_total


def test_what_is_right_is_read() -> None:
    """Numbers, numbers by channel, and pairs of numbers."""
    payload = {"sent": 7, "read": [["a!b", 3]], "gaps": [[1, 2], [4, 4]]}

    assert read_total(payload, "sent") == 7
    assert read_counts(payload, "read") == {"a!b": 3}
    assert read_gaps(payload, "gaps") == [(1, 2), (4, 4)]


def test_names_are_not_kept() -> None:
    """Each reply channel has a name of its own: if those were interned, Python would lay out a table anew and anew."""
    payload = unpack_control(pack_control({"read": [("http.response.x!1", 3)]}))

    (name,) = read_counts(payload, "read")

    other = "".join(name)
    assert (name, other is name, sys.intern(other) is other) == ("http.response.x!1", False, True)


def test_what_is_absent_is_nothing() -> None:
    """Lists and maps may be left out; a number may not."""
    assert read_counts({}, "read") == {}
    assert read_gaps({}, "gaps") == []
    with pytest.raises(ProtocolError, match="'sent' is None, not a number of messages"):
        read_total({}, "sent")


@pytest.mark.parametrize("total", [-1, 2**63, 1.0, "1", True, None, [1]])
def test_what_is_no_number_is_refused(total: Any) -> None:
    """Also numbers that no count reaches."""
    with pytest.raises(ProtocolError, match="not a number of messages"):
        read_total({"sent": total}, "sent")


@pytest.mark.parametrize(
    "counts", [None, {}, {"a": 1}, ["a"], [["a"]], [["a", 1, 2]], [[1, 1]], [["a", "1"]], [["a", True]]]
)
def test_what_is_no_list_of_numbers_is_refused(counts: Any) -> None:
    """A name and a number each."""
    with pytest.raises(ProtocolError, match="'read' is no list"):
        read_counts({"read": counts}, "read")


@pytest.mark.parametrize("gaps", [None, {}, [1], [[1]], [[1, 2, 3]], [[1, "2"]], [[True, 2]]])
def test_what_is_no_list_of_pairs_is_refused(gaps: Any) -> None:
    """Two numbers each."""
    with pytest.raises(ProtocolError, match="'gaps' is no list of pairs"):
        read_gaps({"gaps": gaps}, "gaps")


@pytest.mark.parametrize("names", [None, {}, "a", [1], ["a", b"b"]])
def test_what_is_no_list_of_names_is_refused(names: Any) -> None:
    """Text each; an absent key is no name."""
    with pytest.raises(ProtocolError, match="'closed' is no list"):
        read_names({"closed": names}, "closed")
    assert read_names({}, "closed") == []
    assert read_names({"closed": ["a"]}, "closed") == ["a"]
