"""The life of links: the handshake under every disturbance, silence, the end, and who is refused."""

from __future__ import annotations

import logging

import pytest

from support.network import assert_meshed, control, greeting, hear, inject, joined, numbered, send_numbers
from zmqlayer.actions import Action, Probe
from zmqlayer.frames import Kind
from zmqlayer.limits import Limits
from zmqlayer.memory import MemoryNetwork, MemoryNode
from zmqlayer.names import NodeId
from zmqlayer.peers import PeerState
from zmqlayer.ports import Candidate
from zmqlayer.timing import Timing

READY, SILENT, GONE = PeerState.READY, PeerState.SILENT, PeerState.GONE


def dial(network: MemoryNetwork, node: MemoryNode, *others: MemoryNode) -> None:
    """Let discovery tell *node* of the others, as if they had just been found."""
    for other in others:
        node.mesh.found(Candidate(f"tcp://{other.name}:1", other.node_id), network.now)
    network.pump(node)


# The handshake


def test_two_nodes_become_ready_at_once() -> None:
    """A handshake takes a few times the network's delay, and both sides agree that it is over."""
    network = MemoryNetwork(seed=1)
    a, b = network.add("a"), network.add("b")

    network.run(0.01)

    assert_meshed(a, b)


@pytest.mark.parametrize("seed", range(5))
def test_simultaneous_dialling_makes_one_link(seed: int) -> None:
    """Two nodes that dial each other at the same moment end up with one link, which came up once."""
    network = MemoryNetwork(seed)
    a, b = network.add("a"), network.add("b")
    dial(network, a, b)

    network.run(5.0)

    assert (a.changes(b), b.changes(a)) == ([READY], [READY])
    assert len(a.subs) == len(b.subs) == 1


@pytest.mark.parametrize("delay_s", [0.05, 0.1])
def test_a_slow_side_becomes_ready(delay_s: float) -> None:
    """A far peer takes longer, and the near one does not wait for it."""
    network = MemoryNetwork(seed=2)
    a, b, far = (network.add(name) for name in ("a", "b", "far"))
    network.delay(a, far, delay_s)
    network.delay(b, far, delay_s)

    network.run(0.02)
    near = a.sees(b)
    network.run(16 * delay_s)

    assert near == "ready"
    assert_meshed(a, b, far)


def test_ten_nodes_find_each_other() -> None:
    """Each of ten nodes that start together is ready for each other."""
    network = MemoryNetwork(seed=3)
    nodes = [network.add(f"n{number}") for number in range(10)]

    network.run(1.0)

    assert_meshed(*nodes)


def test_one_reachable_seed_is_enough() -> None:
    """Nodes that know the same third tell each other's addresses through it."""
    network = MemoryNetwork(seed=4)
    seed = network.add("seed")
    a, b = network.add("a"), network.add("b")
    for node in (a, b):
        network.kill(node)
    a, b = network.add("a", seeds="tcp://seed:1"), network.add("b", seeds="tcp://seed:1")
    for node in (a, b):
        node.mesh.found(Candidate("tcp://seed:1"), network.now)
        network.pump(node)

    network.run(1.0)

    assert_meshed(seed, a, b)


def test_a_handshake_survives_a_cut() -> None:
    """Connections that break in the middle of a handshake do not keep two nodes apart."""
    network = MemoryNetwork(seed=5, delay_s=0.01)
    a, b = network.add("a"), network.add("b")
    for _ in range(6):
        network.run(0.013)
        network.cut(a, b)

    network.run(10.0)

    assert_meshed(a, b)


def test_a_goodbye_of_another_does_not_spoil_a_handshake() -> None:
    """A peer that leaves while another one is being dialled does not delay that handshake."""
    network = MemoryNetwork(seed=6)
    a, leaving = network.add("a"), network.add("leaving")
    network.run(0.5)
    far = network.add("far")
    network.partition(far, a)
    network.delay(a, far, 0.05)
    network.run(0.3)
    network.heal(far, a)
    dial(network, a, far)
    network.run(0.06)

    leaving.leave()
    network.run(1.0)

    assert_meshed(a, far)


