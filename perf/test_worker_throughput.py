"""Scenario 2: what the workers carry, for each video size, concurrency and mode."""

from __future__ import annotations

from collections.abc import Callable

from perf.judge.verdict import raise_unless_pass
from perf.matrix import Case
from perf.run import CaseResult


def test_worker_throughput(case: Case, run_case: Callable[[Case], CaseResult]) -> None:
    """Inject the case's tasks, wait for all of them, hold what was measured against the SLOs."""
    result = run_case(case)
    raise_unless_pass(result.verdict)
