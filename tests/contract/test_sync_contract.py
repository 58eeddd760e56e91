"""The contract of the 2016 draft, over real sockets: what a program for threads may rely on."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from zmqlayer import SyncChannelLayer
from zmqlayer.exceptions import (
    ChannelFull,
    InvalidMessage,
    InvalidName,
    LayerClosed,
    MessageTooLarge,
    NotReady,
)

Message = dict[str, Any]
WITHIN_S = 5.0
SOON_S = 0.05


def receive(layer: SyncChannelLayer, *channels: str) -> Message:
    """Return the next message of any of *channels*, which is sure to come."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        channel, message = layer.receive(channels, block=True, timeout=WITHIN_S)
        if channel is not None:
            assert any(channel == name or (name[-1] == "!" and channel.startswith(name)) for name in channels)
            return message
    raise AssertionError(f"nothing came on {channels}")


def receive_numbers(layer: SyncChannelLayer, channel: str, count: int) -> list[int]:
    return [receive(layer, channel)["n"] for _ in range(count)]


def is_empty(layer: SyncChannelLayer, *channels: str) -> bool:
    return layer.receive(channels, block=True, timeout=SOON_S) == (None, None)


def in_thread(work: Callable[[], object]) -> Callable[[], object]:
    """Start *work* in a thread; the result waits for it and returns, or raises, what it did."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except Exception as exc:  # noqa: BLE001  # it is raised again where it is waited for
            outcome.append((None, exc))

    thread = threading.Thread(target=run)
    thread.start()

    def wait() -> object:
        thread.join(WITHIN_S)
        assert not thread.is_alive()
        result, error = outcome[0]
        if error is not None:
            raise error
        return result

    return wait


# Send and receive


def test_what_is_sent_is_received_once(ends: Any) -> None:
    """A message arrives with the name of its channel, and is gone then."""
    ends.sender.send("jobs", {"value": "blue"})

    received = ends.receiver.receive(["jobs"], block=True)

    assert received == ("jobs", {"value": "blue"})
    assert is_empty(ends.receiver, "jobs")


def test_receive_does_not_wait_unless_told(ends: Any) -> None:
    """Without ``block``, an empty channel is answered at once; so is an empty list of channels."""
    assert ends.receiver.receive(["empty"]) == (None, None)
    assert ends.receiver.receive([]) == ends.receiver.receive([], block=True) == (None, None)


def test_polling_finds_the_message(ends: Any) -> None:
    """A program that only ever looks gets its messages."""
    ends.sender.send("jobs", {"n": 1})
    deadline = time.monotonic() + WITHIN_S

    found = None
    while found is None and time.monotonic() < deadline:
        _, found = ends.receiver.receive(["jobs"])

    assert found == {"n": 1}


def test_blocking_receive_wakes_at_once(ends: Any) -> None:
    """A receiver that waits already gets the message when it is sent."""
    wait = in_thread(lambda: ends.receiver.receive(["jobs"], block=True, timeout=WITHIN_S))

    ends.sender.send("jobs", {"n": 1})

    assert wait() == ("jobs", {"n": 1})


@pytest.mark.parametrize("pattern", ["reply!", "body?"])
def test_messages_of_one_sender_stay_in_order(ends: Any, pattern: str) -> None:
    """First in, first out, with one writer and one reader."""
    channel = ends.receiver.new_channel(pattern)
    for n in range(50):
        ends.sender.send(channel, {"n": n})

    assert receive_numbers(ends.receiver, channel, 50) == list(range(50))


def test_a_named_channel_is_first_in_first_out(ends: Any) -> None:
    """With one writer and one reader, a named channel keeps its order as well."""
    for n in range(50):
        ends.sender.send("jobs", {"n": n})

    assert receive_numbers(ends.receiver, "jobs", 50) == list(range(50))


def test_several_channels_are_read_together(ends: Any) -> None:
    """Messages of all channels in the list arrive, named and process channels alike."""
    own = ends.receiver.new_channel("reply!")
    for channel in ("one", "two", own):
        ends.sender.send(channel, {"channel": channel})

    received = [receive(ends.receiver, "one", "two", own)["channel"] for _ in range(3)]

    assert sorted(received) == sorted(["one", "two", own])


def test_a_busy_channel_does_not_starve_a_quiet_one(ends: Any) -> None:
    """A quiet channel's message is read although a busy one in the same list always holds some."""
    for n in range(50):
        ends.sender.send("busy", {"n": n})
    ends.sender.send("quiet", {"n": -1})
    for n in range(50, 60):
        ends.sender.send("busy", {"n": n})

    received = [receive(ends.receiver, "busy", "quiet")["n"] for _ in range(52)]

    assert -1 in received