def test_a_dial_outlives_the_end_of_another_link() -> None:
    """The link number of a dial under way holds, although an ended link makes the next dials use another."""
    network = MemoryNetwork(seed=6)
    a, other = network.add("a"), network.add("other")
    network.run(0.5)
    network.delay(a, far := network.add("far", seeds="tcp://a:1"), 0.1)
    network.run(0.05)
    other.leave()

    network.run(1.9)

    assert_meshed(a, far)


def test_dialling_a_linked_peer_at_one_more_address_leaves_the_link_alone() -> None:
    """A seed that turns out to be a peer under another name is answered, and restarts nothing."""
    network, a, b = joined("a", "b")
    b.events.clear()
    # a is linked to b, and did not know who listens at the alias
    gossip = [[b.node_id, "tcp://b:1", b.config.cluster_tag]]
    payload = greeting(b.config.cluster_tag, link=99, hosts=["a"], dialled="tcp://alias-of-b:1", peers=gossip)

    inject(network, b, control(a.node_id, Kind.HELLO, b, payload))
    network.run(1.0)

    assert b.changes(a) == []
    assert_meshed(a, b)


# Cuts and partitions


def test_a_cut_link_starts_anew() -> None:
    """Connections that break come back by themselves; the peer was never gone."""
    network, a, b = joined("a", "b")

    network.cut(a, b)
    network.run(1.0)

    assert_meshed(a, b)
    assert GONE not in a.changes(b) + b.changes(a)


@pytest.mark.parametrize("seed", range(8))
def test_repeated_cuts_leave_a_working_link(seed: int) -> None:
    """However often connections break, and however slow the network is, messages pass in the end."""
    network, a, b = joined("a", "b", seed=seed)
    network.delay(a, b, 0.02)
    channel = b.new_channel()
    for _ in range(5):
        network.cut(a, b)
        network.run(0.15)
    network.run(10.0)
    assert_meshed(a, b)

    a.send(channel, {"n": 1})
    network.run(0.1)

    assert numbered(b, channel) == [1]


