"""The table of candidates: its bound, and whose turn it is."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable

import pytest

from zmqlayer.candidates import Address, Candidates, take_turns
from zmqlayer.journal import Journal, Said
from zmqlayer.names import NodeId

MOST = 100


def nobody(node_id: NodeId) -> bool:
    return False


def node(number: int) -> NodeId:
    return NodeId(number.to_bytes(16, "big"))


def table(*texts: str) -> Candidates:
    """Return a table that holds hints about *texts*."""
    candidates = Candidates(MOST, random.Random(1).random, Journal(Said.write))
    for text in texts:
        add(candidates, text)
    return candidates


def add(candidates: Candidates, text: str) -> Address | None:
    entry = candidates.add(text, node(len(candidates)), 0.0, nobody)
    if entry is not None:
        entry.is_standing = True
    return entry


def at(host: str, ports: Iterable[int]) -> list[str]:
    return [f"tcp://{host}:{port}" for port in ports]


def turns(candidates: Candidates, most: int) -> list[str]:
    return [entry.text for entry in take_turns(list(candidates), [], most)]


def test_a_full_table_forgets_what_was_tried_in_vain() -> None:
    """A newcomer always gets in; addresses that did not answer go, before those that were not tried yet."""
    candidates = table(*at("10.0.0.1", range(MOST)))
    for entry in list(candidates)[:80]:
        entry.attempts = 1

    add(candidates, "tcp://10.0.0.1:5000")

    assert candidates.get("tcp://10.0.0.1:5000") is not None
    assert len(candidates) == 76
    assert sum(entry.attempts == 0 for entry in candidates) == 21


def test_seeds_dials_and_links_stay() -> None:
    """A flood drives out neither seeds nor addresses that are being dialled nor those of linked nodes."""
    candidates = table(*at("10.0.0.1", range(3)))
    seed, dialled, linked = candidates
    seed.seeds, dialled.is_dialled, linked.answered = 1, True, node(7)

    for text in at("10.0.0.1", range(10, 3000)):
        add(candidates, text)

    assert [candidates.get(entry.text) for entry in (seed, dialled, linked)] == [seed, dialled, linked]
    assert len(candidates) <= MOST


def test_a_table_full_of_linked_nodes_makes_room() -> None:
    """Addresses of nodes that are linked go when there is nothing else: their end brings them back."""
    candidates = table(*at("10.0.0.1", range(MOST)))
    for entry in candidates:
        entry.answered = node(entry.number)

    assert add(candidates, "tcp://10.0.0.2:1") is not None


def test_a_table_full_of_seeds_takes_no_hint() -> None:
    """Seeds are never given up."""
    candidates = table(*at("10.0.0.1", range(MOST)))
    for entry in candidates:
        entry.seeds = 1

    assert add(candidates, "tcp://10.0.0.2:1") is None
    assert len(candidates) == MOST


def test_one_host_does_not_drive_out_others() -> None:
    """However many ports one host has, the few of another host stay."""
    candidates = table(*at("10.0.0.2", range(3)), *at("10.0.0.1", range(5000)))

    assert all(candidates.get(text) for text in at("10.0.0.2", range(3)))


def test_an_overflow_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """The first time addresses are given up is a warning in the log."""
    with caplog.at_level(logging.WARNING, "zmqlayer"):
        table(*at("10.0.0.1", range(500)))

    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "more than 100 addresses of nodes are known"
    ]


def test_hosts_take_turns() -> None:
    """Each host gets a dial before one gets its second, the latest address first."""
    candidates = table(*at("10.0.0.1", range(50)), *at("10.0.0.2", range(2)), *at("10.0.0.3", range(1)))

    assert set(turns(candidates, 5)) == {
        *at("10.0.0.1", (48, 49)),
        *at("10.0.0.2", (0, 1)),
        *at("10.0.0.3", (0,)),
    }


def test_the_untried_come_first() -> None:
    """Within a host the address with the fewest attempts has the next turn."""
    candidates = table(*at("10.0.0.1", range(10)))
    for entry in candidates:
        entry.attempts = entry.number % 3

    assert set(turns(candidates, 3)) == {*at("10.0.0.1", (2, 5, 8))}


def test_what_peers_vouch_for_comes_first() -> None:
    """An address that a peer named is dialled before hints that anyone could have written."""
    candidates = table(*at("10.0.0.1", range(50)))
    vouched = list(candidates)[10]
    vouched.vouched_until, vouched.attempts = 60.0, 3

    assert turns(candidates, 1) == [vouched.text]


def test_dials_under_way_count() -> None:
    """What is being dialled takes its share, for all together and for its host; seeds take none."""
    candidates = table(*at("10.0.0.1", range(4)), *at("10.0.0.2", range(1)))
    first, second, third, fourth, other = candidates

    second.seeds = 1

    assert take_turns([third, fourth, other], [first, second], 2) == [other]
    assert take_turns([second, third], [first], 1) == [second]
