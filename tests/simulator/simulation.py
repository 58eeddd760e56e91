"""One run from its plan to its end."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.faults import strike
from simulator.plan import Plan
from simulator.rest import forget, settle
from simulator.traffic import act
from simulator.world import World

__all__ = ["Report", "report_on", "simulate"]

START_S = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """
    What came of one run.

    Attributes:
        sent: Messages that programs sent.
        read: Messages that programs read.
        promised: Copies that confirmed members had a right to.
        agreed_s: Virtual seconds until all nodes agreed on who lives, after the last fault ended.
        digest: The same for two runs that went the same way.
    """

    plan: Plan
    sent: int
    read: int
    promised: int
    agreed_s: float
    digest: str


def simulate(plan: Plan) -> Report:
    """
    Run one plan.

    Raises:
        Violation: A promise of the mesh was broken. Any other exception is a bug as well.
    """
    world = World(plan)
    for number in range(plan.nodes):
        world.launch(f"n{number}")
        world.network.run(world.random.choice((0.0, 0.0, 0.001, 0.1)))
    world.network.run(START_S)
    ends_at = world.now + plan.seconds
    rate = plan.pace + plan.fault_pace
    while world.now < ends_at:
        world.network.run(world.random.expovariate(rate))
        if world.random.random() < plan.fault_pace / rate:
            strike(world)
        else:
            act(world)
    agreed_s = settle(world)
    forget(world)
    return report_on(world, agreed_s)


def report_on(world: World, agreed_s: float) -> Report:
    """Return what came of a run."""
    history = world.history
    return Report(world.plan, history.sent, history.read, world.promises.made, agreed_s, history.digest.hexdigest())
