"""The search for a cell's sustainable rate: each trial is a sustained case, judged as one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perf.cases.case import Variant
from perf.cases.search import OPTIONS, SearchCase, search_cases
from perf.judge.check import Problem
from perf.judge.slos import Slo, SloBook
from perf.judge.verdict import judge
from perf.measure.bisection import Capacity, Outcome, Trial, search
from perf.measure.figures import Figures, metric
from perf.observe.machine import MachineObserver
from perf.observe.observer import observing
from perf.run.cell import Cell
from perf.run.context import Context
from perf.run.kind import Kind
from perf.run.worker import WORKER
from perf.run.worker_result import WorkerResult
from perf.store.result import Result, Table

#: The first rate, as a share of the capacity that a burst showed.
FIRST = 0.7
#: Held of every search, whatever slos.toml says: a rate that was tried must hold.
HELD = Slo("trials_held", ">=", 1.0, "a search that finds nothing has not passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSummary(Figures):
    """What a search found. None = no such rate was found."""

    sustainable_per_min: float | None = metric("per_min", "highest arrival rate that held", better="higher")
    broken_per_min: float | None = metric("per_min", "lowest arrival rate that did not")
    capacity_per_min: float | None = metric("per_min", "throughput of a burst, from which the search began")
    trials: int = metric("count", "rates that were tried")
    trials_held: int = metric("count", "of them, held")


@dataclass(frozen=True, kw_only=True)
class SearchResult(Result):
    """All that a search gave."""

    case: SearchCase
    summary: SearchSummary
    found: Capacity


class SearchKind(Kind[SearchCase, SearchResult]):
    """The highest arrival rate that a size sustains at a concurrency. Long, so by its marker alone."""

    name = "search"
    parameter = "cell"
    marker = "search"
    feature = "Scenario 2: sustainable rate"
    case = SearchCase
    result = SearchResult
    summary = SearchSummary
    options = OPTIONS
    headlines = ("sustainable_per_min", "broken_per_min", "capacity_per_min")
    consolidated = "search_consolidated.csv"

    def cases(self, variant: Variant, options: Mapping[str, Any]) -> Sequence[SearchCase]:
        """See perf.cases.search."""
        return search_cases(variant, options)

    def slos(self, book: SloBook, case: SearchCase) -> tuple[Slo, ...]:
        """What its trials are judged by must be there; of itself, that one of them holds."""
        WORKER.slos(book, case.trial())
        own = book.found_for(case)
        return own if any(slo.replaces(HELD) for slo in own) else (*own, HELD)

    def run(self, case: SearchCase, context: Context) -> SearchResult:
        """Bisect the rate within the budget; a trial that cannot be trusted ends the search."""
        end_s = time.monotonic() + case.budget_s
        machine, invalid = MachineObserver(), list[WorkerResult]()
        cell = Cell(case.trial(), context)
        with observing(machine):
            _, clip = cell.prepare()
            capacity_per_min, _ = cell.per_min(clip)
            found = search(
                lambda rate_per_min, count: _try(context, case, rate_per_min, count, invalid),
                first_per_min=FIRST * capacity_per_min,
                count=case.count,
                budget_s=max(0.0, end_s - time.monotonic()),
                drain_s=2 * 60 * case.workers / capacity_per_min,
                clock=time.monotonic,
            )
        return SearchResult(
            case=case,
            summary=(summary := _summary(found, capacity_per_min)),
            verdict=judge(summary, self.slos(context.book, case), _problems(invalid)),
            machine_use=context.use_of(machine),
            found=found,
        )

    def tables(self, result: SearchResult) -> Mapping[str, Table]:
        """The trials, in the order they were made."""
        names = ("rate_per_min", "count", "outcome", "why", "took_s")
        rows = [tuple(getattr(trial, name) for name in names) for trial in result.found.trials]
        return {"trials": [names, *rows]}


SEARCH = SearchKind()


def _try(
    context: Context, case: SearchCase, rate_per_min: float, count: int, invalid: list[WorkerResult]
) -> Trial:
    begin_s = time.monotonic()
    result = WORKER.run(case.trial(rate_per_min, count), context)
    outcome, why = _outcome(result)
    if outcome is Outcome.INVALID:
        invalid.append(result)
    return Trial(rate_per_min, count, outcome, why, time.monotonic() - begin_s)


def _outcome(result: WorkerResult) -> tuple[Outcome, str]:
    """Held, broke or undecided, and the objectives that say so."""
    verdict = result.verdict
    # A trial is no case: it takes more tasks by the search itself, and so has no time to decide in.
    if any(problem.check != "decided" for problem in verdict.problems):
        return Outcome.INVALID, verdict.message()
    straddling = [str(each) for each in verdict.results if each.borderline or each.undecided]
    broken = [str(each) for each in verdict.results if not each.passed and not each.borderline]
    if broken:
        return Outcome.BROKE, "; ".join(broken)
    if straddling:
        return Outcome.UNDECIDED, "; ".join(straddling)
    return Outcome.HELD, verdict.message()


def _problems(invalid: Sequence[WorkerResult]) -> list[Problem]:
    """Those of a trial that cannot be trusted: nor can what follows from it."""
    found = [problem for result in invalid for problem in result.verdict.problems]
    if invalid and not found:
        found = [Problem(result.verdict.message(), "see the trial", "trial") for result in invalid]
    return found


def _summary(found: Capacity, capacity_per_min: float) -> SearchSummary:
    return SearchSummary(
        sustainable_per_min=found.low,
        broken_per_min=found.high,
        capacity_per_min=capacity_per_min,
        trials=len(found.trials),
        trials_held=sum(trial.outcome is Outcome.HELD for trial in found.trials),
    )