def test_a_process_channel_is_read_through_its_prefix(ends: Any) -> None:
    """Who asks for the prefix gets the full name of the channel that the message was sent to."""
    channel = ends.receiver.new_channel("reply!")
    ends.sender.send(channel, {"n": 1})

    received = ends.receiver.receive([channel.partition("!")[0] + "!"], block=True)

    assert received == (channel, {"n": 1})


def test_each_message_has_one_reader(open_ends: Callable[..., Any]) -> None:
    """Threads that read one channel at once share its messages; none is read twice, none is lost."""
    ends = open_ends(capacity=200)
    got: list[int] = []

    def read() -> None:
        while len(got) < 200:
            _, message = ends.receiver.receive(["jobs"], block=True, timeout=SOON_S)
            got.extend([] if message is None else [message["n"]])

    waits = [in_thread(read) for _ in range(4)]
    for n in range(200):
        ends.sender.send("jobs", {"n": n})
    for wait in waits:
        wait()

    assert sorted(got) == list(range(200))
    assert is_empty(ends.receiver, "jobs")


def test_many_threads_use_one_layer(ends: Any) -> None:
    """Each of eight threads gets the answers to its own questions."""

    def ask(number: int) -> list[int]:
        channel = ends.receiver.new_channel("reply!")
        answers = []
        for n in range(30):
            ends.sender.send(channel, {"n": 100 * number + n})
            answers.append(receive(ends.receiver, channel)["n"])
        return answers

    waits = [in_thread(lambda number=number: ask(number)) for number in range(8)]

    assert [wait() for wait in waits] == [[100 * number + n for n in range(30)] for number in range(8)]


# Messages


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "",
        "ä€😀",
        b"bytes",
        b"\x00\xff",
        b"",
        0,
        -(2**63),
        2**63 - 1,
        1.5,
        -0.0,
        math.inf,
        True,
        False,
        None,
        [],
        {},
        [1, "two", b"three", [4.0, None]],
        {"nested": {"text": "x", "bytes": b"x", "list": [{"deep": True}]}},
    ],
    ids=repr,
)
def test_values_arrive_as_they_are(ends: Any, value: object) -> None:
    """Every type that a message can carry keeps its value and its type, at any depth."""
    ends.sender.send("jobs", {"value": value})

    received = receive(ends.receiver, "jobs")["value"]

    assert received == value
    assert type(received) is type(value)


def test_text_and_bytes_stay_distinct(ends: Any) -> None:
    """``"a"`` and ``b"a"`` are different things, nested ones too."""
    ends.sender.send("jobs", {"text": "a", "bytes": b"a", "list": ["a", b"a"]})

    received = receive(ends.receiver, "jobs")

    assert received == {"text": "a", "bytes": b"a", "list": ["a", b"a"]}
    assert list(map(type, received["list"])) == [str, bytes]


def test_tuples_arrive_as_lists(ends: Any) -> None:
    """A tuple is a list on the wire, on one node as well."""
    ends.sender.send("jobs", {"headers": ((b"a", b"b"),)})

    assert receive(ends.receiver, "jobs") == {"headers": [[b"a", b"b"]]}


