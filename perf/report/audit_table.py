"""The audit's table: a row for each run, then what was found, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from perf.judge.audit import Audit, implied_response_s
from perf.measure.numbers import number
from perf.report.aligned import aligned, folded

_COLUMNS = ("run", "mode", "total", "done", "X/min", "mean s", "from X s", "ratio", "verdict")


def render_audit(audits: Sequence[Audit], width: int | None = None) -> list[str]:
    """A line for each row, then one for each finding."""
    rows = [_COLUMNS, *(_row(each) for each in audits)]
    lines = aligned(rows, left=(0, 1, len(_COLUMNS) - 1), width=width)
    findings = [f"{each.row.name}: {finding}: {text}" for each in audits for finding, text in each.findings]
    return lines + ([""] if findings else []) + folded(findings, width)


def _row(each: Audit) -> tuple[str, ...]:
    row = each.row
    return (
        row.name,
        str(row.mode),
        number(row.total),
        number(row.done),
        number(row.throughput_per_min),
        number(row.response_mean_s),
        number(implied_response_s(row)),
        "-" if each.ratio is None else f"{each.ratio:.2f}",
        str(each.verdict),
    )