def test_a_partition_of_five_seconds_is_silence() -> None:
    """A peer that is not heard for three seconds is SILENT, and READY again when it is heard; nothing is lost."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    network.partition(a, b)
    network.run(5.0)
    states = a.sees(b), b.sees(a)
    send_numbers(a, channel, range(3))

    network.heal(a, b)
    network.run(0.5)

    assert states == ("silent", "silent")
    assert a.changes(b) == [READY, SILENT, READY]
    assert numbered(b, channel) == [0, 1, 2]


def test_a_partition_of_twenty_seconds_is_the_end_of_the_link() -> None:
    """A peer that is not heard for eight seconds is GONE; when the network heals, a new link comes up."""
    network, a, b = joined("a", "b")
    network.partition(a, b)
    network.run(20.0)
    states = a.sees(b), b.sees(a)

    network.heal(a, b)
    network.run(10.0)

    assert states == (None, None)
    assert a.changes(b) == [READY, SILENT, GONE, READY]
    assert_meshed(a, b)


def test_a_host_that_carried_a_link_is_tried_first_again() -> None:
    """Nodes name several hosts; after a cut they do not go on to one where only they themselves can reach them."""
    network, a, b = joined("a", "b", also_at=("localhost",))
    network.partition(a, b)
    network.run(20.0)

    network.heal(a, b)
    network.run(3.0)

    assert_meshed(a, b)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("seconds", [5.0, 9.0, 20.0, 45.0, 300.0])
def test_a_healed_network_is_noticed(seconds: float, seed: int) -> None:
    """Whoever was linked before a partition is READY again within three seconds of its end."""
    network, a, b = joined("a", "b", seed=seed)
    network.partition(a, b)
    network.run(seconds)

    network.heal(a, b)
    network.run(3.0 if seconds < 60 else 8.0)

    assert_meshed(a, b)


def test_a_hint_that_never_led_to_a_link_is_dialled_less_and_less() -> None:
    """Haste is for those that were lost: an address where nobody answers costs little."""
    network = MemoryNetwork(seed=1)
    a = network.add("a", seeds="tcp://nowhere:1")
    a.mesh.found(Candidate("tcp://nowhere:1"), network.now)
    network.pump(a)
    network.run(30.0)

    probed = count_probes(a)
    network.run(70.0)

    assert 8 <= len(probed) <= 16


@pytest.mark.parametrize("delay_s", [0.2, 0.3, 0.5])
def test_a_slow_network_is_patient(delay_s: float) -> None:
    """A handshake over a satellite takes its time, and comes to an end at the first attempt."""
    network = MemoryNetwork(seed=2)
    a, b = network.add("a"), network.add("b", hints=[])
    network.delay(a, b, delay_s)
    dial(network, a, b)

    network.run(30 * delay_s)

    assert_meshed(a, b)
    assert a.changes(b) == b.changes(a) == [READY]


def test_silence_and_the_end_come_in_time() -> None:
    """SILENT after 3 seconds and GONE after 8, each at most one heartbeat late."""
    network, a, b = joined("a", "b")
    network.partition(a, b)

    seen = []
    for _ in range(100):
        network.run(0.1)
        seen.append(a.sees(b))

    assert 20 <= seen.index("silent") <= 40
    assert 70 <= seen.index(None) <= 90


def test_a_partition_parts_only_two() -> None:
    """Others keep their links to both sides."""
    network, a, b, c = joined("a", "b", "c")

    network.partition(a, b)
    network.run(10.0)

    assert a.sees(b) is None
    assert c.changes(a) == c.changes(b) == [READY]


@pytest.mark.parametrize("is_up", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("carrier", ["subs", "pushes"])
def test_a_one_way_connection_does_not_flap(carrier: str, is_up: bool) -> None:
    """If one direction of one connection is dead, both ends see it, and go down once: nobody goes back and forth."""
    network, a, b = joined("a", "b")
    (pipe,) = getattr(a, carrier).values()
    network.blackhole(pipe, is_up=is_up)
    network.run(15.0)
    soon = a.changes(b), b.changes(a)

    network.run(60.0)

    assert all(changes in ([READY, SILENT, GONE], [READY, GONE]) for changes in soon)
    assert (a.changes(b), b.changes(a)) == soon


@pytest.mark.parametrize(
    ("at_once", "are_taken"), [(1, True), (2, True), (1, False)], ids=["one by one", "in batches", "outstanding"]
)
def test_what_is_pushed_does_not_stand_for_what_is_published(at_once: int, are_taken: bool) -> None:
    """A node that hands over work, but whose published words do not arrive any more, falls silent like an idle one."""
    network, a, b = joined("a", "b", prefetch=100)
    b.wait("work")
    network.run(0.1)
    (published,) = b.subs.values()
    network.blackhole(published, is_up=False)

    for _ in range(40):
        send_numbers(a, "work", range(at_once))
        network.run(0.1)
        if are_taken:
            b.take_all("work")

    assert b.sees(a) == "silent"


@pytest.mark.parametrize("seed", range(3))
def test_a_one_way_network_does_not_flap(seed: int) -> None:
    """If all that one node says is lost on its way to another, both lose the link and get it back with the network."""
    network, a, b = joined("a", "b", seed=seed)
    network.partition(a, b, is_one_way=True)
    network.run(60.0)
    during = a.changes(b), b.changes(a)

    network.heal(a, b)
    network.run(8.0)

    assert all(changes in ([READY, SILENT, GONE], [READY, GONE]) for changes in during)
    assert_meshed(a, b)


# Death, restart, goodbye


def test_a_killed_peer_is_gone_at_once() -> None:
    """Its pipe is cut and its address refuses: that is the end, long before any timeout."""
    network, a, b = joined("a", "b")

    network.kill(b)
    network.run(0.01)

    assert a.changes(b) == [READY, GONE]


def test_a_killed_peer_behind_a_partition_is_not_gone_at_once() -> None:
    """Silence is no refusal: who does not answer has half a second to come back."""
    network, a, b = joined("a", "b")
    network.cut(a, b)
    network.run(0.001)
    network.partition(a, b)
    network.run(0.3)
    during = a.sees(b)

    network.run(0.3)

    assert during == "greeted"
    assert a.sees(b) is None


def test_an_address_that_refuses_is_no_accusation_while_the_pipe_stands() -> None:
    """Only who was cut off is probed, and only then a refusal counts."""
    network, a, b = joined("a", "b")

    a.mesh.probed(b.pull, False, network.now)
    network.run(1.0)

    assert a.changes(b) == [READY]


def test_a_listener_that_closes_last_is_found_out() -> None:
    """A dying process may still accept when its first pipe breaks: it is asked again."""
    network, a, b = joined("a", "b")
    network.cut(a, b)
    network.run(0.0001)
    a.mesh.probed(b.pull, True, network.now)

    network.kill(b)
    network.run(0.06)

    assert a.changes(b) == [READY, GONE]


def test_a_restart_at_the_same_address_is_a_new_peer() -> None:
    """The old process is gone, and the new one at its address is somebody else with the same name."""
    network, a, b = joined("a", "b")
    network.kill(b)

    reborn = network.add("b")
    network.run(1.0)

    assert a.changes(b) == [READY, GONE]
    assert a.changes(reborn) == [READY]
    assert_meshed(a, reborn)


def test_mail_for_the_dead_does_not_reach_the_next_at_the_address() -> None:
    """Work that was handed over to a process that died is not read by the one that took its place."""
    network, a, b = joined("a", "b", prefetch=8)
    b.wait("jobs")
    network.run(0.1)
    network.kill(b)
    send_numbers(a, "jobs", range(3))

    reborn = network.add("b")
    network.run(1.0)

    assert reborn.mesh.in_flight == 0
    assert reborn.mesh.counters.delivered == 0


def test_a_goodbye_is_immediate_and_final() -> None:
    """Who says goodbye is gone at once, and does not come back for a moment while its process ends."""
    network, a, b = joined("a", "b")

    b.leave()
    network.run(0.005)
    at_once = a.sees(b)
    network.run(5.0)

    assert at_once is None
    assert a.changes(b) == [READY, GONE]


def test_the_address_of_one_who_left_is_not_dialled() -> None:
    """After a goodbye nobody knocks at the door of the dead."""
    network, a, b = joined("a", "b")
    b.leave()
    network.run(1.0)

    network.run(20.0)

    assert not a.pushes


def test_the_address_of_the_dead_is_given_up() -> None:
    """A peer that died without a word is dialled for a minute, then forgotten."""
    network, a, b = joined("a", "b")
    network.kill(b)
    network.run(30.0)
    after_half_a_minute = a.mesh.peers(), bool(a.pushes) or a.mesh.next_deadline() < network.now + 6

    network.run(60.0)

    assert after_half_a_minute == ([], True)
    assert not a.pushes


# A node that stops and goes on


def test_a_stopped_peer_falls_silent_and_comes_back() -> None:
    """A process that stands still for five seconds is SILENT, and nothing sent to it is lost."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    network.stop(b)
    network.run(5.0)
    state = a.sees(b)
    a.send(channel, {"n": 1})

    network.resume(b)
    network.run(0.5)

    assert state == "silent"
    assert a.sees(b) == "ready"
    assert numbered(b, channel) == [1]