def test_a_message_is_copied_when_it_is_sent(ends: Any) -> None:
    """What the sender or a reader does to its dict reaches nobody else."""
    message = {"list": [1], "dict": {"a": 1}}
    ends.sender.send("jobs", message)
    ends.sender.send("jobs", message)
    message["list"].append(2)
    message["dict"]["b"] = 2

    receive(ends.receiver, "jobs")["list"].append(3)

    assert receive(ends.receiver, "jobs") == {"list": [1], "dict": {"a": 1}}


@pytest.mark.parametrize(
    "message", [None, [], "text", 5, {1: "x"}, {"x": object()}, {"x": {1}}, {"x": 2**64}], ids=repr
)
def test_what_is_no_message_is_refused(ends: Any, message: Any) -> None:
    """A TypeError that names the fault; nothing is sent."""
    with pytest.raises(InvalidMessage) as caught:
        ends.sender.send("jobs", message)

    assert isinstance(caught.value, TypeError)
    assert is_empty(ends.receiver, "jobs")


def test_the_largest_message_passes_and_a_larger_one_does_not(open_ends: Callable[..., Any]) -> None:
    """``max_message_size`` is exact, and the exception is an attribute of the layer too."""
    ends = open_ends(max_message_size=10_000)
    channel = ends.receiver.new_channel("reply!")
    overhead = len(b"\x81\xa1x\xc5..")
    ends.sender.send(channel, {"x": bytes(10_000 - overhead)})

    with pytest.raises(ends.sender.MessageTooLarge) as caught:
        ends.sender.send(channel, {"x": bytes(10_001 - overhead)})

    assert (caught.value.size, caught.value.limit) == (10_001, 10_000)
    assert len(receive(ends.receiver, channel)["x"]) == 10_000 - overhead
    assert ends.sender.MessageTooLarge is MessageTooLarge


def test_a_megabyte_passes(ends: Any) -> None:
    """Every layer must carry one megabyte."""
    channel = ends.receiver.new_channel("reply!")
    body = bytes(1_000_000)

    ends.sender.send(channel, {"body": body})
    ends.sender.send("jobs", {"body": body})

    assert receive(ends.receiver, channel)["body"] == receive(ends.receiver, "jobs")["body"] == body


# Names


BAD_NAMES = [None, 5, b"bytes", "", "a b", "a\n", "ä", "a!b!c", "a?b?c", "a!b?c", "body?", "x" * 100, "a/b", "a٣"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_a_bad_channel_name_is_refused_everywhere(ends: Any, name: Any) -> None:
    """A TypeError, before anything is sent or awaited."""
    for use in (
        lambda: ends.sender.send(name, {}),
        lambda: ends.receiver.receive([name]),
        lambda: ends.sender.group_add("group", name),
        lambda: ends.sender.group_discard("group", name),
    ):
        with pytest.raises(InvalidName) as caught:
            use()
        assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("name", [*BAD_NAMES, "a!b", "a?b"], ids=repr)
def test_a_bad_group_name_is_refused_everywhere(ends: Any, name: Any) -> None:
    """Groups have names without ``!`` and ``?``."""
    for use in (
        lambda: ends.sender.group_add(name, "channel"),
        lambda: ends.sender.group_discard(name, "channel"),
        lambda: ends.sender.group_channels(name),
        lambda: ends.sender.send_group(name, {}),
    ):
        with pytest.raises(InvalidName):
            use()


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        ("jobs", r"^'jobs' is one name, and several are read: write \['jobs'\]$"),
        (5, r"^5 is not a list of channel names, like \['jobs'\]$"),
        (None, r"^None is not a list of channel names, like \['jobs'\]$"),
        ([["jobs"]], r"^\[\['jobs'\]\] is not a list of channel names, like \['jobs'\]$"),
        ([5], r"^5 is not a channel name: a str is needed, not int$"),
    ],
    ids=repr,
)
def test_what_is_no_list_of_channels_is_refused(ends: Any, channels: Any, sentence: str) -> None:
    """A name alone would be read letter by letter. The error says what to write."""
    layer = ends.receiver
    for use in (
        lambda: layer.receive(channels),
        lambda: layer.receive_many(channels, block=True),
        lambda: asyncio.run(layer.receive_async(channels)),
        lambda: layer.receive_twisted(channels),
    ):
        with pytest.raises(InvalidName, match=sentence):
            use()


