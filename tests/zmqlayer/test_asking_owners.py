"""A channel's owner is asked by others: what cuts, wedged owners, full tables and hostile peers do to that."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.network import control, error_of, inject, joined, missing_of, numbered, sent
from zmqlayer.codec import unpack_control
from zmqlayer.exceptions import NotConfirmed
from zmqlayer.frames import Kind, parse
from zmqlayer.limits import Limits


@pytest.mark.parametrize("cut_after_s", [0.0, 0.03, 0.05, 0.07, 0.1, 0.2])
def test_a_cut_is_no_answer(cut_after_s: float) -> None:
    """Wherever a cut meets a remote group_add, it is over only when the owner has done it: asked again if need be."""
    network, server, worker, third = joined("server", "worker", "third")
    network.delay(server, worker, 0.04)
    channel = server.new_channel()
    token = worker.group_add("room", channel)
    network.run(cut_after_s)
    network.cut(server, worker)

    while not worker.completed(token):
        network.run(0.001)
    third.group_send("room", {"n": 1})
    network.run(0.05)

    assert (error_of(worker, token), missing_of(worker, token)) == (None, set())
    assert numbered(server, channel) == [1]


def test_an_owner_that_cannot_be_reached_in_time_did_not_confirm() -> None:
    """A cut that outlasts the wait is an error for the one who asked, and a later attempt succeeds."""
    network, server, worker = joined("server", "worker")
    channel = server.new_channel()
    network.partition(server, worker)
    token = worker.group_add("room", channel)
    network.run(1.1)
    network.heal(server, worker)
    network.run(0.5)

    again = worker.group_add("room", channel)
    network.run(0.5)

    assert isinstance(error_of(worker, token), NotConfirmed)
    assert error_of(worker, again) is None


def test_an_owner_whose_link_comes_up_is_asked() -> None:
    """A link that is just starting anew is waited for, not taken for none."""
    network, server, worker = joined("server", "worker")
    channel = server.new_channel()
    network.cut(server, worker)
    network.run(0.01)
    state = worker.sees(server)

    token = worker.group_add("room", channel)
    network.run(0.9)
    worker.group_send("room", {"n": 1})
    network.run(0.05)

    assert state == "greeted"
    assert error_of(worker, token) is None
    assert numbered(server, channel) == [1]


@pytest.mark.parametrize("call", ["group_add", "group_discard"])
def test_a_request_about_a_channel_of_another_breaks_the_protocol(call: str) -> None:
    """Only the owner of a channel is asked about it."""
    network, a, b = joined("a", "b")
    request = {"id": 1, "service": call, "group": "room", "channel": b.new_channel()}

    inject(network, a, control(b.node_id, Kind.ASK, a, request))

    assert a.mesh.counters.malformed == 1


def test_an_owner_without_room_refuses() -> None:
    """The limit of the owner reaches the one who asked, as an error that names it."""
    network, server, worker = joined("server", "worker", limits=Limits(groups=1, memberships=1))
    channels = server.new_channel(), server.new_channel()
    server.group_add("room", channels[0])

    tokens = worker.group_add("room", channels[1]), worker.group_add("other", channels[0])
    network.run(0.1)

    assert [str(error_of(worker, token)) for token in tokens] == [
        "the node that was asked has as many memberships as its limits allow",
        "the node that was asked has as many groups as its limits allow",
    ]


def test_a_hostile_peer_cannot_grow_what_is_in_service() -> None:
    """However many questions a peer asks at once, only so many are in service; the rest is refused."""
    network, a, b, far = joined("a", "b", "far", limits=Limits(requests_in_service=5))
    network.stop(far)
    channel = a.new_channel()

    for number in range(50):
        ask = {"id": number, "service": "group_add", "group": "room", "channel": channel}
        a.mesh.receive(control(b.node_id, Kind.ASK, a, ask), network.now)
    refused = sent(a.mesh.outgoing(), Kind.ANSWER)

    assert len(refused) == 45
    assert {unpack_control(parse(wire).body)["value"] for wire in refused} == {"requests_in_service"}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_what_an_owner_confirmed_is_done_whatever_happens(seed: int, data: st.DataObject) -> None:
    """Cuts, joins, deaths and a busy owner at any moment: a request without an error is done for whoever is ready."""
    network, server, worker, sender, other = joined("server", "worker", "sender", "other", seed=seed)
    network.delay(server, worker, data.draw(st.sampled_from([0.0002, 0.03])))
    faults = [
        lambda: network.cut(server, worker),
        lambda: network.cut(server, sender),
        lambda: network.kill(other),
        lambda: network.add("new"),
    ]
    for fault in data.draw(st.lists(st.sampled_from(faults), max_size=4, unique=True)):
        network.after(data.draw(st.floats(0, 0.2)), fault)
    network.run(data.draw(st.floats(0, 0.2)))
    channel = server.new_channel()
    token = worker.group_add("room", channel)
    quiet_at = network.now + 0.2
    while not worker.completed(token):
        network.run(0.001)
    is_promised = error_of(worker, token) is None and server.sees(sender) == sender.sees(server) == "ready"

    if is_promised and network.now >= quiet_at:
        sender.group_send("room", {"n": 1})
        network.run(0.1)
        assert numbered(server, channel) == [1]
    else:
        network.run(max(0.0, quiet_at - network.now) + 1.0)
        sender.group_send("room", {"n": 1})
        network.run(0.1)
        assert numbered(server, channel) == [1] or error_of(worker, token) is not None
