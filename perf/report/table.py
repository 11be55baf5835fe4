"""The tables of the terminal. Pure: results in, lines out."""

from __future__ import annotations

from collections.abc import Sequence

from perf.judge.verdict import Kind, Verdict
from perf.measure.numbers import number
from perf.measure.rank import samples_for_bound
from perf.run import CaseResult

_GAP = "  "
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


def render_table(results: Sequence[CaseResult]) -> list[str]:
    """A row for each case, then what its marks mean and what the clips really were."""
    rows = [(*_COLUMNS, "verdict"), *(_row(result) for result in results)]
    lines = aligned(rows, left=(0, len(_COLUMNS)))
    if any(result.intervals for result in results):
        lines.append("+-: half the 95 % confidence interval; all of them are in the case's metrics CSV")
    if any(_few(result) for result in results):
        lines.append(f"{_FEW} p95 of fewer than {samples_for_bound(95)} tasks: too few for a bound")
    return lines + _stand_ins(results)


def verdict_table(verdict: Verdict) -> list[str]:
    """The verdict, a row for each SLO, and a line for each problem."""
    rows = [("", "SLO", "measured", "note")]
    rows += [
        (each.kind, str(each.slo), number(each.measured), "; ".join(filter(None, (each.spread, each.note))))
        for each in verdict.results
    ]
    return [
        str(verdict.kind),
        *aligned(rows, left=(0, 1, 3)),
        *(f"problem: {problem}" for problem in verdict.problems),
    ]


def _row(result: CaseResult) -> tuple[str, ...]:
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


def _spread(result: CaseResult, metric: str) -> str:
    """Half the width of the interval, as a share of the value: ``+-7%``."""
    value, interval = result.summary.value(metric), result.intervals.get(metric)
    if interval is None or not value:
        return ""
    return f"+-{50 * (interval.high - interval.low) / abs(value):.0f}%"


def _borderline(result: CaseResult) -> bool:
    return result.verdict.kind is not Kind.INVALID and result.verdict.borderline


def _few(result: CaseResult) -> bool:
    return result.summary.response_p95_s is not None and result.summary.done < samples_for_bound(95)


def _stand_ins(results: Sequence[CaseResult]) -> list[str]:
    """In a mocked case a clip has the size's name only: say what it was."""
    clips = {result.case.size_mb: result.facts.get("clip", {}) for result in results}
    return [
        f"{size_mb}MB stands for: {clip['is']}" for size_mb, clip in clips.items() if clip.get("stand_in")
    ]


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int]) -> list[str]:
    """Columns as wide as their widest text; those in *left* begin at the left, the rest end at the right."""
    widths = [max(len(text) for text in column) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(
            text.ljust(width) if place in left else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
