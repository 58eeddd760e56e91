"""What came of a scenario: every round's figures of each contestant, and why others have none. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.figures import Spread, median_ratio
from support.scenario import Measure, Scenario

__all__ = ["Outcome", "Result"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What one contestant did.

    Attributes:
        rounds: The figures of all rounds, in order, by the name of the measure.
        missing: Why it could not take part; empty if it could.
        error: What went wrong; such a contestant is not compared, whatever rounds it has.
    """

    rounds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    missing: str = ""
    error: str = ""

    @property
    def counts(self) -> bool:
        """Whether it has figures that can be compared."""
        return bool(self.rounds) and not self.missing and not self.error


@dataclass(frozen=True, slots=True)
class Result:
    """
    What came of one scenario.

    Attributes:
        outcomes: By name of the contestant, in the order of the table.
    """

    scenario: Scenario
    outcomes: Mapping[str, Outcome]

    @property
    def ours(self) -> str:
        """The contestant that the others are compared with: the scenario's first."""
        return next(iter(self.scenario.contestants))

    @property
    def errors(self) -> dict[str, str]:
        """What went wrong, by contestant."""
        return {name: outcome.error for name, outcome in self.outcomes.items() if outcome.error}

    @property
    def missing(self) -> dict[str, str]:
        """Who could not take part, and why."""
        return {name: outcome.missing for name, outcome in self.outcomes.items() if outcome.missing}

    def measure(self, name: str) -> Measure:
        """
        Return a measure of the scenario.

        Raises:
            KeyError: It has none of that name.
        """
        return {measure.name: measure for measure in self.scenario.measures}[name]

    def rounds(self, contestant: str, measure: str) -> Sequence[float]:
        """Return a contestant's figures; none if it does not count."""
        outcome = self.outcomes.get(contestant, Outcome())
        return outcome.rounds.get(measure, ()) if outcome.counts else ()

    def spread(self, contestant: str, measure: str) -> Spread | None:
        """Return median, least and greatest of them; None if there are none."""
        rounds = self.rounds(contestant, measure)
        return Spread.of(rounds) if rounds else None

    def ratio(self, ours: str, theirs: str, measure: str) -> float | None:
        """Return the median of each round's ratio of two contestants; None if one of them has no figures."""
        pair = self.rounds(ours, measure), self.rounds(theirs, measure)
        return median_ratio(*pair) if all(pair) else None

    def best(self, among: Iterable[str], measure: str) -> str | None:
        """Return who has the best median; None if nobody of them has one."""
        medians = {name: spread.median for name in among if (spread := self.spread(name, measure))}
        if not medians:
            return None
        choose = max if self.measure(measure).is_rate else min
        return choose(medians, key=medians.__getitem__)

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        scenario = self.scenario
        return {
            "name": scenario.name,
            "title": scenario.title,
            "family": scenario.family,
            "x": scenario.x,
            "x_label": scenario.x_label,
            "notes": scenario.notes,
            "units": {measure.name: measure.unit for measure in scenario.measures},
            "contestants": {name: self._outcome_dict(name) for name in self.outcomes},
        }

    @staticmethod
    def outcomes_of(written: Mapping[str, Any]) -> dict[str, Outcome]:
        """Return the outcomes in what :meth:`to_dict` gave."""
        return {
            name: Outcome(outcome["rounds"], outcome["missing"], outcome["error"])
            for name, outcome in written["contestants"].items()
        }

    def _outcome_dict(self, name: str) -> dict[str, Any]:
        outcome = self.outcomes[name]
        medians = {measure: spread.median for measure in outcome.rounds if (spread := self.spread(name, measure))}
        rounds = {measure: list(figures) for measure, figures in outcome.rounds.items()}
        return {"median": medians, "rounds": rounds, "missing": outcome.missing, "error": outcome.error}