@pytest.mark.parametrize("seconds", [2.0, 5.0, 7.0])
def test_a_late_node_doubts_itself(seconds: float) -> None:
    """A node that stood still does not accuse the others of the silence that was its own."""
    network, a, b, c = joined("a", "b", "c")
    network.stop(a)
    network.run(seconds)

    network.resume(a)
    network.run(2.0)

    assert a.changes(b) == a.changes(c) == [READY]


def test_a_node_that_wakes_accuses_nobody_of_what_it_did_not_hear() -> None:
    """After half a minute it greets its peers as if their pipes had been cut; users of it hear of no end."""
    network, a, b, c = joined("a", "b", "c")
    network.stop(a)
    network.run(10.0)

    network.resume(a)
    network.run(5.0)

    assert SILENT not in a.changes(b) + a.changes(c)
    assert GONE not in a.changes(b) + a.changes(c)
    assert_meshed(a, b, c)


def test_a_late_node_does_not_count_its_own_delay_as_a_missed_barrier() -> None:
    """An echo that arrived while the node stood still is no reason to call its peer silent."""
    network, a, b = joined("a", "b")
    a.group_add("news", a.new_channel())
    network.stop(a)
    network.run(5.0)

    a.mesh.tick(network.now)  # before it looks at what arrived

    assert a.sees(b) == "ready"


