"""What became of the problems, by kind of points."""

from __future__ import annotations

from collections import defaultdict

from benchmarks.soak.check import Outcome
from benchmarks.soak.problems import KINDS, Problem


class Tally:
    """Counts and extremes.

    Attributes:
        failures: Number of problems with a failure.
    """

    def __init__(self) -> None:
        self._by_kind: dict[str, list[tuple[Problem, Outcome]]] = defaultdict(list)
        self.failures = 0

    def add(self, problem: Problem, outcome: Outcome) -> None:
        """Count a problem."""
        self._by_kind[problem.kind].append((problem, outcome))
        self.failures += bool(outcome.failures)

    def line(self) -> str:
        """Where it stands."""
        return f"{self._count()} problems, {self.failures} failures"

    def summary(self) -> str:
        """All kinds together."""
        everything = [pair for pairs in self._by_kind.values() for pair in pairs]
        silent = sum(outcome.peer == "silent" for _, outcome in everything)
        wrong = sum(outcome.peer == "disagrees" for _, outcome in everything)
        wide = sum(not outcome.converged and not problem.stopped for problem, outcome in everything)
        return (
            f"{self.line()}. POT had no answer {silent} times, and another answer than duality proves {wrong} times. "
            f"{wide} solves that nothing stopped ended with a bracket wider than 1e-11."
        )

    def table(self) -> str:
        """A Markdown table."""
        head = ["kind", "problems", "failures", "widest converged gap", "rounding", "worst peer", "longest, s"]
        lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
        for kind in KINDS:
            if pairs := self._by_kind.get(kind):
                whole = [outcome for problem, outcome in pairs if not problem.stopped]
                lines.append(
                    [
                        kind,
                        f"{len(pairs):,}",
                        str(sum(bool(outcome.failures) for _, outcome in pairs)),
                        f"{max((outcome.gap for outcome in whole), default=0.0):.1e}",
                        str(sum(not outcome.converged for outcome in whole)),
                        f"{max((o.apart for _, o in pairs if o.peer == 'agrees'), default=0.0):.1e}",
                        f"{max(outcome.seconds for _, outcome in pairs):.2f}",
                    ]
                )
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)

    def _count(self) -> str:
        return f"{sum(map(len, self._by_kind.values())):,}"
