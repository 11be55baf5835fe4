"""The table of the fault cases on the terminal. Pure: results in, lines out."""

from __future__ import annotations

from collections.abc import Sequence

from perf.measure.numbers import number
from perf.report.aligned import aligned
from perf.run.faults import FaultResult

#: What reports call a column, and its metric.
COLUMNS = {
    "sent": "sent",
    "done": "done",
    "failed": "failed",
    "dead": "dead_lettered",
    "lost": "lost",
    "twice": "done_twice",
    "again": "retries",
    "back s": "recovery_s",
}


def render_fault_table(results: Sequence[FaultResult], width: int | None = None) -> list[str]:
    """A row for each case, then what the fault explains of what the checks saw."""
    rows = [("fault", *COLUMNS, "verdict"), *(_row(result) for result in results)]
    lines = aligned(rows, left=(0, len(COLUMNS) + 1), width=width)
    lines.append("back: from the end of the outage until completions are back on their course")
    for result in results:
        lines += [f"{result.case.fault} explains: {each.reason}" for each in result.facts.explained]
    return lines


def _row(result: FaultResult) -> tuple[str, ...]:
    values = (number(result.summary.value(name)) for name in COLUMNS.values())
    return (str(result.case.fault), *values, str(result.verdict.kind))
