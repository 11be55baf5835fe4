"""What the terminal shows of the cases of a kind. Pure: results in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from perf.measure.numbers import number
from perf.report.against_table import render_against_table
from perf.report.aligned import aligned
from perf.report.division_lines import division_lines
from perf.report.fault_table import render_fault_table
from perf.report.scale_out_table import render_scale_out_table
from perf.report.scaling_lines import scaling_lines
from perf.report.search_lines import search_lines
from perf.report.web_table import render_web_table
from perf.report.worker_table import render_table
from perf.store.result import Result

#: By the name of the kind: a table of its own, and what its cases say together.
TABLES: dict[str, Callable[[Sequence[Any], int | None], list[str]]] = {
    "worker": render_table,
    "web": render_web_table,
    "against": render_against_table,
    "faults": render_fault_table,
    "autoscaling": render_scale_out_table,
}
CONCLUSIONS: dict[str, Callable[[Sequence[Any]], Iterable[str]]] = {
    "worker": lambda results: chain(scaling_lines(results), division_lines(results)),
    "search": lambda results: (line for result in results for line in search_lines(result)),
}


def table(results: Sequence[Result], width: int | None = None) -> list[str]:
    """A row for each case of one kind, and what must be known to read it; at most *width* wide."""
    kind = results[0].case.kind
    return TABLES[kind](results, width) if kind in TABLES else _plain(results, width)


def conclusions(results: Sequence[Result]) -> Iterable[str]:
    """What the cases of one kind say together."""
    kind = results[0].case.kind
    return CONCLUSIONS[kind](results) if kind in CONCLUSIONS else ()


def _plain(results: Sequence[Result], width: int | None) -> list[str]:
    """A kind without a table of its own: all its metrics."""
    names = list(results[0].summary.metrics())
    rows = [("case", *names, "verdict")]
    for result in results:
        values = (number(result.summary.value(name)) for name in names)
        rows.append((result.case.id, *values, str(result.verdict.kind)))
    return aligned(rows, left=(0, len(names) + 1), width=width)
