"""``docs/wire.md`` says what goes over the wire: its examples, numbers and tables are held against the code."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import Any, Final

import pytest

from support.sources import ROOT
from zmqlayer.actions import Action, Publish, Push
from zmqlayer.codec import decode, encode, unpack_control
from zmqlayer.config import Config
from zmqlayer.frames import (
    BROADCAST,
    HEADER_BYTES,
    PROTOCOL_MAJOR,
    PROTOCOL_MINOR,
    Kind,
    group_topic,
    is_barrier,
    node_of,
    node_topic,
    pack,
    pack_work,
    parse,
    parse_batch,
    parse_work,
    parse_work_batch,
)
from zmqlayer.greetings import Greeting
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.ports import Candidate
from zmqlayer.requests import PART
from zmqlayer.security import Keys

TEXT: Final = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
LINE: Final = re.compile(r"([0-9a-f]+)(?: +(\S.*))?")
TYPES: Final[dict[str, tuple[type, ...]]] = {
    "any": (object,),
    "bin": (bytes,),
    "bool": (bool,),
    "float": (float,),
    "int": (int,),
    "list": (list,),
    "map": (dict,),
    "nil": (type(None),),
    "str": (str,),
}


@dataclass(frozen=True)
class Example:
    """One frame of the document, and what the notes beside its bytes say about it."""

    wire: bytes
    notes: dict[str, str]


@dataclass(frozen=True)
class Row:
    """One row of the table of kinds."""

    number: int
    carrier: str
    topics: list[str]
    body: str


def section(heading: str) -> str:
    """Return the text below a heading of the document, up to the next of any level."""
    return TEXT.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the first table's rows, without its head."""
    from_table = dropwhile(lambda line: not line.startswith("|"), text.splitlines())
    lines = list(takewhile(lambda line: line.startswith("|"), from_table))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def example(kind: Kind) -> Example:
    """Return the example in the section of *kind*."""
    lines = section(f"### {kind.name}").split("```frame\n")[1].split("\n```")[0].splitlines()
    matches = [match for line in lines if (match := LINE.fullmatch(line))]
    assert len(matches) == len(lines)
    notes = dict(match[2].partition(": ")[::2] for match in matches if match[2])
    return Example(bytes.fromhex("".join(match[1] for match in matches)), notes)


def documented_keys(kind: Kind) -> dict[str, tuple[type, ...]]:
    """Return the payload keys in the section of *kind*, with their types."""
    return {
        key.strip("`"): tuple(known for name in types.split(" or ") for known in TYPES[name])
        for key, types, _ in rows(section(f"### {kind.name}"))
    }


def topic_name(topic: bytes) -> str:
    """Return which sort of topic this is, as the document calls it."""
    if topic == BROADCAST:
        return "broadcast"
    return "node" if node_of(topic) else "barrier" if is_barrier(topic) else "group"


KINDS: Final = {
    name: Row(int(number), carrier, topics.split(" or "), body)
    for name, number, carrier, topics, body in rows(section("## Kinds"))
}


@pytest.fixture(scope="module")
def traffic() -> dict[Kind, list[tuple[str, bytes]]]:
    """Carrier and bytes of what two nodes say while they do all that nodes do."""
    network = MemoryNetwork(seed=3)
    a, b = network.add("a"), network.add("b", prefetch=9)
    said: dict[Kind, list[tuple[str, bytes]]] = defaultdict(list)
    for node in (a, b):
        _listen(node, said)
    _say_what_friends_say(network, a, b)
    _say_the_rest(network, a, b)
    return said


def _say_what_friends_say(network: MemoryNetwork, a: MemoryNode, b: MemoryNode) -> None:
    """Have messages of all kinds sent, work and groups."""
    network.run(2)
    member = b.new_channel()
    a.group_add("news", member)
    a.group_add("log", "audit")
    for _ in range(PART):
        b.group_add("crowd", b.new_channel())
    b.group_add("crowd", member)
    a.send(member, {"text": "hi"})
    for _ in range(2):
        a.mesh.send(member, encode(member, {"text": "hi"}, 100), network.now)
    network.pump(a)
    b.wait("jobs")
    network.run(1)
    a.group_send("news", {"text": "hi"})
    a.mesh.group_channels("crowd", network.now)
    network.pump(a)
    a.send("jobs", {"n": 1})
    for _ in range(2):
        a.mesh.send("jobs", encode("jobs", {"n": 1}, 100), network.now)
    network.pump(a)
    b.mesh.receive(_skipping(a, b), network.now)
    network.run(1)
    b.take(member)


def _say_the_rest(network: MemoryNetwork, a: MemoryNode, b: MemoryNode) -> None:
    """Have a channel closed, credit asked back, losses reported, a stranger refused, and work returned."""
    closed = b.new_channel()
    a.send(closed, {"text": "hi"})
    network.run(0.01)
    b.mesh.close_channel(closed, network.now)
    network.pump(b)
    late = network.add("late", hints=[])
    network.run(1)
    b.mesh.found(Candidate(late.pull, late.node_id), network.now)
    network.run(1)
    b.wait("jobs")  # and asks for credit back
    network.run(1)
    b.mesh.receive(_skipping_work(a, b), network.now)
    network.run(1)
    foreign = network.add("foreign", cluster="another", hints=[])
    foreign.mesh.found(Candidate(b.pull, b.node_id), network.now)
    network.pump(foreign)
    network.run(1)
    b.leave()  # and returns the job that it did not take
    network.run(1)


