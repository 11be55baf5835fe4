"""How soon a fleet grows when the load rises, and how its new nodes begin. By its marker: -m autoscaling."""

from __future__ import annotations

from collections.abc import Callable

from perf.cases.scale_out import ScaleOutCase
from perf.judge.verdict import raise_unless_pass
from perf.store.result import Result


def test_worker_autoscaling(scale_out: ScaleOutCase, run_case: Callable[[ScaleOutCase], Result]) -> None:
    """Raise the load above what a node can do: a second one comes by itself, and nothing is lost."""
    raise_unless_pass(run_case(scale_out).verdict)
