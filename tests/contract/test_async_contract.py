"""The contract of Channels 4, over real sockets: what coroutines may rely on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from zmqlayer import ChannelLayer
from zmqlayer.exceptions import ChannelFull, InvalidName, LayerClosed, NotReady

T = TypeVar("T")
WITHIN_S = 10.0
SOON_S = 0.05


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine on a loop of its own, as async_to_sync does, with a bound."""
    return asyncio.run(asyncio.wait_for(coroutine, WITHIN_S))


async def is_empty(layer: ChannelLayer, channel: str) -> bool:
    try:
        await asyncio.wait_for(layer.receive(channel), SOON_S)
    except TimeoutError:
        return True
    return False


async def numbers(layer: ChannelLayer, channel: str, count: int) -> list[int]:
    return [(await layer.receive(channel))["n"] for _ in range(count)]


def test_receive_returns_the_message_alone(async_ends: Any) -> None:
    """One channel in, one message out; no ``type`` is needed."""

    async def main() -> None:
        await async_ends.sender.send("jobs", {"n": 1})
        assert await async_ends.receiver.receive("jobs") == {"n": 1}

    run(main())


def test_new_channels_belong_to_this_process(async_ends: Any) -> None:
    """A new channel is specific by default, takes another prefix, and is read by its full name."""

    async def main() -> None:
        layer = async_ends.receiver
        default, other = await layer.new_channel(), await layer.new_channel("websocket.send")
        await async_ends.sender.send(other, {"n": 2})
        await async_ends.sender.send(default, {"n": 1})

        assert default.startswith("specific.")
        assert other.startswith("websocket.send.")
        assert [await layer.receive(default), await layer.receive(other)] == [{"n": 1}, {"n": 2}]

    run(main())


def test_one_layer_serves_many_loops_one_after_the_other(async_ends: Any) -> None:
    """A layer has no loop of its own: each call may come from another one."""
    channel = run(async_ends.receiver.new_channel())
    run(async_ends.receiver.group_add("room", channel))
    for n in range(5):
        run(async_ends.sender.send(channel, {"n": 2 * n}))
        run(async_ends.sender.group_send("room", {"n": 2 * n + 1}))

    assert [run(async_ends.receiver.receive(channel))["n"] for _ in range(10)] == list(range(10))


def test_one_layer_serves_many_loops_and_threads_at_once(async_ends: Any) -> None:
    """Loops in four threads, and threads without one, use both ends at the same time."""

    async def talk(number: int) -> list[int]:
        channel = await async_ends.receiver.new_channel()
        receiving = asyncio.create_task(numbers(async_ends.receiver, channel, 50))
        for n in range(50):
            await async_ends.sender.send(channel, {"n": 100 * number + n})
            await asyncio.sleep(0)
        return await receiving

    def talk_in_thread(number: int) -> list[int]:
        sender, receiver = async_ends.sender.sync, async_ends.receiver.sync
        channel = receiver.new_channel("x!")
        for n in range(50):
            sender.send(channel, {"n": 100 * number + n})
        return [receiver.receive([channel], block=True)[1]["n"] for _ in range(50)]

    with ThreadPoolExecutor(6) as pool:
        talks = [pool.submit(run, talk(number)) for number in range(4)]
        talks += [pool.submit(talk_in_thread, number) for number in range(4, 6)]
        results = [each.result(WITHIN_S) for each in talks]

    assert results == [[100 * number + n for n in range(50)] for number in range(6)]


@pytest.mark.parametrize("is_named", [False, True], ids=["process channel", "named channel"])
def test_a_cancelled_receive_loses_nothing(async_ends: Any, is_named: bool) -> None:
    """Receivers that are cancelled at any moment never take a message with them, and none comes twice."""
    chance = random.Random(5)

    async def main() -> list[int]:
        channel = "jobs" if is_named else await async_ends.receiver.new_channel()
        got: list[int] = []

        async def read() -> None:
            got.append((await async_ends.receiver.receive(channel))["n"])

        for n in range(100):
            readers = [asyncio.create_task(read()) for _ in range(2)]
            await asyncio.sleep(0)
            await async_ends.sender.send(channel, {"n": n})
            for _ in range(chance.randrange(60)):  # the message arrives at any of these turns
                await asyncio.sleep(0)
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
        while len(got) < 100:
            await read()
        return got

    assert sorted(run(main())) == list(range(100))


def test_a_cancelled_receiver_passes_its_wake_on(async_ends: Any) -> None:
    """If the one that was woken is cancelled in the same moment, the next one gets the message."""

    async def main() -> None:
        channel = await async_ends.receiver.new_channel()
        first = asyncio.create_task(async_ends.receiver.receive(channel))
        second = asyncio.create_task(async_ends.receiver.receive(channel))
        await asyncio.sleep(0)
        await async_ends.sender.send(channel, {"n": 1})
        first.cancel()

        assert await second == {"n": 1}
        with pytest.raises(asyncio.CancelledError):
            await first

    run(main())


def test_a_timeout_around_receive_is_safe(async_ends: Any) -> None:
    """``wait_for`` cancels; the message that comes later is there for the next call."""

    async def main() -> None:
        assert await is_empty(async_ends.receiver, "jobs")
        await async_ends.sender.send("jobs", {"n": 1})
        assert await async_ends.receiver.receive("jobs") == {"n": 1}

    run(main())


def test_a_receiver_whose_loop_is_gone_takes_nothing(async_ends: Any) -> None:
    """A loop that ends without cancelling its receivers does not swallow messages."""
    channel = run(async_ends.receiver.new_channel())
    loop = asyncio.new_event_loop()
    receiving = loop.create_task(async_ends.receiver.receive(channel))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    receiving._log_destroy_pending = False  # it is meant to be abandoned

    run(async_ends.sender.send(channel, {"n": 1}))

    assert run(async_ends.receiver.receive(channel)) == {"n": 1}
    receiving.get_coro().close()