def test_peers_say_how_late_they_are() -> None:
    """A heartbeat tells the longest delay of its node's loop since the last; nothing if it was in time."""
    network, a, b = joined("a", "b")
    network.run(2.0)
    in_time = lag_of(a, b)
    network.stop(b)
    network.run(2.6)

    network.resume(b)
    network.run(0.1)

    assert in_time < 100
    assert 1500 <= lag_of(a, b) <= 2600
    network.run(2.0)
    assert lag_of(a, b) < 100


def lag_of(node: MemoryNode, peer: MemoryNode) -> int:
    """Return how late *peer* says it is, in milliseconds, as *node* knows it."""
    return next(info.lag_ms for info in node.mesh.peers() if info.node_id == peer.node_id)


@pytest.mark.parametrize("lag", ["x", None, 1.5, [1]])
def test_a_lag_that_is_no_number_is_none(lag: object) -> None:
    """What a peer says of itself is not worth a broken link."""
    network, a, b = joined("a", "b")

    inject(network, a, control(b.node_id, Kind.HEARTBEAT, a, {"lag_ms": lag}))

    assert (a.sees(b), lag_of(a, b)) == ("ready", 0)


def test_doubt_lasts_no_longer_than_the_delay() -> None:
    """A peer that stops after a late node went on is noticed as fast as ever."""
    network, a, b = joined("a", "b")
    network.stop(a)
    network.run(6.0)
    network.resume(a)
    network.stop(b)

    network.run(4.5)

    assert a.sees(b) == "silent"


def test_a_node_that_stood_still_for_long_comes_back() -> None:
    """After half a minute the others have given it up; it links again with them, as the same process."""
    network, a, b, c = joined("a", "b", "c")
    network.stop(a)
    network.run(30.0)
    given_up = b.sees(a)

    network.resume(a)
    network.run(10.0)

    assert given_up is None
    assert_meshed(a, b, c)


# Greetings: storms, strangers, foreigners


def count_probes(node: MemoryNode) -> list[Probe]:
    """Return a list that grows by each probe that *node* makes from now on."""
    probed: list[Probe] = []
    outgoing = node.mesh.outgoing

    def listen() -> list[Action]:
        actions = outgoing()
        probed.extend(action for action in actions if isinstance(action, Probe))
        return actions

    node.mesh.outgoing = listen  # type: ignore[method-assign]  # to look, not to change
    return probed


@pytest.mark.parametrize("seed", range(3))
def test_greetings_come_to_rest(seed: int) -> None:
    """Each cut costs a handful of greetings, and a link at rest none."""
    network, a, b = joined("a", "b", seed=seed)
    heard = hear(a, Kind.HELLO)
    for _ in range(10):
        network.cut(a, b)
        network.run(1.0)
    during = len(heard)
    heard.clear()

    network.run(30.0)

    assert during <= 60
    assert heard == []


def test_a_node_that_hears_itself_is_no_peer() -> None:
    """Discovery also finds this node itself; it is dialled once at most."""
    network, a = joined("a")
    a.mesh.found(Candidate("tcp://a:1"), network.now)
    network.pump(a)

    network.run(30.0)

    assert a.mesh.peers() == []
    assert not a.pushes