@pytest.mark.parametrize("name", ["x" * 99, "a.b-c_D9", "a?b", "0", "-"], ids=repr)
def test_every_legal_name_works(ends: Any, name: str) -> None:
    """Names at the border of the grammar are carried like any other."""
    ends.sender.send(name, {"n": 1})

    assert ends.receiver.receive([name], block=True) == (name, {"n": 1})


@pytest.mark.parametrize("pattern", ["reply!", "websocket.send!", "body?"])
def test_new_channels_are_new(ends: Any, pattern: str) -> None:
    """Each call gives another name that begins as its pattern says, and that is legal."""
    names = {ends.receiver.new_channel(pattern) for _ in range(100)}

    assert len(names) == 100
    assert all(name.startswith(pattern[:-1]) and pattern[-1] in name for name in names)
    ends.sender.send(names.pop(), {})


@pytest.mark.parametrize("pattern", ["reply", "reply!x", "", "a b!", None, "x" * 99 + "!"], ids=repr)
def test_a_bad_pattern_is_refused(ends: Any, pattern: Any) -> None:
    """A pattern ends in ``!`` or ``?``."""
    with pytest.raises(InvalidName):
        ends.receiver.new_channel(pattern)


def test_a_process_channel_is_read_by_its_owner_only(open_layer: Callable[..., Any]) -> None:
    """Whoever else tries is told so, instead of waiting for ever."""
    one = open_layer()
    other = open_layer(peers=(one,))

    with pytest.raises(InvalidName, match="another process"):
        other.receive([one.new_channel("reply!")])


# Capacity


def test_a_full_named_channel_refuses_exactly(open_ends: Callable[..., Any]) -> None:
    """Capacity messages are taken, the next is refused, and after one is read there is room for one."""
    ends = open_ends(capacity=5)
    for n in range(5):
        ends.sender.send("jobs", {"n": n})

    with pytest.raises(ends.sender.ChannelFull) as caught:
        ends.sender.send("jobs", {"n": 5})

    assert caught.value.channel == "jobs"
    assert receive_numbers(ends.receiver, "jobs", 1) == [0]
    ends.sender.send("jobs", {"n": 5})
    assert receive_numbers(ends.receiver, "jobs", 5) == [1, 2, 3, 4, 5]


def test_a_full_process_channel_refuses_exactly(open_ends: Callable[..., Any]) -> None:
    """The same for a channel whose queue is at its owner."""
    ends = open_ends(capacity=5)
    channel = ends.receiver.new_channel("reply!")
    for n in range(5):
        ends.sender.send(channel, {"n": n})

    with pytest.raises(ChannelFull):
        ends.sender.send(channel, {"n": 5})

    assert receive_numbers(ends.receiver, channel, 5) == [0, 1, 2, 3, 4]


def test_capacities_differ_by_channel(open_ends: Callable[..., Any]) -> None:
    """``channel_capacity`` goes by patterns; what matches none has the default."""
    ends = open_ends(capacity=3, channel_capacity={"tiny.*": 1})
    ends.sender.send("tiny.one", {})
    for _ in range(3):
        ends.sender.send("other", {})

    for channel in ("tiny.one", "other"):
        with pytest.raises(ChannelFull):
            ends.sender.send(channel, {})


# Groups


def test_a_group_reaches_all_its_members_once(ends: Any) -> None:
    """Every member gets one copy, however often it was added, wherever it is and whoever added it."""
    channels = [ends.receiver.new_channel("reply!") for _ in range(3)]
    for channel in channels:
        ends.sender.group_add("room", channel)
        ends.receiver.group_add("room", channel)

    ends.sender.send_group("room", {"n": 1})

    assert [receive(ends.receiver, channel) for channel in channels] == [{"n": 1}] * 3
    assert is_empty(ends.receiver, *channels)


