"""What the soak says: every task accounted for, and the growth of memory with its interval."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from perf.judge.evidence import Observed
from perf.judge.tasks import Round
from perf.measure.ledger import Ledger
from perf.observe.seen import ResultsSeen
from perf.pipeline import State
from tests.perf.soak import WARM_UP, growth, report
from tests.perf.tasks import task


def test_growth_is_that_after_the_warm_up_per_thousand_tasks():
    warm_up = [(500 * place, {"worker": 90.0 + 2.0 * place}) for place in range(WARM_UP)]
    steps = [0.0, 1.0, 0.0, 1.0]
    after = [(500 * (WARM_UP + place), {"worker": 100.0 + sum(steps[:place])}) for place in range(5)]
    mean, low, high = growth([*warm_up, *after], "worker")
    assert mean == pytest.approx(1.0)  # MiB per 1,000 tasks: half a one in 500
    assert (low, high) == (pytest.approx(1 - 1.837, abs=0.001), pytest.approx(1 + 1.837, abs=0.001))


def test_each_task_is_done_failed_unsent_or_lost():
    tasks = [
        task("done", 0, 1, 2),
        task("failed", 0, 1, 2, status=State.FAILED, error="it broke"),
        task("hanging", 0, 1, None, status=State.PROCESSING),
        task("unsent", 0, None, None, status=State.UNSENT, sent_s=None),
    ]
    found = Round(Ledger.of(tasks), Observed(results=ResultsSeen({"done": 10})))
    memory = SimpleNamespace(seen=[])
    first, *_ = report(found, 1, 2.0, memory, [])
    assert first == "tasks 4: done 1, failed 1, unsent 1, lost 1, done twice 1, results there 1"
