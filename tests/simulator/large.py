"""A mesh of hundreds: too many for every kind of trouble, enough to pass every threshold of size."""

from __future__ import annotations

from itertools import product

from simulator.plan import Plan
from simulator.rest import settle
from simulator.simulation import Report, report_on
from simulator.traffic import act
from simulator.world import World

__all__ = ["simulate_large"]

ACTS = 150


def simulate_large(seed: int, nodes: int) -> Report:
    """
    Let a large mesh form, lose a twentieth of its nodes at once, be split in halves for a second, and come to rest.

    Raises:
        Violation: A promise of the mesh was broken.
    """
    plan = Plan(
        seed=seed, nodes=nodes, seconds=0.0, pace=0.0, fault_pace=0.0, faults=(), delay_s=0.0005, drift=0.001,
        settings=(("capacity", 100), ("prefetch", 1), ("expiry", 2.0), ("group_expiry", 86_400.0)),
    )  # fmt: skip
    world = World(plan)

    for number in range(nodes):
        world.launch(f"n{number}").pace_s = 0.5
        if number % 10 == 0:
            world.network.run(0.01)
    _talk(world)
    for number in range(0, nodes, 20):
        world.trouble([f"n{number}"], 0.0)
        world.network.kill(world.users[f"n{number}"].node)
    _talk(world)
    living = [user.node for user in world.users.values() if user.node.is_alive]
    halves = list(product(living[::2], living[1::2]))
    world.trouble([node.name for node in living], 1.0)
    for one, two in halves:
        world.network.partition(one, two)
    _talk(world)
    return report_on(world, settle(world))


def _talk(world: World) -> None:
    for _ in range(ACTS):
        act(world)
        world.network.run(0.002)
