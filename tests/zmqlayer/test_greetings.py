"""HELLO: what is said comes back, and what is malformed raises ProtocolError and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import links, node_ids, quick, texts, values
from zmqlayer.codec import pack_control, unpack_control
from zmqlayer.exceptions import ProtocolError
from zmqlayer.gossip import MAX_GOSSIP
from zmqlayer.greetings import MAX_HOSTS, Greeting, address_of, host_of, is_numeric

PEER: list[Any] = [bytes(16), "tcp://10.0.0.1:5000", "0123abcd"]
PAYLOAD: dict[str, Any] = {
    "version": [1, 0],
    "cluster": "0123abcd",
    "role": "worker",
    "link": 7,
    "hosts": ["127.0.0.1"],
    "pull": 5000,
    "pub": 5001,
    "dialled": "tcp://127.0.0.1:4000",
    "answer": False,
    "patience_ms": 2000,
    "via": "",
    "to": None,
    "peers": [],
}

OPTIONAL = {"patience_ms", "via", "to"}

ports = st.integers(1, 65535)
greetings = st.builds(
    Greeting,
    cluster=texts,
    role=texts,
    link=links,
    hosts=st.lists(texts, min_size=1, max_size=MAX_HOSTS).map(tuple),
    pull=ports,
    pub=ports,
    dialled=texts,
    is_answer=st.booleans(),
    peers=st.lists(st.tuples(node_ids, texts.map("tcp://{}".format), st.just("0123abcd")), max_size=4).map(tuple),
    major=st.integers(0, 9),
    minor=st.integers(0, 9),
)

MALFORMED: dict[str, list[Any]] = {
    "version": [None, 1, [], [1], [1, 2, 3], ["1", 0], [1, 0.0], [True, 0], {"1": 0}],
    "cluster": [None, 1, b"0123abcd"],
    "role": [None, 3, b"worker"],
    "link": [None, "7", 7.0, True, -1, 2**32],
    "hosts": [None, [], "127.0.0.1", [1], [b"127.0.0.1"], ["h"] * (MAX_HOSTS + 1)],
    "pull": [None, 0, -1, 65536, "5000", True],
    "pub": [None, 0, -1, 65536, "5000", 5001.0],
    "dialled": [None, 1, b"tcp://127.0.0.1:4000"],
    "answer": [None, 1, "yes"],
    "peers": [
        None, {}, [1], [[]], [[bytes(16)]], [[*PEER, 1]], [[bytes(15), PEER[1]]], [["a" * 16, PEER[1]]],
        [[bytes(16), "ipc://x"]], [[bytes(16), b"tcp://10.0.0.1:1"]], [PEER] * (MAX_GOSSIP + 1),
    ],
}  # fmt: skip
CASES = [(key, value) for key, several in MALFORMED.items() for value in several]


@quick
@given(greetings)
def test_greetings_survive_the_wire(greeting: Greeting) -> None:
    """What one node says is what the other hears."""
    assert Greeting.from_payload(unpack_control(pack_control(greeting.to_payload()))) == greeting


def test_a_payload_is_this() -> None:
    """The keys on the wire are these, and a greeting that is read gives them back."""
    assert Greeting.from_payload(PAYLOAD).to_payload() == PAYLOAD


def test_unknown_keys_are_ignored() -> None:
    """A key of a later minor version changes nothing."""
    assert Greeting.from_payload(PAYLOAD | {"new": 1}) == Greeting.from_payload(PAYLOAD)


def test_gossip_is_read() -> None:
    """Each of the peers named is an id, an address and a tag."""
    assert Greeting.from_payload(PAYLOAD | {"peers": [PEER] * MAX_GOSSIP}).peers == (tuple(PEER),) * MAX_GOSSIP


def test_long_roles_are_cut() -> None:
    """A role is for people, and is cut where it becomes long."""
    assert Greeting.from_payload(PAYLOAD | {"role": "x" * 1000}).role == "x" * 32


@pytest.mark.parametrize(("key", "value"), CASES)
def test_malformed_values_are_refused(key: str, value: object) -> None:
    """A value of the wrong kind or out of range is refused, and the sentence names its key."""
    with pytest.raises(ProtocolError, match=f"HELLO has .*{key}"):
        Greeting.from_payload(PAYLOAD | {key: value})


def test_later_keys_may_be_missing() -> None:
    """A node that does not know the keys that came after 1.0 is understood."""
    greeting = Greeting.from_payload({key: value for key, value in PAYLOAD.items() if key not in OPTIONAL})

    assert (greeting.patience_ms, greeting.via, greeting.to) == (0, "", None)


@pytest.mark.parametrize("key", sorted(PAYLOAD.keys() - OPTIONAL))
def test_missing_keys_are_refused(key: str) -> None:
    """Every key of protocol 1.0 is needed."""
    with pytest.raises(ProtocolError, match=f"HELLO has a NoneType as '{key}'"):
        Greeting.from_payload({name: value for name, value in PAYLOAD.items() if name != key})


@quick
@given(st.fixed_dictionaries({}, optional={key: st.just(value) | values for key, value in PAYLOAD.items()}))
def test_anything_is_a_greeting_or_a_protocol_error(payload: dict[str, Any]) -> None:
    """Whatever a payload holds, it is a greeting or raises ProtocolError, and nothing else."""
    try:
        greeting = Greeting.from_payload(payload)
    except ProtocolError:
        return

    assert greeting.hosts
    assert 0 < greeting.pull < 65536


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "tcp://127.0.0.1:80"),
        ("example.net", "tcp://example.net:80"),
        ("::1", "tcp://[::1]:80"),
        ("2001:db8::5", "tcp://[2001:db8::5]:80"),
        ("fe80::1%eth0", "tcp://[fe80::1%eth0]:80"),
        ("fe80::5%2", "tcp://[fe80::5%2]:80"),
    ],
)
def test_hosts_and_addresses(host: str, address: str) -> None:
    """An address is made of a host and a port, and the host is read back from it."""
    assert address_of(host, 80) == address
    assert host_of(address) == host


@pytest.mark.parametrize("host", ["10.0.0.5", "[::1]", "[fe80::1%eth0]", "[::ffff:10.0.0.5]"])
def test_what_needs_no_resolver(host: str) -> None:
    """IP addresses, with a zone or without."""
    assert is_numeric(f"tcp://{host}:5757")


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "mesh.example", "", "*", "127.1", "999.0.0.1", "10.0.0.5:1", "::1", "[[::1]]", "[mesh]",
        "eth0;10.0.0.5", "10.0.0.5:0;mesh", "[fe80::1%a]:0;mesh", "[fe80::1%a:0;mesh]", "[::1", "10.0.0.5\n",
    ],
)  # fmt: skip
def test_what_would_be_looked_up(host: str) -> None:
    """All else that libzmq may take: names, what looks like an address, and a source before the target."""
    assert not is_numeric(f"tcp://{host}:5757")


@pytest.mark.parametrize("port", ["", "http", "-1", "5757;mesh:1", "\u0665", "123456"])
def test_an_address_has_a_port(port: str) -> None:
    """A number, and nothing behind it."""
    assert not is_numeric(f"tcp://10.0.0.5:{port}")
