"""Takers: who waits on the loop that drives is given its message by hand, or gives it back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from support.network import joined
from zmqlayer import InMemoryChannelLayer, driving
from zmqlayer import pump as pump_module
from zmqlayer.codec import decode, encode
from zmqlayer.events import Handed
from zmqlayer.exceptions import ChannelFull, LayerClosed
from zmqlayer.queues import Letter
from zmqlayer.waiters import LoopTaker, hand_over

WITHIN_S: Final = 10.0


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryChannelLayer]:
    """A layer without sockets, driven by the first loop that waits, however long it stands still."""
    monkeypatch.setattr(driving, "SETTLED_AFTER_S", 0.0)
    monkeypatch.setattr(pump_module, "LOOK_EVERY_S", 10 * WITHIN_S)
    layer = InMemoryChannelLayer()
    layer.start()
    yield layer
    layer.sync.close()


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, WITHIN_S))


async def member(layer: Any) -> str:
    """Return a channel that is a member of the group ``g``, on a loop that drives."""
    begun = asyncio.create_task(layer.receive(await layer.new_channel()))
    await asyncio.sleep(0)
    begun.cancel()
    channel: str = await layer.new_channel()
    await layer.group_add("g", channel)
    return channel


async def wait_at(layer: Any, channel: str) -> asyncio.Task[Any]:
    """Return a task that waits already."""
    task = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    return task


def on_another_thread(call: Callable[[], object]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join(WITHIN_S)


async def send_to_group(layer: Any, channel: str, message: dict[str, Any]) -> None:
    """Send to the group of which *channel* is the one member."""
    await layer.group_send("g", message)


async def send_to_channel(layer: Any, channel: str, message: dict[str, Any]) -> None:
    """Send to the channel itself."""
    await layer.send(channel, message)


either_way = pytest.mark.parametrize("send", [send_to_group, send_to_channel])


def delivered(layer: Any) -> tuple[int, int]:
    """Return how many messages are unread, and how many were read."""
    statistics = layer.statistics()
    return statistics["in_flight"], statistics["delivered"]


# From the sender to the coroutine


@either_way
def test_a_message_goes_from_hand_to_hand(layer: Any, send: Any) -> None:
    """It never lies in the channel, and counts as read."""

    async def main() -> tuple[Any, Any]:
        channel = await member(layer)
        task = await wait_at(layer, channel)
        await send(layer, channel, {"n": 1})
        return delivered(layer), await task

    assert run(main()) == ((0, 1), {"n": 1})


@either_way
def test_nobody_stands_at_a_prefix(layer: Any, send: Any) -> None:
    """Who waits for all channels below it looks for what comes to any of them, and for what lies there already."""

    async def main() -> list[Any]:
        channel = await member(layer)
        prefix = channel.partition("!")[0] + "!"
        await send(layer, channel, {"n": 0})
        found = [await layer.sync.receive_async([prefix])]
        for n in (1, 2):
            task = asyncio.create_task(layer.sync.receive_async([prefix]))
            await asyncio.sleep(0)
            await send(layer, channel, {"n": n})
            found.append(await asyncio.wait_for(task, WITHIN_S))
        assert layer.node.driver_here is not None
        return [(name == channel, message["n"]) for name, message in found]

    assert run(main()) == [(True, 0), (True, 1), (True, 2)]


@either_way
def test_one_that_is_cancelled_gives_back(layer: Any, send: Any) -> None:
    """What it was given comes first again, before what came later, and counts as unread until somebody reads it."""

    async def main() -> tuple[Any, Any, list[Any]]:
        channel = await member(layer)
        task = await wait_at(layer, channel)
        for n in range(3):
            await send(layer, channel, {"n": n})
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        unread = delivered(layer)
        return unread, task.cancelled(), [await layer.receive(channel) for _ in range(3)]

    assert run(main()) == ((3, 0), True, [{"n": 0}, {"n": 1}, {"n": 2}])


@pytest.mark.parametrize("is_sync_face", [False, True], ids=["async face", "sync face"])
@either_way
def test_what_came_later_is_not_taken_before_it(layer: Any, send: Any, is_sync_face: bool) -> None:
    """Who cancels the one that was given it, and receives at once, waits until it is given back."""

    async def receive(channel: str) -> Any:
        return (await layer.sync.receive_async([channel]))[1] if is_sync_face else await layer.receive(channel)

    async def main() -> list[Any]:
        channel = await member(layer)
        task = asyncio.create_task(receive(channel))
        await asyncio.sleep(0)
        for n in range(3):
            await send(layer, channel, {"n": n})
        task.cancel()
        taken = [await receive(channel) for _ in range(3)]
        assert not layer.node.in_hand
        return taken

    assert run(main()) == [{"n": 0}, {"n": 1}, {"n": 2}]


@either_way
def test_what_is_given_back_is_for_the_next(layer: Any, send: Any) -> None:
    """Whoever came to the channel in between is woken for it."""

    async def main() -> tuple[Any, bool]:
        channel = await member(layer)
        first = await wait_at(layer, channel)
        second = asyncio.create_task(layer.receive(channel))  # its turn comes before that of one who is given a copy
        await send(layer, channel, {"n": 1})
        first.cancel()
        return await second, first.cancelled()

    assert run(main()) == ({"n": 1}, True)


@either_way
def test_one_that_gives_up_in_time_is_forgotten(layer: Any, send: Any) -> None:
    """What comes afterwards lies in the channel."""

    async def main() -> Any:
        channel = await member(layer)
        task = await wait_at(layer, channel)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await send(layer, channel, {"n": 1})
        return delivered(layer), await layer.receive(channel)

    assert run(main()) == ((1, 0), {"n": 1})


def test_a_channel_that_no_process_owns_is_a_named_one(layer: InMemoryChannelLayer) -> None:
    """Although it has a mark in its name: whoever waits on the loop that drives gets what is sent to it."""

    async def main() -> Any:
        await member(layer)
        waiting = await wait_at(layer, "anybody!s")
        await layer.send("anybody!s", {"n": 1})
        return await waiting

    assert run(main()) == {"n": 1}


def test_a_message_is_passed_on(layer: Any) -> None:
    """One who was given it, and is cancelled, leaves it to who waits there next."""

    async def main() -> Any:
        channel = await member(layer)
        first, second = [await wait_at(layer, channel) for _ in range(2)]
        await layer.send(channel, {"n": 1})
        first.cancel()
        return await second

    assert run(main()) == {"n": 1}


@either_way
def test_what_is_given_back_to_a_closed_channel_is_dropped(layer: Any, send: Any) -> None:
    """Like all that was unread there."""

    async def main() -> tuple[Any, int]:
        channel = await member(layer)
        task = await wait_at(layer, channel)
        await send(layer, channel, {"n": 1})
        layer.close_channel(channel)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return delivered(layer), sum(layer.drops().values())

    assert run(main()) == ((0, 0), 1)


@either_way
def test_two_at_one_channel_get_one_each(layer: Any, send: Any) -> None:
    """The first by hand, the other in the ordinary way."""

    async def main() -> list[Any]:
        channel = await member(layer)
        tasks = [await wait_at(layer, channel) for _ in range(2)]
        for n in range(2):
            await send(layer, channel, {"n": n})
        return await asyncio.gather(*tasks)

    assert run(main()) == [{"n": 0}, {"n": 1}]


def test_copies_and_other_messages_keep_their_order(layer: Any) -> None:
    """What was handed over is older than what lies in the channel."""

    async def main() -> list[Any]:
        channel = await member(layer)
        taken = []
        for begin in range(0, 40, 4):
            task = await wait_at(layer, channel)
            for n in range(begin, begin + 4):
                await (layer.group_send("g", {"n": n}) if n % 4 % 3 else layer.send(channel, {"n": n}))
            taken += [await task, *[await layer.receive(channel) for _ in range(3)]]
        return [message["n"] for message in taken]

    assert run(main()) == list(range(40))


@pytest.mark.parametrize("is_group", [False, True], ids=["channel", "group"])
@pytest.mark.parametrize("is_cancelled", [False, True], ids=["waits", "is cancelled"])
def test_only_its_own_loop_gives(layer: Any, is_cancelled: bool, is_group: bool) -> None:
    """What another thread sends lies in the channel until the coroutine runs: its loop might never do."""

    async def main() -> tuple[Any, Any]:
        channel = await member(layer)
        task = await wait_at(layer, channel)
        send, name = (layer.sync.send_group, "g") if is_group else (layer.sync.send, channel)
        on_another_thread(lambda: send(name, {"n": 1}))
        unread = delivered(layer)
        if is_cancelled:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return unread, await (layer.receive(channel) if is_cancelled else task)

    assert run(main()) == ((1, 0), {"n": 1})


@pytest.mark.parametrize("is_group", [False, True], ids=["channel", "group"])
def test_nobody_overtakes_what_could_not_be_given(layer: Any, is_group: bool) -> None:
    """Whoever receives before the coroutine was woken gets what another thread sent first, and then the second."""

    async def main() -> list[Any]:
        channel = await member(layer)
        task = await wait_at(layer, channel)
        taken, carry_out = [], layer.node.pump._carry_out

        def receive_first(calls: Any) -> None:
            layer.node.pump._carry_out = carry_out
            taken.extend(layer.sync.receive([channel])[1] for _ in range(2))
            carry_out(calls)

        def send(mesh: Any, now: float) -> None:
            layer.node.pump._carry_out = receive_first
            for n in range(2):
                name = "g" if is_group else channel
                (mesh.group_send if is_group else mesh.send)(name, encode(name, {"n": n}, 100), now)

        on_another_thread(lambda: layer.node.ask(send))
        task.cancel()
        return taken

    assert run(main()) == [{"n": 0}, {"n": 1}]


def test_a_loop_that_ends_takes_nothing_along(layer: Any) -> None:
    """Its coroutine waited; what comes when the loop has gone is for the next."""
    channel = ""

    async def main() -> None:
        nonlocal channel
        channel = await member(layer)
        await wait_at(layer, channel)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    forgotten = asyncio.all_tasks(loop)
    layer.sync.send_group("g", {"n": 1})
    for task in forgotten:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*forgotten, return_exceptions=True))
    loop.close()

    assert layer.sync.receive([channel]) == (channel, {"n": 1})


def test_a_prefix_is_left_alone(layer: Any) -> None:
    """Who stands at a channel gets its copy, and one who waits for all channels does not look in vain."""

    async def main() -> tuple[Any, Any]:
        channel = await member(layer)
        prefix = channel.partition("!")[0] + "!"
        general = asyncio.create_task(layer.sync.receive_async([prefix, "jobs"]))
        special = await wait_at(layer, channel)
        await layer.group_send("g", {"n": 1})
        await layer.send("jobs", {"n": 2})
        return await special, await general

    assert run(main()) == ({"n": 1}, ("jobs", {"n": 2}))


def test_the_face_for_threads_names_the_channel(layer: Any) -> None:
    """The copy that members share names none; the receiver knows where it stood."""

    async def main() -> Any:
        channel = await member(layer)
        task = asyncio.create_task(layer.sync.receive_async([channel]))
        await asyncio.sleep(0)
        await layer.group_send("g", {"n": 1})
        return channel, await task

    channel, received = run(main())
    assert received == (channel, {"n": 1})


def test_who_stands_there_hears_of_the_end(layer: Any) -> None:
    """The layer is closed meanwhile, and nobody may come to stand there any more."""

    async def main() -> None:
        channel = await member(layer)
        task = await wait_at(layer, channel)
        await asyncio.to_thread(layer.sync.close)
        for receive in (task, layer.receive(channel)):
            with pytest.raises(LayerClosed):
                await receive

    run(main())


# In the mesh


class Standing(str):
    """A taker that is known by its name."""

    driver: Any = None
    """Nobody drives a network in memory: this is who does on the thread of any step of it."""


class Elsewhere(Standing):
    driver = "a loop of another thread"


def test_only_who_stands_at_an_empty_channel_is_given_anything() -> None:
    """One for each channel, and nobody while the node leaves."""
    _, a = joined("a")
    channel, other = a.new_channel(), a.new_channel()
    a.send(channel, {})

    assert not a.mesh.stand(channel, Standing("early"))
    assert a.mesh.stand(other, Standing("first"))
    assert not a.mesh.stand(other, Standing("second"))

    a.mesh.leave(0.0)
    assert not a.mesh.stand(a.new_channel(), Standing("late"))


def test_takers_are_served_before_capacity_is_asked() -> None:
    """Of three members one is given its copy, one finds it in its channel, and one is full."""
    network, a, b = joined("a", "b", capacity=1)
    handed, free, full = (b.new_channel() for _ in range(3))
    for channel in (handed, free, full):
        b.group_add("g", channel)
    b.group_add("other", full)
    network.run(0.1)
    a.group_send("other", {})
    network.run(0.1)
    b.mesh.stand(handed, Standing("taker"))

    a.group_send("g", {"n": 1})
    network.run(0.1)

    assert [event.takers for event in b.events if isinstance(event, Handed)] == [["taker"]]
    assert b.mesh.counters.dropped["member full"] == 1


def test_a_copy_that_is_too_old_is_given_to_nobody() -> None:
    """It is found in the channel, and counted as expired."""
    network, a = joined("a")
    channel = a.new_channel()
    a.mesh.stand(channel, Standing("taker"))

    reached = a.mesh._mail.spread([channel], b"\x80", network.now, a.node_id, network.now)

    assert reached == [channel]
    assert a.take(channel) is None
    assert a.mesh.counters.expired == 1


def test_what_is_handed_over_counts_as_read() -> None:
    """The window of its sender opens, and stays open if the message is given back: it is like a copy then."""
    network, a, b = joined("a", "b", capacity=1)
    channel = b.new_channel()
    b.mesh.stand(channel, Standing("taker"))

    a.send(channel, {"n": 1})
    network.run(1.0)
    (handed,) = [event for event in b.events if isinstance(event, Handed)]
    b.mesh.take_back(channel, handed.letter, network.now)
    a.send(channel, {"n": 2})
    with pytest.raises(ChannelFull):
        a.send(channel, {"n": 3})
    network.run(1.0)

    assert handed.takers == ["taker"]
    assert [b.take(channel) for _ in range(2)] == [{"n": 1}, {"n": 2}]
    assert b.mesh.counters.delivered == 2


def test_of_several_that_come_at_once_the_first_is_given() -> None:
    """The others lie in the channel, in order."""
    network, a, b = joined("a", "b")
    channel = b.new_channel()
    b.mesh.stand(channel, Standing("taker"))

    for n in range(3):
        a.send(channel, {"n": n})
    network.run(0.1)

    (handed,) = [event for event in b.events if isinstance(event, Handed)]
    assert decode(handed.letter.body) == {"n": 0}
    assert [b.take(channel) for _ in range(2)] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("is_group", [False, True], ids=["channel", "group"])
def test_who_stands_elsewhere_finds_its_message_in_the_channel(is_group: bool) -> None:
    """It stays unread, before what comes behind it, and whoever stands there is woken to look."""
    network, a, b = joined("a", "b", capacity=2)
    channel = b.new_channel()
    b.group_add("g", channel)
    network.run(0.1)
    b.mesh.stand(channel, taker := Elsewhere("taker"))

    for n in range(2):
        (a.group_send if is_group else a.send)("g" if is_group else channel, {"n": n})
    network.run(0.1)

    assert not [event for event in b.events if isinstance(event, Handed)]
    assert (b.mesh.takers, b.mesh.counters.delivered) == ({channel: taker}, 0)
    if not is_group:
        with pytest.raises(ChannelFull):
            a.send(channel, {})
    assert [b.take(channel) for _ in range(2)] == [{"n": 0}, {"n": 1}]


def test_a_message_that_is_too_old_is_given_to_nobody() -> None:
    """It expires in the channel, and whoever stands there is woken to look."""
    network, a = joined("a", expiry=1)
    channel = a.new_channel()
    a.mesh.stand(channel, Standing("taker"))
    letter = Letter(channel, b"\x80", network.now, a.node_id)

    assert a.mesh._mail.hand_over_first([letter], network.now) == [letter]
    assert a.mesh.takers == {channel: "taker"}


# By hand


def test_a_letter_is_given_on_its_own_loop_only() -> None:
    """Those that were cancelled, and those of other loops, get nothing, and are named."""
    other = asyncio.new_event_loop()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        in_hand: set[str] = set()
        here, cancelled = LoopTaker(loop, "x!a", None, in_hand), LoopTaker(loop, "x!b", None, in_hand)
        elsewhere = LoopTaker(other, "x!c", None, in_hand)
        cancelled.future.cancel()
        takers = [here, cancelled, elsewhere]
        letter: Any = object()

        assert hand_over(letter, takers) == [cancelled, elsewhere]
        assert [taker.given for taker in takers] == [letter, None, None]

    run(main())
    other.close()
