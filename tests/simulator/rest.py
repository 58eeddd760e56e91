"""What must hold when a mesh was left in peace: everyone knows everyone, the books balance, nothing is left over."""

from __future__ import annotations

from typing import Final

from simulator.history import Violation
from simulator.world import World
from support.network import assert_conserved, assert_settled
from support.sizes import table_sizes
from zmqlayer.memory import MemoryNode

__all__ = ["forget", "settle"]

AGREE_WITHIN_S: Final = 15.0
LEAVING_S: Final = 4.0
READING_S: Final = 1.5
REPORTING_S: Final = 15.0
STEP_S: Final = 0.05
IDLE_S: Final = 15.0
GROUP_MARK: Final = b"\x02"


def settle(world: World) -> float:
    """
    End all faults and all traffic, and check what must be true then.

    Returns:
        The seconds after which all nodes agreed on who lives.

    Raises:
        Violation: Something did not hold.
    """
    world.heal_all()
    took_s = _await_agreement(world)
    _read_everything(world)
    world.promises.check()
    _check_honesty(world)
    _check_books(world)
    _check_accounts(world)
    return took_s


def forget(world: World) -> None:
    """
    Close all channels, let everything expire, and check that nothing is left over.

    Raises:
        Violation: Something is.
    """
    _close_everything(world)
    _check_tables(world)
    _check_books(world)


def _check_accounts(world: World) -> None:
    """
    Each two nodes agree on every message that one sent to the other, as soon as none is on its way.

    Work may still move now and then: readers that stopped waiting a while ago give back what they hold.
    """
    fault: AssertionError | None = None
    for _ in range(int(REPORTING_S / STEP_S)):
        world.network.run(STEP_S)
        try:
            assert_settled(*world.alive)
        except AssertionError as exc:
            fault = exc
        else:
            return
    raise Violation(f"two nodes do not agree on what one sent to the other: {fault}") from fault


def _await_agreement(world: World) -> float:
    began_at = world.now
    while world.now < began_at + LEAVING_S + AGREE_WITHIN_S:
        world.network.run(0.25)
        if any(user.node.is_alive and user.is_leaving for user in world.users.values()):
            continue
        if not _disagreements(world.alive):
            return world.now - began_at
    raise Violation(
        f"nodes do not agree on who lives {AGREE_WITHIN_S:g} s after all is well: {_disagreements(world.alive)}"
    )


def _disagreements(nodes: list[MemoryNode]) -> list[str]:
    """Return who sees whom wrongly."""
    living = {node.node_id: node.name for node in nodes}
    wrong = []
    for node in nodes:
        seen = {peer.node_id: peer.state for peer in node.mesh.peers()}
        wrong += [
            f"{node.name} sees {name} as {seen.get(node_id)}"
            for node_id, name in living.items()
            if node_id != node.node_id and seen.get(node_id) != "ready"
        ]
        wrong += [
            f"{node.name} sees a dead node as {state}" for node_id, state in seen.items() if node_id not in living
        ]
    return wrong


def _read_everything(world: World) -> None:
    """Let everyone read all that may still be read."""
    for user in world.users.values():
        user.is_reading = True
    world.network.run(READING_S)
    for user in world.able:
        world.look(user)


def _check_honesty(world: World) -> None:
    """No node may ever take another for one that breaks the protocol."""
    for user in world.past:
        if malformed := user.node.mesh.counters.malformed:
            raise Violation(f"{user.node.name} counted {malformed} malformed frames of honest nodes")


def _check_books(world: World) -> None:
    """At each node, also at those that died, what came in is what went out and what is here."""
    for user in world.past:
        assert_conserved(user.node)


def _close_everything(world: World) -> None:
    for user in world.users.values():
        user.read_jobs(())
        for channel in list(user.channels):
            user.close_channel(channel)
        for channel in ("jobs", "mail", "quiet"):
            user.node.group_discard("named", channel)
    world.network.run(world.plan.expiry_s + IDLE_S)


def _check_tables(world: World) -> None:
    nodes = world.alive
    for node in nodes:
        groups = [topic for topic in node.subscribers if topic[:1] == GROUP_MARK]
        if groups:
            raise Violation(f"{node.name} still publishes for {len(groups)} groups that have no members")
        left = {path: size for path, size in table_sizes(node.mesh).items() if size > _allowed(path, len(world.past))}
        if left:
            raise Violation(f"{node.name} does not forget: {left}")
        if node.mesh.in_flight:
            raise Violation(f"{node.name} still holds {node.mesh.in_flight} messages")


def _allowed(path: str, incarnations: int) -> int:
    """Return how many entries a table may have at rest: for each process that ever ran a few, else none."""
    return 4 * incarnations + 32
