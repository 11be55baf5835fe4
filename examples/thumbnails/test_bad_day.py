"""What a bad day does to the thumbnails' workers: -m faults, --faults."""

from __future__ import annotations

from collections.abc import Callable

from perf.cases.case import Case
from perf.judge.verdict import raise_unless_pass
from perf.store.result import Result


def test_bad_day(fault_case: Case, run_case: Callable[[Case], Result]) -> None:
    """Something is struck while tasks go through: none is lost or done twice, and it recovers."""
    raise_unless_pass(run_case(fault_case).verdict)
