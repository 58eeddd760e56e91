"""What the programs do of their own accord."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

from simulator.user import User
from simulator.world import World
from zmqlayer.events import Completed
from zmqlayer.exceptions import ChannelFull

__all__ = ["act"]

GROUPS = ("room", "news", "empty")
NAMED = ("jobs", "jobs", "mail", "quiet")


def act(world: World) -> None:
    """Let one program do one thing."""
    user = world.some_user()
    if user is not None:
        (what,) = world.random.choices(ACTS, WEIGHTS)
        world.history.note(what.__name__, user.node.name)
        what(world, user)


def _send_mail(world: World, user: User) -> None:
    found = world.some_channel()
    if found is not None:
        for _ in range(world.random.choice((1, 1, 2, 8))):
            _send(world, user, found[1])
        if world.random.random() < 0.3:
            _send_to_group(world, user)
            _send(world, user, found[1])


def _send_work(world: World, user: User) -> None:
    channel = world.random.choice(NAMED)
    for _ in range(world.random.choice((1, 1, 3, 12))):
        _send(world, user, channel)


def _send_to_group(world: World, user: User) -> None:
    group = world.random.choice(GROUPS)
    message = world.history.message(user.node.node_id, is_for_group=True)
    world.promises.send(user, group, message["n"])
    user.node.group_send(group, message)


def _send(world: World, user: User, channel: str) -> None:
    with contextlib.suppress(ChannelFull):
        user.node.send(channel, world.history.message(user.node.node_id))


def _join(world: World, user: User) -> None:
    found = world.some_channel()
    if found is None:
        return
    owner, channel = found
    group, began_at = world.random.choice(GROUPS[:2]), world.now

    def confirm(completed: Completed) -> None:
        has_answered = owner is user or owner.node.node_id in completed.answers
        if not completed.missing and has_answered and owner.is_able and "flush" not in world.plan.faults:
            world.promises.confirm(owner, group, channel, began_at)

    user.request(user.node.group_add(group, channel), confirm)


def _part(world: World, user: User) -> None:
    found = world.some_channel()
    if found is None:
        return
    owner, channel = found
    group = world.random.choice(GROUPS[:2])
    world.promises.discard(group, channel)

    def done(completed: Completed) -> None:
        if not completed.missing and (owner is user or owner.node.node_id in completed.answers):
            world.promises.discarded(group, channel, world.now)

    user.request(user.node.group_discard(group, channel), done)


def _join_named(world: World, user: User) -> None:
    change = world.random.choice((user.node.group_add, user.node.group_discard))
    change("named", world.random.choice(NAMED))


def _send_to_named(world: World, user: User) -> None:
    user.node.group_send("named", world.history.message(user.node.node_id, is_for_group=True))


def _open(world: World, user: User) -> None:
    if len(user.channels) < 5:
        user.open_channel()


def _close(world: World, user: User) -> None:
    if len(user.channels) > 1:
        channel = user.channels[0]
        world.promises.close(channel)
        user.close_channel(channel)


def _change_reading(world: World, user: User) -> None:
    user.is_reading = not user.is_reading
    if world.random.random() < 0.7:
        world.network.after(world.random.uniform(0.05, 3.0), partial(setattr, user, "is_reading", True))


def _change_jobs(world: World, user: User) -> None:
    user.read_jobs(() if user.jobs else world.some_jobs())


Act = Callable[[World, User], None]
_ODDS: dict[Act, int] = {
    _send_mail: 40,
    _send_work: 30,
    _send_to_group: 20,
    _join: 6,
    _part: 2,
    _join_named: 1,
    _send_to_named: 2,
    _open: 2,
    _close: 1,
    _change_reading: 3,
    _change_jobs: 4,
}
ACTS, WEIGHTS = list(_ODDS), list(_ODDS.values())
