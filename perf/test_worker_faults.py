"""What a bad day does to the workers, and how soon they recover. Where asked for: -m faults, --faults."""

from __future__ import annotations

from collections.abc import Callable

from perf.cases.faults import FaultCase
from perf.judge.verdict import raise_unless_pass
from perf.store.result import Result


def test_worker_faults(fault_case: FaultCase, run_case: Callable[[FaultCase], Result]) -> None:
    """Strike while tasks go through: none is lost or done twice, no good video fails, and it recovers."""
    raise_unless_pass(run_case(fault_case).verdict)
