"""The table of the autoscaling cases on the terminal. Pure: results in, lines out."""

from __future__ import annotations

from collections.abc import Sequence

from perf.measure.numbers import number
from perf.report.aligned import aligned
from perf.run.scale_out import ScaleOutResult

#: What reports call a column, and its metric.
COLUMNS = {
    "tasks": "total",
    "done": "done",
    "lost": "lost",
    "nodes": "nodes_after",
    "there s": "node_there_s",
    "works s": "scale_out_s",
    "warm-up": "warm_up_ratio",
    "caught up s": "caught_up_s",
}


def render_scale_out_table(results: Sequence[ScaleOutResult], width: int | None = None) -> list[str]:
    """A row for each case, and what its columns mean."""
    rows = [("case", *COLUMNS, "verdict"), *(_row(result) for result in results)]
    return [
        *aligned(rows, left=(0, len(COLUMNS) + 1), width=width),
        "there, works, caught up: from the rise of the load to the first report of a new node, to its first "
        "task, and until the backlog was what it had been before",
        "warm-up: service time of a new process's first task / that of its later ones",
    ]


def _row(result: ScaleOutResult) -> tuple[str, ...]:
    values = (number(result.summary.value(name)) for name in COLUMNS.values())
    return (result.case.id, *values, str(result.verdict.kind))
