"""The workers here against those of another commit, or with another package: --against, --against-package."""

from __future__ import annotations

from collections.abc import Callable

from perf.cases.against import AgainstCase
from perf.judge.verdict import raise_unless_pass
from perf.store.result import Result


def test_worker_against(comparison: AgainstCase, run_case: Callable[[AgainstCase], Result]) -> None:
    """Run both sides in turns until the rule decides; a case that got worse fails."""
    raise_unless_pass(run_case(comparison).verdict)
