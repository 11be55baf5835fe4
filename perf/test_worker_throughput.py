"""Scenario 2: what the workers carry, for each video size, concurrency and mode."""

from __future__ import annotations

from collections.abc import Callable

from perf.cases.worker import WorkerCase
from perf.judge.verdict import raise_unless_pass
from perf.store.result import Result


def test_worker_throughput(case: WorkerCase, run_case: Callable[[WorkerCase], Result]) -> None:
    """Inject the case's tasks, wait for all of them, hold what was measured against the SLOs."""
    raise_unless_pass(run_case(case).verdict)
