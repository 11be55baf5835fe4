"""Scenario 2: the highest arrival rate that each cell sustains. Long, so only by name: -k sustainable."""

from __future__ import annotations

from collections.abc import Callable

from perf.matrix import Case
from perf.sustainable import Sustainable


def test_sustainable_rate(cell: Case, find_rate: Callable[[Case], Sustainable]) -> None:
    """Bisect the rate within the budget; at least one rate must hold."""
    assert find_rate(cell).found.low