def _skipping(sender: MemoryNode, receiver: MemoryNode) -> bytes:
    """Return a message before which one was lost."""
    account = sender.mesh.account(receiver.node_id)
    account.mail_sent += 2
    topic, sequence = node_topic(receiver.node_id), account.mail_sent
    return pack(topic, Kind.DIRECT, sender.node_id, 1000, receiver.new_channel(), b"\x80", sequence)


def _skipping_work(sender: MemoryNode, receiver: MemoryNode) -> bytes:
    """Return a message for a reader that is unknown, before which one was lost."""
    account = sender.mesh.account(receiver.node_id)
    account.work_sent += 2
    topic, sequence = node_topic(receiver.node_id), account.work_sent
    return pack(topic, Kind.WORK, sender.node_id, 1000, "jobs", pack_work(0, 0, 1, b"\x80"), sequence)


def _listen(node: MemoryNode, said: dict[Kind, list[tuple[str, bytes]]]) -> None:
    take = node.mesh.outgoing

    def outgoing() -> list[Action]:
        actions = take()
        for action in actions:
            if isinstance(action, Publish | Push):
                carrier = "XPUB" if isinstance(action, Publish) else "PUSH"
                said[Kind(parse(action.wire).kind)].append((carrier, action.wire))
        return actions

    node.mesh.outgoing = outgoing  # type: ignore[method-assign]  # to listen is all it adds


def test_kinds_are_all_there() -> None:
    """The table names every kind with its number, and no other."""
    assert {name: row.number for name, row in KINDS.items()} == {kind.name: kind.value for kind in Kind}


def test_header_and_version_are_right() -> None:
    """The header has the length, and the protocol the version, that the document says."""
    assert f"{HEADER_BYTES} bytes, then the target" in section("## Header")
    assert f"protocol {PROTOCOL_MAJOR}.{PROTOCOL_MINOR}." in TEXT


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_example_parses(kind: Kind) -> None:
    """Each example is a frame of its kind, says what its notes say, and is what the code would write."""
    shown, frame = example(kind), parse(example(kind).wire)

    assert (Kind(frame.kind).name, topic_name(frame.topic)) == (kind.name, shown.notes["topic"])
    assert (str(frame.ttl_ms), str(len(frame.target))) == (shown.notes["ttl"], shown.notes["length"])
    assert str(frame.sequence) == shown.notes["sequence"]
    assert (shown.notes["kind"], shown.notes.get("target", "")) == (kind.name, frame.target)
    assert pack(*frame) == shown.wire


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_example_body_is_what_it_says(kind: Kind) -> None:
    """Each example's body unpacks to the value beside it, with documented keys only."""
    shown, body = example(kind), parse(example(kind).wire).body
    if KINDS[kind.name].body == "work":
        *numbers, body = parse_work(body)
        assert [str(number) for number in numbers] == [shown.notes[name] for name in ("link", "reader", "number")]
    if KINDS[kind.name].body == "batch":
        assert [decode(each) for each in parse_batch(body)] == [{"text": "hi"}, {"text": "ho"}]
        return
    if KINDS[kind.name].body == "work batch":
        link, reader, items = parse_work_batch(body)
        assert [str(link), str(reader)] == [shown.notes["link"], shown.notes["reader"]]
        assert [(str(number), str(ttl)) for number, ttl, _ in items] == [
            (shown.notes[f"number of the {place}"], shown.notes[f"ttl of the {place}"]) for place in ("first", "second")
        ]
        assert [decode(message) for _, _, message in items] == [{"n": 1}, {"n": 2}]
        return
    if KINDS[kind.name].body == "empty":
        assert body == b""
        return
    payload = unpack_control(body)
    assert payload == ast.literal_eval(shown.notes["body"])
    if KINDS[kind.name].body == "control":
        assert payload.keys() <= documented_keys(kind).keys()


def test_hello_example_is_valid() -> None:
    """The example of a greeting passes the checks of a receiver."""
    payload = unpack_control(parse(example(Kind.HELLO).wire).body)

    assert Greeting.from_payload(payload).to_payload() == payload


def test_group_example_has_the_groups_topic() -> None:
    """The topic in the example of GROUP is the digest of the names beside it."""
    assert parse(example(Kind.GROUP).wire).topic == group_topic("default", "news")


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_nodes_send_what_is_documented(kind: Kind, traffic: dict[Kind, list[tuple[str, bytes]]]) -> None:
    """What running nodes send has the carrier, the topic and the payload keys of the document: all, and no other."""
    row = KINDS[kind.name]
    frames = [parse(wire) for _, wire in traffic[kind]]

    assert {carrier for carrier, _ in traffic[kind]} == set(row.carrier.split(" or "))
    assert {topic_name(frame.topic) for frame in frames} <= set(row.topics)
    if row.body == "control":
        payloads = [unpack_control(frame.body) for frame in frames]
        _check_keys(documented_keys(kind), payloads)


def _check_keys(documented: dict[str, tuple[type, ...]], payloads: list[dict[str, Any]]) -> None:
    assert {key for payload in payloads for key in payload} == set(documented)
    wrong = [(key, value) for p in payloads for key, value in p.items() if not isinstance(value, documented[key])]
    assert not wrong


def test_key_examples_are_right() -> None:
    """The public key and the cluster tags of the document are those that the code derives."""
    (secret, cluster, public, tag), (_, _, _, plain_tag) = (
        [cell.strip("`") for cell in row] for row in rows(section("## Security"))
    )

    assert Keys.derive(secret.encode(), cluster).public.decode() == public
    assert Config(cluster=cluster, secrets=(secret.encode(),)).cluster_tag == tag
    assert Config(cluster=cluster).cluster_tag == plain_tag
