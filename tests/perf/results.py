"""Whole results of cases, for what renders them."""

from __future__ import annotations

from pathlib import Path

from perf.cases.case import Variant
from perf.cases.search import SearchCase
from perf.cases.worker import Mode, WorkerCase
from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.measure.bisection import Capacity, Outcome, Trial, bounds
from perf.measure.ideal import Ideal
from perf.measure.intervals import intervals
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.pipeline import Clip, ReportedWorker, State
from perf.run.search import HELD, SearchResult, SearchSummary
from perf.run.worker_result import WorkerFacts, WorkerResult
from tests.perf.tasks import checked, task

LEDGER = Ledger.of(
    [
        task("a", 0, 1, 11.123456789012345),
        task("b", 0, 11.2, 22),
        task("c", 0, 22.5, 30, status=State.FAILED, error='a "quoted", line\nand another: é'),
    ]
)
CLIP = Clip(Path("/clips/50MB.mp4"), "clips/50MB.mp4", "2 s of 320x180", 4096, stand_in=True)


def facts(*workers: ReportedWorker, rate_per_min: float | None = None, source: str = "given") -> WorkerFacts:
    """What such a case ran with."""
    return WorkerFacts({"queue": "q"}, workers, CLIP, rate_per_min, source, 0.001, "-preset veryfast")


def search_result(*outcomes: Outcome) -> SearchResult:
    """A search with a trial for each outcome: 60/min, 61/min ..."""
    trials = tuple(Trial(60.0 + place, 12, each, "why", 9.5) for place, each in enumerate(outcomes))
    low, high = bounds((trial.rate_per_min, trial.outcome) for trial in trials)
    summary = SearchSummary(
        sustainable_per_min=low,
        broken_per_min=high,
        capacity_per_min=85.0,
        trials=len(trials),
        trials_held=outcomes.count(Outcome.HELD),
    )
    return SearchResult(
        case=SearchCase(Variant.MOCKED, 50, 2, 12, 40.0),
        summary=summary,
        verdict=judge(summary, [HELD], ()),
        found=Capacity(low, high, trials, "within 10 %"),
    )


def result(
    variant: Variant = Variant.MOCKED,
    mode: Mode = Mode.BURST,
    size_mb: int = 50,
    concurrency: int = 1,
    ledger: Ledger = LEDGER,
) -> WorkerResult:
    """A case judged by one SLO that holds, one that is broken and, when sustained, nothing to hold."""
    ideal = Ideal(12.0, (4.0, 5.0), concurrency)
    summary = summarise(ledger, concurrency=concurrency, mode=mode, ideal=ideal)
    slos = [Slo("lost", "==", 0, "slos.toml:3"), Slo("response_p95_s", "<=", 20, "slos.toml:4")]
    # The mode is left out of the evidence: tasks made by hand are not injected as their mode says.
    found = checked(ledger, summary, concurrency)
    spread = intervals(ledger, summary, concurrency=concurrency, mode=mode, ideal=ideal)
    rate_per_min = 12.5 if mode is Mode.SUSTAINED else None
    return WorkerResult(
        case=WorkerCase(variant, size_mb, concurrency, mode, len(ledger), rate_per_min),
        summary=summary,
        verdict=judge(summary, slos, found),
        intervals=spread,
        ideal=ideal,
        facts=facts(rate_per_min=rate_per_min),
        ledger=ledger,
    )
