"""Scenario 2: the highest arrival rate that each cell sustains. Long, so only by its marker: -m search."""

from __future__ import annotations

from collections.abc import Callable

from perf.cases.search import SearchCase
from perf.judge.verdict import raise_unless_pass
from perf.store.result import Result


def test_sustainable_rate(cell: SearchCase, run_case: Callable[[SearchCase], Result]) -> None:
    """Bisect the rate within the budget; at least one rate must hold."""
    raise_unless_pass(run_case(cell).verdict)
