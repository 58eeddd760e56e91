"""Run after run, each with another seed, until time is up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from simulator.plan import Plan
from simulator.shrink import shrink
from simulator.simulation import Report, simulate

__all__ = ["Soak", "failure_of"]


def failure_of(plan: Plan) -> str | None:
    """Run a plan; return in one line what went wrong, or None."""
    outcome = _run(plan)
    return outcome if isinstance(outcome, str) else None


def _run(plan: Plan) -> Report | str:
    try:
        return simulate(plan)
    except Exception as exc:  # noqa: BLE001  # whatever a run raises is what we look for
        return f"{type(exc).__name__}: {exc}"


@dataclass
class Soak:
    """
    What came of many runs.

    Attributes:
        say: Told of each failure, and of progress, in lines.
        clock: Monotonic seconds; real ones.
    """

    say: Callable[[str], None]
    clock: Callable[[], float]
    runs: int = 0
    sent: int = 0
    read: int = 0
    promised: int = 0
    slowest_agreement_s: float = 0.0
    failures: list[Plan] = field(default_factory=list)

    def run(self, plans: Iterable[Plan], seconds: float, most_failures: int = 5) -> None:
        """Do what is planned until *seconds* of real time are over, or too much failed."""
        ends_at = self.clock() + seconds
        next_word_at = self.clock() + 5.0
        for plan in plans:
            self._do(plan)
            now = self.clock()
            if now >= next_word_at:
                next_word_at = now + 5.0
                self.say(f"{self.summary()}; {ends_at - now:.0f} s to go")
            if now >= ends_at or len(self.failures) >= most_failures:
                return

    def summary(self) -> str:
        """Return everything in one line."""
        return (
            f"{self.runs:,} runs, {self.sent:,} messages sent, {self.read:,} read, {self.promised:,} copies promised, "
            f"agreement within {self.slowest_agreement_s:g} s, {len(self.failures)} failures"
        )

    def _do(self, plan: Plan) -> None:
        outcome = _run(plan)
        self.runs += 1
        if isinstance(outcome, str):
            self.failures.append(plan)
            self.say(f"FAILED: {outcome}\n  again: {plan.command()}")
            smaller = shrink(plan, lambda candidate: failure_of(candidate) is not None)
            if smaller != plan:
                self.say(f"  smaller: {smaller.command()}\n  there: {failure_of(smaller)}")
            return
        self.sent += outcome.sent
        self.read += outcome.read
        self.promised += outcome.promised
        self.slowest_agreement_s = max(self.slowest_agreement_s, outcome.agreed_s)
