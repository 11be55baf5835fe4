"""The table of the worker cases on the terminal. Pure: results in, lines out."""

from __future__ import annotations

from collections.abc import Sequence

from perf.judge.verdict import CONFIDENCE_SAID, VerdictKind
from perf.measure.numbers import number
from perf.measure.rank import samples_for_bound
from perf.report.aligned import aligned
from perf.run.worker_result import WorkerResult

_COLUMNS = (
    "case",
    "n",
    "done",
    "X/min",
    "ideal X",
    "eff",
    "R mean s",
    "R p95 s",
    "svc p50 s",
    "growth/min",
    "lost",
)
_FEW = "*"


def render_table(results: Sequence[WorkerResult], width: int | None = None) -> list[str]:
    """A row for each case, then what its marks mean and what the clips really were."""
    rows = [(*_COLUMNS, "verdict"), *(_row(result) for result in results)]
    lines = aligned(rows, left=(0, len(_COLUMNS)), width=width)
    if any(result.intervals for result in results):
        lines.append(
            f"+-: half the {CONFIDENCE_SAID} interval (how often it holds the truth was measured: "
            "tests/perf/data/coverage.txt); all of them are in the case's metrics CSV"
        )
    if any(_few(result) for result in results):
        lines.append(f"{_FEW} p95 of fewer than {samples_for_bound(95)} tasks: too few for a bound")
    return [*lines, *_remarks(results), *_stand_ins(results)]


def _remarks(results: Sequence[WorkerResult]) -> list[str]:
    """How often tasks were delivered and begun; what a case lost, and what it took to decide it."""
    more = sum(result.summary.duplicates for result in results)
    again = sum(result.summary.retries for result in results)
    lines = [f"deliveries beyond a task's first: {more}; attempts beyond a task's first: {again}"]
    for result in results:
        slower = result.summary.slowdown
        if slower is not None and slower > 1:
            lines.append(
                f"{result.case.id}: capacity was lost during the case: tasks kept a worker {number(slower)} "
                "times as long in its later part"
            )
        if result.summary.cost_per_1000_usd is not None:
            lines.append(
                f"{result.case.id}: {number(result.summary.cost_per_1000_usd)} USD for 1,000 videos, of the "
                f"nodes alone: {result.facts.price}"
            )
        lines += [f"{result.case.id}: tried again after {attempt}" for attempt in result.facts.attempts]
    return lines


def _row(result: WorkerResult) -> tuple[str, ...]:
    summary = result.summary
    return (
        result.case.id,
        number(summary.total),
        number(summary.done),
        number(summary.throughput_per_min) + _spread(result, "throughput_per_min"),
        number(summary.ideal_throughput_per_min),
        number(summary.efficiency),
        number(summary.response_mean_s) + _spread(result, "response_mean_s"),
        number(summary.response_p95_s) + _spread(result, "response_p95_s") + (_FEW if _few(result) else ""),
        number(summary.service_p50_s),
        number(summary.backlog_growth_per_min),
        number(summary.lost),
        str(result.verdict.kind) + (" (borderline)" if _borderline(result) else ""),
    )


def _spread(result: WorkerResult, metric: str) -> str:
    """Half the width of the interval, as a share of the value: ``+-7%``."""
    value, interval = result.summary.value(metric), result.intervals.get(metric)
    if interval is None or not value:
        return ""
    return f"+-{50 * (interval.high - interval.low) / abs(value):.0f}%"


def _borderline(result: WorkerResult) -> bool:
    return result.verdict.kind is not VerdictKind.INVALID and result.verdict.borderline


def _few(result: WorkerResult) -> bool:
    return result.summary.response_p95_s is not None and result.summary.done < samples_for_bound(95)


def _stand_ins(results: Sequence[WorkerResult]) -> list[str]:
    """In a mocked case a clip has the size's name only: say what it was."""
    clips = {result.case.size_mb: result.facts.clip for result in results}
    return [f"{size_mb}MB stands for: {clip.what}" for size_mb, clip in clips.items() if clip.stand_in]
