"""Scenario 1: what the web tier carries while nothing is processed, from smoke to the knee."""

from __future__ import annotations

from collections.abc import Callable

from perf.cases.web import WebCase
from perf.judge.verdict import raise_unless_pass
from perf.store.result import Result


def test_web_capacity(web_case: WebCase, run_case: Callable[[WebCase], Result]) -> None:
    """Send the case's load, hold what was measured against the SLOs; `knee` finds the load by itself."""
    raise_unless_pass(run_case(web_case).verdict)
