"""Make a plan that fails smaller, as long as it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from simulator.plan import Plan

__all__ = ["shrink"]

MOST_TRIES = 40


def shrink(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """Return a smaller plan for which *fails* still holds; *plan* itself, if there is none."""
    tries = 0
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for candidate in _smaller(plan):
            tries += 1
            if tries > MOST_TRIES:
                return plan
            if fails(candidate):
                plan, is_smaller = candidate, True
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    for fault in plan.faults:
        yield replace(plan, faults=tuple(other for other in plan.faults if other != fault))
    if plan.nodes > 2:
        yield replace(plan, nodes=max(2, plan.nodes // 2))
        yield replace(plan, nodes=plan.nodes - 1)
    for share in (0.5, 0.8):
        if plan.seconds > 0.5:
            yield replace(plan, seconds=round(plan.seconds * share, 2))