def test_a_named_channel_may_be_a_member(ends: Any) -> None:
    """One reader of it gets the group's message."""
    ends.receiver.group_add("log", "audit")

    ends.sender.send_group("log", {"n": 1})

    assert receive(ends.receiver, "audit") == {"n": 1}
    assert is_empty(ends.receiver, "audit")


def test_a_discarded_member_gets_nothing(ends: Any) -> None:
    """Discard takes effect before it returns; a second one is silent."""
    stays, leaves = (ends.receiver.new_channel("reply!") for _ in range(2))
    for channel in (stays, leaves):
        ends.receiver.group_add("room", channel)
    for _ in range(2):
        ends.receiver.group_discard("room", leaves)

    ends.sender.send_group("room", {"n": 1})

    assert receive(ends.receiver, stays) == {"n": 1}
    assert is_empty(ends.receiver, leaves)


def test_group_channels_lists_the_members(ends: Any) -> None:
    """Members on every node are listed, each once."""
    channels = [ends.receiver.new_channel("reply!"), ends.sender.new_channel("reply!"), "audit"]
    for channel in channels:
        ends.sender.group_add("room", channel)

    assert sorted(ends.receiver.group_channels("room")) == sorted(channels)
    assert ends.receiver.group_channels("nobody") == []


def test_sending_to_a_group_never_fails_for_full_members(open_ends: Callable[..., Any]) -> None:
    """Full members miss the message; the others get it."""
    ends = open_ends(capacity=2)
    full, reads = (ends.receiver.new_channel("reply!") for _ in range(2))
    for channel in (full, reads):
        ends.receiver.group_add("room", channel)
    got = []

    for n in range(4):
        ends.sender.send_group("room", {"n": n})
        got.append(receive(ends.receiver, reads)["n"])

    assert got == [0, 1, 2, 3]
    assert receive_numbers(ends.receiver, full, 2) == [0, 1]
    assert is_empty(ends.receiver, full)


def test_a_group_message_has_limits_too(open_ends: Callable[..., Any]) -> None:
    """Too large and invalid messages are refused for groups as for channels."""
    ends = open_ends(max_message_size=100)

    with pytest.raises(MessageTooLarge):
        ends.sender.send_group("room", {"x": bytes(100)})
    with pytest.raises(InvalidMessage):
        ends.sender.send_group("room", {"x": object()})


def test_a_group_send_after_a_send_arrives_after_it(ends: Any) -> None:
    """A channel sees both kinds of message in the order in which one sender sent them."""
    channel = ends.receiver.new_channel("reply!")
    ends.receiver.group_add("room", channel)

    for n in range(0, 40, 2):
        ends.sender.send(channel, {"n": n})
        ends.sender.send_group("room", {"n": n + 1})

    assert receive_numbers(ends.receiver, channel, 40) == list(range(40))


def test_the_first_message_to_a_group_waits_for_the_mesh(open_layer: Callable[..., Any]) -> None:
    """A process that has just started loses no group message because it is not linked yet."""
    one = open_layer()
    channel = one.new_channel("reply!")
    one.group_add("room", channel)
    fresh = SyncChannelLayer(discovery="off", seeds=[one.address])

    fresh.send_group("room", {"n": 1})

    assert receive(one, channel) == {"n": 1}
    fresh.close()


# Flush, extensions, life


def test_flush_empties_everything_everywhere(ends: Any) -> None:
    """When flush returns, no message and no member is left on any node."""
    channel = ends.receiver.new_channel("reply!")
    ends.receiver.group_add("room", channel)
    ends.sender.send(channel, {})
    ends.receiver.send(ends.sender.new_channel("reply!"), {})
    ends.sender.send("jobs", {})
    receive(ends.receiver, channel)
    ends.sender.send(channel, {})

    ends.receiver.flush()

    assert is_empty(ends.receiver, channel, "jobs")
    assert ends.sender.group_channels("room") == []


def test_a_layer_says_what_it_can(ends: Any) -> None:
    """Extensions, and the settings that callers look at."""
    assert {"groups", "flush"} <= set(ends.sender.extensions)
    assert (ends.sender.group_expiry, ends.sender.expiry, ends.sender.capacity) == (86_400, 60, 100)
    assert (ends.sender.ChannelFull, ends.sender.MessageTooLarge) == (ChannelFull, MessageTooLarge)


