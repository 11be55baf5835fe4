"""What the digests' workers carry, in a burst and sustained."""

from __future__ import annotations

from collections.abc import Callable

from perf.cases.case import Case
from perf.judge.verdict import raise_unless_pass
from perf.store.result import Result


def test_digests(case: Case, run_case: Callable[[Case], Result]) -> None:
    """Each case to its verdict."""
    raise_unless_pass(run_case(case).verdict)


def test_digests_against(comparison: Case, run_case: Callable[[Case], Result]) -> None:
    """With --against COMMIT: the workers here and those of the commit, in turns."""
    raise_unless_pass(run_case(comparison).verdict)
