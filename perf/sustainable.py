"""The search for a cell's sustainable rate, run against a deployment: each trial is a sustained case."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from perf.errors import InvalidMeasurement, SloBroken
from perf.judge.verdict import Kind
from perf.matrix import Case, Variant
from perf.measure.capacity import Capacity, Outcome, Trial, search
from perf.measure.numbers import number
from perf.run import CaseResult, Runner

#: The whole search may take so long, unless --budget says otherwise: at one task a minute an hour goes fast.
BUDGET_S = {Variant.MOCKED: 40.0, Variant.LOCAL: 1800.0, Variant.AWS: 3600.0}
#: Tasks of a trial: enough for an interval.
COUNT = {Variant.MOCKED: 12, Variant.LOCAL: 12, Variant.AWS: 30}
#: The first rate, as a share of the capacity that a burst showed.
FIRST = 0.7


@dataclass(frozen=True)
class Sustainable:
    """The answer for a cell, and the burst's capacity that the search began from."""

    case: Case
    capacity_per_min: float
    found: Capacity

    def document(self) -> dict[str, Any]:
        """The same as a plain document."""
        return asdict(self)

    def lines(self) -> list[str]:
        """A line for the answer, and one for each trial."""
        head = (
            f"{self.case.variant} {self.case.cell}: {self.found}; a burst showed "
            f"{number(self.capacity_per_min)}/min. Each bound is a trial decided at 95 %; between them "
            "nothing was tried"
        )
        return [
            head,
            *(
                f"  {number(trial.rate_per_min)}/min, {trial.count} tasks: {trial.outcome} ({trial.why})"
                for trial in self.found.trials
            ),
        ]


def find_sustainable(runner: Runner, cell: Case, budget_s: float | None = None) -> Sustainable:
    """Search the sustainable rate of a cell, a sustained case, within a budget of time.

    Raises:
        InvalidMeasurement: a trial cannot be trusted, so nor can what follows.
        SloBroken: no rate that was tried held.
    """
    budget_s = BUDGET_S[cell.variant] if budget_s is None else budget_s
    end_s = time.monotonic() + budget_s
    capacity_per_min = runner.capacity_per_min(cell)
    found = search(
        lambda rate_per_min, count: _try(runner, replace(cell, rate_per_min=rate_per_min, count=count)),
        first_per_min=FIRST * capacity_per_min,
        count=cell.count,
        budget_s=max(0.0, end_s - time.monotonic()),
        drain_s=2 * 60 * cell.concurrency / capacity_per_min,
        clock=time.monotonic,
    )
    answer = Sustainable(cell, capacity_per_min, found)
    if found.low is None:
        raise SloBroken(
            "\n".join([*answer.lines(), "give a longer --budget, or look at why the trials broke"])
        )
    return answer


def _try(runner: Runner, case: Case) -> Trial:
    begin_s = time.monotonic()
    result = runner.run(case)
    return Trial(case.rate_per_min or 0.0, case.count, *_outcome(result), time.monotonic() - begin_s)


def _outcome(result: CaseResult) -> tuple[Outcome, str]:
    """Held, broke or undecided, and the objectives that say so."""
    verdict = result.verdict
    if verdict.kind is Kind.INVALID:
        raise InvalidMeasurement(verdict.message())
    broken = [str(each) for each in verdict.results if not each.passed]
    straddling = [str(each) for each in verdict.results if each.borderline]
    if broken:
        return Outcome.BROKE, "; ".join(broken)
    if straddling:
        return Outcome.UNDECIDED, "; ".join(straddling)
    return Outcome.HELD, verdict.message()