def test_layers_in_one_process_are_nodes_of_their_own(open_layer: Callable[..., Any]) -> None:
    """Two layers have two ids, and see each other as peers."""
    one = open_layer()
    two = open_layer(peers=(one,))

    assert one.node_id != two.node_id
    assert [peer.node_id for peer in one.peers()] == [two.node_id]
    assert [peer.address for peer in two.peers()] == [one.address]


def test_waiting_for_peers_that_do_not_come_ends(open_layer: Callable[..., Any]) -> None:
    """ready() says how many there are."""
    layer = open_layer()

    with pytest.raises(NotReady) as caught:
        layer.ready(peers=2, timeout=SOON_S)

    assert (caught.value.wanted, caught.value.found) == (2, 0)


def test_a_closed_layer_refuses_every_call(open_layer: Callable[..., Any]) -> None:
    """Use after close is an error of its own, and closing twice is none."""
    layer = open_layer()
    channel = layer.new_channel("reply!")
    layer.close()
    layer.close()

    for use in (
        lambda: layer.send("jobs", {}),
        lambda: layer.send(channel, {}),
        lambda: layer.receive(["jobs"]),
        lambda: layer.receive([channel], block=True),
        lambda: layer.send_group("room", {}),
        lambda: layer.group_add("room", channel),
        lambda: layer.group_discard("room", channel),
        lambda: layer.group_channels("room"),
        lambda: layer.new_channel("reply!"),
        lambda: layer.close_channel(channel),
        lambda: layer.ready(),
        lambda: layer.peers(),
        lambda: layer.statistics(),
        layer.start,
        layer.flush,
    ):
        with pytest.raises(LayerClosed):
            use()


def test_a_layer_that_was_never_used_can_be_closed() -> None:
    """Closing needs no start, and is final."""
    layer = SyncChannelLayer(discovery="off")
    layer.close()

    with pytest.raises(LayerClosed):
        layer.send("jobs", {})


def test_closing_wakes_who_waits(open_layer: Callable[..., Any]) -> None:
    """Who blocks when its layer is closed hears so at once, whether for a message or for others."""
    layer = open_layer()
    waits = [in_thread(lambda: layer.receive(["jobs"], block=True, timeout=60)) for _ in range(3)]
    waits.append(in_thread(lambda: layer.ready(1, timeout=60)))

    layer.close()

    for wait in waits:
        with pytest.raises(LayerClosed):
            wait()


def test_interrupt_wakes_who_waits(open_layer: Callable[..., Any]) -> None:
    """Receivers that find nothing when they are woken return with nothing."""
    layer = open_layer()
    is_over = threading.Event()

    def wait_long() -> object:
        received = layer.receive(["jobs"], block=True, timeout=60)
        is_over.set()
        return received

    wait = in_thread(wait_long)
    while not is_over.wait(SOON_S / 10):
        layer.interrupt()

    assert wait() == (None, None)


def test_a_reader_that_closes_returns_its_work(open_layer: Callable[..., Any]) -> None:
    """What a worker had fetched and not started goes to the next one."""
    sender = open_layer()
    first = open_layer(peers=(sender,), prefetch=10)
    for n in range(20):
        sender.send("jobs", {"n": n})
    started = receive_numbers(first, "jobs", 1)
    first.close()

    second = open_layer(peers=(sender,))

    assert started + receive_numbers(second, "jobs", 19) == list(range(20))


def test_a_sender_that_closes_hands_over_what_it_queued(open_layer: Callable[..., Any]) -> None:
    """A reader that waits gets everything before the sender is gone."""
    reader = open_layer()
    sender = open_layer(peers=(reader,))
    wait = in_thread(lambda: receive_numbers(reader, "jobs", 50))
    for n in range(50):
        sender.send("jobs", {"n": n})

    sender.close()

    assert wait() == list(range(50))
