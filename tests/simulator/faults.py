"""What the network and the machines do to the nodes. Each fault says itself when it is over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Final

from simulator.calm import pair_of
from simulator.plan import FAULTS
from simulator.user import User
from simulator.world import World

__all__ = ["strike"]

TIMEOUT_S: Final = 4.0
"""After this long without a sign of life the transport gives a connection up."""


def strike(world: World) -> None:
    """Let one thing go wrong."""
    kinds = world.plan.faults
    if kinds:
        kind = world.random.choice(kinds)
        world.history.note("fault", kind)
        _FAULTS[kind](world)


def _length_s(world: World) -> float:
    return world.random.choice((0.02, 0.3, 1.0, 3.5, 9.0, 14.0)) * world.random.uniform(0.5, 1.5)


def _cut(world: World) -> None:
    if pair := world.some_pair():
        one, two = (user.node for user in pair)
        world.trouble([pair_of(one.name, two.name)], 0.0)
        world.network.cut(one, two)


def _sever(world: World) -> None:
    """Break some of the four connections of a pair; the side that accepted learns of it sooner or later."""
    if pair := world.some_pair():
        one, two = (user.node for user in pair)
        noticed_after_s = world.random.choice((0.0, 0.05, 0.3, 2.0))
        world.trouble([pair_of(one.name, two.name)], noticed_after_s)
        for pipe in world.network.pipes(one, two):
            if world.random.random() < 0.5:
                world.network.sever(pipe, noticed_after_s)


def _delay(world: World) -> None:
    if pair := world.some_pair():
        one, two = (user.node for user in pair)
        seconds = world.random.choice((0.00005, 0.001, 0.02, 0.05))
        world.network.delay(one, two, seconds, is_one_way=world.random.random() < 0.5)


def _partition(world: World) -> None:
    if pair := world.some_pair():
        _part(world, [pair], is_one_way=world.random.random() < 0.4, seconds=_length_s(world))


def _split(world: World) -> None:
    """Part some nodes from all others."""
    users = [user for user in world.users.values() if user.node.is_alive]
    if len(users) >= 2:
        world.random.shuffle(users)
        border = world.random.randrange(1, len(users))
        pairs = list(product(users[:border], users[border:]))
        _part(world, pairs, is_one_way=world.random.random() < 0.2, seconds=_length_s(world))


def _part(world: World, pairs: list[tuple[User, User]], *, is_one_way: bool, seconds: float) -> None:
    world.trouble([pair_of(one.node.name, two.node.name) for one, two in pairs], seconds)
    for one, two in pairs:
        world.part(one.node, two.node, is_one_way=is_one_way)
        if seconds > TIMEOUT_S:
            world.network.after(TIMEOUT_S, partial(_time_out, world, one, two))
        world.network.after(seconds, partial(world.heal, one.node, two.node))


def _time_out(world: World, one: User, two: User) -> None:
    """The transport of each side gives up: each notices by itself."""
    for pipe in world.network.pipes(one.node, two.node):
        world.network.sever(pipe, world.random.uniform(0.0, 1.0))


def _kill(world: World) -> None:
    if (user := _victim(world)) is not None:
        world.trouble([user.node.name], 0.0)
        world.network.kill(user.node)
        _come_back(world, user)


def _leave(world: World) -> None:
    user = _victim(world)
    if user is not None and user.is_able:
        world.trouble([user.node.name], 0.0)
        user.read_jobs(())
        user.is_leaving = True
        user.node.leave()
        _come_back(world, user)


def _stop(world: World) -> None:
    user = _victim(world)
    if user is not None and user.is_able:
        seconds = _length_s(world)
        world.trouble([user.node.name], seconds)
        world.network.stop(user.node)
        if seconds > TIMEOUT_S:
            world.network.after(TIMEOUT_S, partial(_lose_all, world, user))
        world.network.after(seconds, partial(world.network.resume, user.node))


def _lose_all(world: World, user: User) -> None:
    for other in world.users.values():
        if other is not user and other.node.is_alive and user.node.is_stopped:
            _time_out(world, user, other)


def _flush(world: World) -> None:
    user = world.some_user()
    if user is not None:
        world.promises.void_all()
        user.node.flush()


def _victim(world: World) -> User | None:
    """Return a program that may be taken out; two always remain."""
    able = world.able
    return world.random.choice(able) if len(able) > 2 else None


def _come_back(world: World, user: User) -> None:
    """Start another process at the same address, after a while; not each time."""

    def launch() -> None:
        if user.node.is_alive:
            world.network.after(0.5, launch)
        elif world.users.get(user.node.name) is user:
            world.launch(user.node.name)

    if world.random.random() < 0.7:
        world.network.after(_length_s(world), launch)


_FAULTS: dict[str, Callable[[World], None]] = {
    "cut": _cut,
    "sever": _sever,
    "delay": _delay,
    "partition": _partition,
    "split": _split,
    "kill": _kill,
    "leave": _leave,
    "stop": _stop,
    "flush": _flush,
}
if set(_FAULTS) != set(FAULTS):
    raise LookupError("a kind of fault is missing")
