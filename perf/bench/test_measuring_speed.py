"""How fast the measuring itself is: a million records, beside a plain loop. `pytest -m bench perf/`."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from perf.cases.worker import Mode
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.observe.seen import TaskRecord

COUNT = 1_000_000
SERVERS = 4

pytestmark = [pytest.mark.bench, pytest.mark.benchmark(group="metrics of a million records")]


@pytest.fixture(scope="module")
def records() -> list[TaskRecord]:
    """A burst through four servers with service times of about a second."""
    service_s = np.random.default_rng(1).gamma(20, 0.05, (COUNT // SERVERS, SERVERS))
    finished_s = service_s.cumsum(axis=0)
    pairs = zip((finished_s - service_s).ravel().tolist(), finished_s.ravel().tolist(), strict=True)
    return [
        TaskRecord(str(number), 0.0, 0.0, 0.0, started_s, ended_s, ended_s, "done", 1, 1)
        for number, (started_s, ended_s) in enumerate(pairs)
    ]


def test_summarise(benchmark: Callable[..., Any], records: list[TaskRecord]) -> None:
    """All metrics of the suite, from records that are in columns already."""
    summary = benchmark(summarise, Ledger.of(records), concurrency=SERVERS, mode=Mode.BURST, ideal=None)
    assert summary.done == COUNT


def test_plain_loop(benchmark: Callable[..., Any], records: list[TaskRecord]) -> None:
    """What a script would do: mean and three percentiles of the response time alone."""

    def loop() -> int:
        response_s = [task.finished_s - task.scheduled_s for task in records if task.finished_s is not None]
        statistics.fmean(response_s)
        statistics.quantiles(response_s, n=100)
        return len(response_s)

    assert benchmark(loop) == COUNT
