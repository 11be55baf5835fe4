"""The table of the web cases on the terminal. Pure: results in, lines out."""

from __future__ import annotations

from collections.abc import Sequence

from perf.judge.verdict import VerdictKind
from perf.measure.numbers import number
from perf.measure.rank import samples_for_bound
from perf.report.aligned import aligned
from perf.run.web import WebResult

_FEW = "*"


def render_web_table(results: Sequence[WebResult], width: int | None = None) -> list[str]:
    """A row for each case, then where the knee is, what a closed loop would hide, and what was short."""
    endpoints = tuple(dict.fromkeys(name for result in results for name in _called(result)))
    columns = (
        *("case", "n", "due/s", "X/s", "errors", "R p50 s", "R p95 s"),
        *(f"{name} p95" for name in endpoints),
        *("closed p95", "gen cpu"),
    )
    rows = [(*columns, "verdict"), *(_row(result, endpoints) for result in results)]
    lines = aligned(rows, left=(0, len(columns)), width=width)
    if any(_few(result) for result in results):
        lines.append(f"{_FEW} p95 of fewer than {samples_for_bound(95)} requests: too few for a bound")
    for result in results:
        lines += _knee(result) + _users(result) + _hidden(result)
    return lines


def _row(result: WebResult, endpoints: Sequence[str]) -> tuple[str, ...]:
    summary = result.summary
    return (
        result.case.id,
        number(summary.due),
        number(summary.offered_per_s),
        number(summary.throughput_per_s),
        "-" if summary.error_ratio is None else f"{100 * summary.error_ratio:.2g} %",
        number(summary.response_p50_s),
        number(summary.response_p95_s) + (_FEW if _few(result) else ""),
        *(number(summary.value(f"{name}_p95_s")) for name in endpoints),
        number(summary.closed_loop_p95_s),
        number(summary.generator_cpu),
        str(result.verdict.kind) + (" (borderline)" if _borderline(result) else ""),
    )


def _called(result: WebResult) -> Sequence[str]:
    return result.case.endpoints or tuple(result.summary.endpoints)


def _borderline(result: WebResult) -> bool:
    return result.verdict.kind is not VerdictKind.INVALID and result.verdict.borderline


def _few(result: WebResult) -> bool:
    return result.summary.response_p95_s is not None and result.summary.answered < samples_for_bound(95)


def _knee(result: WebResult) -> list[str]:
    if not result.steps:
        return []
    summary = result.summary
    breaking = [step for step in result.steps if step.broken]
    first = min(breaking, key=lambda step: step.rate_per_s, default=None)
    lines = [
        f"{result.case.id}: knee at {number(summary.knee_per_s)} requests/s "
        f"(held; {number(summary.knee_broken_per_s)}/s did not), then {result.facts.load_source}"
    ]
    if first:
        lines.append(f"  at {number(first.rate_per_s)}/s: {first.broken}")
        lines.append(f"  {result.facts.bottleneck_at_knee}")
    return lines


def _users(result: WebResult) -> list[str]:
    """How many users a rate stands for, by Little's law: each has a request under way, or pauses."""
    summary, per_visit = result.summary, len(_called(result))
    if result.load.rate_per_s is None or summary.response_mean_s is None or not per_visit:
        return []
    rate, pause_s = result.load.rate_per_s, result.case.think_s
    users = max(1, round(rate * (summary.response_mean_s + pause_s / per_visit)))
    return [
        f"{result.case.id}: {number(rate)} requests/s are what {users} user(s) send who pause "
        f"{number(pause_s)} s after every {per_visit} requests"
    ]


def _hidden(result: WebResult) -> list[str]:
    """Said where a closed loop would have told something else."""
    summary = result.summary
    seen, hidden = summary.response_p99_s, summary.closed_loop_p99_s
    if seen is None or hidden is None or not summary.closed_loop_unsent or seen < 2 * hidden:
        return []
    return [
        f"{result.case.id}: a closed loop of {summary.closed_loop_users} users would have hidden "
        f"{summary.closed_loop_unsent} of {summary.sent} requests: "
        f"R p95 {number(summary.closed_loop_p95_s)} s for {number(summary.response_p95_s)} s, "
        f"p99 {number(hidden)} s for {number(seen)} s"
    ]
