"""Whole results of cases, for what renders them."""

from __future__ import annotations

from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.matrix import Case, Mode, Variant
from perf.measure.ideal import Ideal
from perf.measure.intervals import intervals
from perf.measure.ledger import Ledger, State
from perf.measure.metrics import summarise
from perf.measure.validity import check
from perf.run import CaseResult
from tests.perf.tasks import task

LEDGER = Ledger.of(
    [
        task("a", 0, 1, 11.123456789012345),
        task("b", 0, 11.2, 22),
        task("c", 0, 22.5, 30, status=State.FAILED, error='a "quoted", line\nand another: é'),
    ]
)


def result(
    variant: Variant = Variant.MOCKED,
    mode: Mode = Mode.BURST,
    size_mb: int = 50,
    concurrency: int = 1,
    ledger: Ledger = LEDGER,
) -> CaseResult:
    """A case judged by one SLO that holds, one that is broken and, when sustained, nothing to hold."""
    ideal = Ideal(12.0, (4.0, 5.0), concurrency)
    summary = summarise(ledger, concurrency=concurrency, mode=mode, ideal=ideal)
    slos = [Slo("lost", "==", 0, "slos.toml:3"), Slo("response_p95_s", "<=", 20, "slos.toml:4")]
    verdict = judge(summary, slos, check(ledger, summary, concurrency=concurrency))
    case = Case(variant, size_mb, concurrency, mode, len(ledger), 12.5 if mode is Mode.SUSTAINED else None)
    facts = {"clip": {"is": "2 s of 320x180", "stand_in": True}, "rate_per_min": case.rate_per_min}
    spread = intervals(ledger, summary, concurrency=concurrency, mode=mode, ideal=ideal)
    return CaseResult(case, ledger, summary, verdict, ideal, spread, None, facts)
