"""Scenario 1: what the web tier carries while nothing is processed, from smoke to the knee."""

from __future__ import annotations

from collections.abc import Callable

from perf.judge.verdict import raise_unless_pass
from perf.web_matrix import WebCase
from perf.web_run import WebResult


def test_web_capacity(web_case: WebCase, run_web_case: Callable[[WebCase], WebResult]) -> None:
    """Send the case's load, hold what was measured against the SLOs; `knee` finds the load by itself."""
    result = run_web_case(web_case)
    raise_unless_pass(result.verdict)