def test_a_thousand_receivers_wait_at_once(async_ends: Any) -> None:
    """Waiting costs a future: a thousand connections each get their own message."""

    async def main() -> None:
        channels = [await async_ends.receiver.new_channel() for _ in range(1000)]
        receiving = [asyncio.create_task(async_ends.receiver.receive(channel)) for channel in channels]
        await asyncio.sleep(0)
        for n, channel in enumerate(channels):
            await async_ends.sender.send(channel, {"n": n})

        assert [message["n"] for message in await asyncio.gather(*receiving)] == list(range(1000))

    run(main())


def test_group_send_reaches_who_was_added(async_ends: Any) -> None:
    """After group_add returned, a message that starts anywhere arrives; after group_discard, none does."""

    async def main() -> None:
        layer = async_ends.receiver
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        await async_ends.sender.group_send("room", {"n": 1})
        assert await layer.receive(channel) == {"n": 1}

        await async_ends.sender.group_discard("room", channel)
        await async_ends.sender.group_send("room", {"n": 2})
        assert await is_empty(layer, channel)

    run(main())


def test_many_group_adds_at_once_are_all_good(async_ends: Any) -> None:
    """Consumers that connect together are all members when their group_add returns."""

    async def main() -> None:
        layer = async_ends.receiver
        channels = [await layer.new_channel() for _ in range(20)]
        groups = ["one", "two", "three", "four"]
        await asyncio.gather(*(layer.group_add(group, channel) for group in groups for channel in channels))
        for group in groups:
            await async_ends.sender.group_send(group, {"group": group})

        for channel in channels:
            assert [(await layer.receive(channel))["group"] for _ in groups] == groups

    run(main())


def test_the_first_group_send_of_a_process_waits_for_the_mesh(open_layer: Callable[..., Any]) -> None:
    """A fresh layer joins before its first group message, so that it is not lost."""

    async def main() -> None:
        one = open_layer(ChannelLayer)
        channel = await one.new_channel()
        await one.group_add("room", channel)
        fresh = ChannelLayer(discovery="off", seeds=[one.address])
        await fresh.group_send("room", {"n": 1})

        assert await one.receive(channel) == {"n": 1}
        await fresh.close()

    run(main())


def test_the_first_send_of_a_process_waits_for_the_link(open_layer: Callable[..., Any]) -> None:
    """A fresh layer can answer on a channel of another process at once."""

    async def main() -> None:
        one = open_layer(ChannelLayer)
        channel = await one.new_channel()
        fresh = ChannelLayer(discovery="off", seeds=[one.address])
        for n in range(10):
            await fresh.send(channel, {"n": n})

        assert await numbers(one, channel, 10) == list(range(10))
        await fresh.close()

    run(main())


def test_a_full_channel_raises_at_once(open_ends: Callable[..., Any]) -> None:
    """``send`` never waits for room."""

    async def main() -> None:
        ends = open_ends(ChannelLayer, capacity=3)
        for n in range(3):
            await ends.sender.send("jobs", {"n": n})
        with pytest.raises(ChannelFull):
            await ends.sender.send("jobs", {"n": 3})
        assert await numbers(ends.receiver, "jobs", 3) == [0, 1, 2]

    run(main())


def test_flush_empties_everything(async_ends: Any) -> None:
    """Messages and memberships on all nodes are gone when flush returns."""

    async def main() -> None:
        channel = await async_ends.receiver.new_channel()
        await async_ends.receiver.group_add("room", channel)
        await async_ends.sender.send("jobs", {"n": 1})
        await async_ends.receiver.flush()
        await async_ends.sender.group_send("room", {"n": 2})
        assert await is_empty(async_ends.receiver, channel)
        assert await is_empty(async_ends.receiver, "jobs")

    run(main())


def test_bad_names_are_refused_before_anything_waits(async_ends: Any) -> None:
    """A TypeError for channels and groups, also of other processes."""

    async def main() -> None:
        layer = async_ends.receiver
        for use in (
            layer.receive("a b"),
            layer.receive(["jobs"]),
            layer.receive(5),
            layer.send("a b", {}),
            layer.group_add("a!b", "x"),
            layer.group_send("ä", {}),
            layer.new_channel("a b"),
        ):
            with pytest.raises(InvalidName):
                await use

    run(main())


def test_ready_counts_peers(open_layer: Callable[..., Any]) -> None:
    """ready() returns how many peers there are, or says that they did not come."""

    async def main() -> None:
        one = open_layer(ChannelLayer)
        with pytest.raises(NotReady):
            await one.ready(timeout=SOON_S)
        waiting = asyncio.create_task(one.ready(timeout=WITHIN_S))
        await asyncio.sleep(0)
        two = ChannelLayer(discovery="off", seeds=[one.address])
        assert await two.ready() == await waiting == 1
        await two.close()

    run(main())


def test_closing_wakes_who_waits(open_layer: Callable[..., Any]) -> None:
    """Coroutines that wait when the layer is closed, for a message or for others, hear so; later calls do too."""

    async def main() -> None:
        layer = open_layer(ChannelLayer)
        channel = await layer.new_channel()
        waiting = [asyncio.create_task(layer.receive(name)) for name in (channel, channel, "jobs")]
        waiting.append(asyncio.create_task(layer.ready(1, timeout=60)))
        await asyncio.sleep(0)
        await layer.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)

        assert [type(result) for result in results] == [LayerClosed] * 4
        for use in (layer.send("jobs", {}), layer.receive("jobs"), layer.group_send("g", {}), layer.flush()):
            with pytest.raises(LayerClosed):
                await use

    run(main())