@pytest.mark.parametrize(
    ("changes", "cure"),
    [({"cluster": "00000000"}, "cluster"), ({"version": [99, 0]}, "version")],
    ids=["another cluster", "another major version"],
)
def test_foreign_nodes_are_refused_once_with_the_cure(
    changes: dict[str, object], cure: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A node of another cluster or major version is never a peer; one line per node names the cure."""
    network, a, b = joined("a", "b")
    stranger = NodeId(b"s" * 16)
    wire = control(stranger, Kind.HELLO, a, greeting(a.config.cluster_tag, **changes))

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        for _ in range(5):
            inject(network, a, wire)

    assert [record.getMessage().count(cure) > 0 for record in caplog.records] == [True]
    assert [peer.node_id for peer in a.mesh.peers()] == [b.node_id]


def test_clusters_on_one_network_stay_apart(caplog: pytest.LogCaptureFixture) -> None:
    """Nodes of different clusters that find each other do not link, and keep their own peers."""
    network = MemoryNetwork(seed=1)
    a, b = network.add("a", cluster="red"), network.add("b", cluster="red")
    c, d = network.add("c", cluster="blue"), network.add("d", cluster="blue")

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        network.run(30.0)

    assert_meshed(a, b)
    assert_meshed(c, d)
    assert a.sees(c) is c.sees(a) is None
    refused = [record.getMessage() for record in caplog.records]
    assert sum(text.startswith("refused node") for text in refused) == 4
    assert sum("refused us" in text for text in refused) == 4
    assert len(refused) == 8


def test_a_higher_minor_version_is_welcome() -> None:
    """Minor versions interoperate, and keys that are not known are ignored."""
    network, a = joined("a")
    stranger = NodeId(b"s" * 16)

    inject(network, a, control(stranger, Kind.HELLO, a, greeting(a.config.cluster_tag, version=[1, 9], novelty=True)))

    assert [peer.node_id for peer in a.mesh.peers()] == [stranger]


def test_a_peer_that_never_finishes_the_handshake_is_given_up() -> None:
    """Who greets and then says nothing costs one entry for two seconds."""
    network, a = joined("a")
    inject(network, a, control(NodeId(b"s" * 16), Kind.HELLO, a, greeting(a.config.cluster_tag)))

    network.run(3.0)

    assert a.mesh.peers() == []


def test_a_refused_node_does_not_spin(caplog: pytest.LogCaptureFixture) -> None:
    """A seed that refuses is asked once a minute, and both sides say so once."""
    network = MemoryNetwork(seed=1)
    a, b = network.add("a", cluster="red", hints=[]), network.add("b", cluster="blue", hints=[])
    a.mesh.found(Candidate(b.pull), network.now)
    network.pump(a)
    probed = count_probes(a)

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        network.run(600.0)

    assert 9 <= len(probed) <= 11
    assert len(caplog.records) == 2


def test_a_refusal_that_was_not_asked_for_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody can keep a node from its peers by refusing in their names."""
    network, a, b = joined("a", "b")

    inject(network, a, control(NodeId(b"s" * 16), Kind.REFUSAL, a, {"dialled": b.pull, "reason": "cluster"}))
    network.run(1.0)

    assert_meshed(a, b)
    assert caplog.records == []


def test_links_have_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond it nodes are refused, with one line that names the limit; peers that are there stay."""
    network, a, b = joined("a", "b", limits=Limits(peers=1))

    with caplog.at_level(logging.WARNING, "zmqlayer"):
        for number in range(5):
            stranger = NodeId(bytes([number]) * 16)
            inject(network, a, control(stranger, Kind.HELLO, a, greeting(a.config.cluster_tag)))

    assert [peer.node_id for peer in a.mesh.peers()] == [b.node_id]
    assert len(caplog.records) == 1
    assert "limits['peers']" in caplog.text


# Forged greetings


def test_our_own_id_in_a_greeting_of_another_hangs_up_nothing() -> None:
    """Only a greeting that we sent, and that is on its way, shows that an address is our own."""
    network, a, b = joined("a", "b")

    payload = greeting(a.config.cluster_tag, dialled=b.pull, hosts=["b"])
    inject(network, a, control(a.node_id, Kind.HELLO, a, payload))
    network.run(10.0)

    assert a.changes(b) == b.changes(a) == [READY]
    assert b.pull in a.pushes


def test_an_answer_in_the_name_of_another_hangs_up_nothing() -> None:
    """An answer to a greeting that was never sent neither ends a link nor makes one."""
    network, a, b, c = joined("a", "b", "c")
    stranger = NodeId(b"s" * 16)
    for source in (c.node_id, stranger):
        payload = greeting(a.config.cluster_tag, dialled=b.pull, answer=True, link=c.mesh.identity.pull)
        inject(network, a, control(source, Kind.HELLO, a, payload))

    network.run(10.0)

    assert a.changes(b) == [READY]
    assert stranger not in {peer.node_id for peer in a.mesh.peers()}
    assert_meshed(a, b, c)


def test_a_claim_to_the_address_of_a_peer_is_not_believed() -> None:
    """While a peer is READY nobody else can listen where it does."""
    network, a, b = joined("a", "b")

    payload = greeting(a.config.cluster_tag, hosts=["b"], pull=1)
    inject(network, a, control(NodeId(b"s" * 16), Kind.HELLO, a, payload))
    network.run(1.0)

    assert a.changes(b) == [READY]


# Several hosts


@pytest.mark.parametrize("seed", range(3))
def test_dead_hosts_delay_nobody(seed: int) -> None:
    """A node that says it has five hosts more, where nobody answers, is READY in a fraction of a second."""
    network = MemoryNetwork(seed)
    dead = [f"dead{number}" for number in range(5)]
    a = network.add("a", hints=[], also_at=tuple(dead))
    b = network.add("b", hints=[], also_at=tuple(dead))
    dial(network, a, b)

    network.run(0.1)

    assert_meshed(a, b)
    assert set(b.pushes) == {a.pull}
    assert list(b.subs) == [a.pub]


def test_a_host_that_leads_elsewhere_is_no_way() -> None:
    """Inner addresses exist on many machines: what was for another node is ignored there, and here."""
    network = MemoryNetwork(seed=1)
    c = network.add("c", hints=[])
    a = network.add("a", hints=[], also_at=("c", "b"))
    b = network.add("b", hints=[])
    dial(network, a, b)

    network.run(1.0)

    assert_meshed(a, b)
    assert c.mesh.peers() == []
    assert list(b.pushes) == [a.pull]


def test_greetings_tell_where_a_node_has_moved() -> None:
    """A machine that had no network at the start is answered where it is now, and not where it was."""
    network = MemoryNetwork(seed=1)
    a, b = network.add("a", hints=[]), network.add("b", hints=[])
    a.mesh.moved(("nowhere",), network.now)
    dial(network, a, b)
    network.run(1.0)
    assert set(b.pushes) == {"tcp://nowhere:1"}

    a.mesh.moved(("a",), network.now)
    network.run(3.0)

    assert_meshed(a, b)


def test_hosts_are_tried_for_a_while() -> None:
    """If none of a node's hosts can be reached from here, nothing of the attempt is left."""
    network = MemoryNetwork(seed=1)
    b = network.add("b", hints=[])
    payload = greeting(b.config.cluster_tag, hosts=["dead1", "dead2"])
    inject(network, b, control(NodeId(b"s" * 16), Kind.HELLO, b, payload))
    during = set(b.pushes)

    network.run(3.0)

    assert during == {"tcp://dead1:1", "tcp://dead2:1"}
    assert not b.pushes
    assert b.mesh.peers() == []


def test_with_many_peers_a_node_beats_slower() -> None:
    """It says so, and is given as much more time before it counts as silent."""
    timing = Timing(beats_per_s=1)  # each node has two peers: half as fast as usual
    network, a, b, c = joined("a", "b", "c", timing=timing)
    network.run(10.0)
    assert {peer.pace for node in (a, b, c) for peer in node.mesh._peers} == {2.0}

    network.stop(c)
    network.run(2 * 3.0 - 2.0)
    assert a.sees(c) == "ready"
    network.run(4.0)

    assert a.sees(c) == "silent"


def test_a_link_that_comes_up_knows_the_pace() -> None:
    """A peer that beats slowly is not taken for silent before its first heartbeat."""
    timing = Timing(beats_per_s=1)
    network, a, *others = joined(*(f"n{number}" for number in range(9)), timing=timing)  # a beat each 8 s
    network.run(20.0)
    late = network.add("late", timing=timing)
    network.run(0.5)

    paces = {peer.pace for peer in late.mesh._peers}
    network.run(7.0)

    assert paces <= {8.0, 9.0}
    assert {late.sees(other) for other in (a, *others)} == {"ready"}


@pytest.mark.parametrize(
    ("said", "pace"), [(100, 1.0), (250, 2.5), (5, 1.0), (99_999, 10.0), ("fast", 1.0), (None, 1.0)]
)
def test_a_pace_that_cannot_be_is_bounded(said: object, pace: float) -> None:
    """Nobody wins more time than there is, whatever it says."""
    network, a, b = joined("a", "b")

    inject(network, a, control(b.node_id, Kind.HEARTBEAT, a, {"lag_ms": 0, "pace": said}))

    assert [peer.pace for peer in a.mesh._peers] == [pace]
