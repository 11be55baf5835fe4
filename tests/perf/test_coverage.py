"""How well intervals and stability verdicts do, for fixed seeds; all: `python -m tests.perf.coverage`."""

from __future__ import annotations

import numpy as np
import pytest

from perf.cases.worker import Mode
from perf.judge.verdict import STABLE, judge
from perf.measure.intervals import Interval
from perf.measure.metrics import summarise
from tests.perf.coverage import METRICS, Trend, coverage, trend, truth, verdicts
from tests.perf.simulated import simulate

SEEDS = 60


@pytest.mark.parametrize(
    ("count", "servers", "law", "rho"),
    [(24, 1, "lognormal 0.3", None), (24, 4, "uniform", 0.7), (60, 2, "exponential", None)],
)
def test_nominal_95_percent_hold_the_truth_about_so_often(count, servers, law, rho):
    """Of 60 at 95 %, 51 or more but for one time in 500 (binomial)."""
    found = coverage(SEEDS, count, servers, law, rho)
    for name in METRICS:
        assert np.isnan(found[name]) or found[name] >= 51 / SEEDS, name


def test_the_truth_is_the_simulator_s():
    runs = [simulate(seed, count=24, servers=2, law="uniform", rho=0.9) for seed in range(300)]
    true = truth(24, 2, "uniform", 0.9)
    assert np.mean([run.throughput_per_min for run in runs]) == pytest.approx(
        true["throughput_per_min"], rel=0.01
    )
    assert np.mean([np.mean(run.responses_s) for run in runs]) == pytest.approx(
        true["response_mean_s"], rel=0.05
    )


@pytest.mark.parametrize("law", ["lognormal 0.3", "exponential"])
@pytest.mark.parametrize("servers", [1, 4])
def test_no_stability_verdict_is_wrong(law, servers):
    for rho in (0.5, 0.7):
        assert verdicts(SEEDS, 60, servers, law, rho)[Trend.GROWING] == 0
    for rho in (1.2, 2.0):
        found = verdicts(SEEDS, 60, servers, law, rho)
        assert found[Trend.STABLE] == 0
    assert found[Trend.GROWING] == SEEDS


def test_empty_in_the_end_is_no_evidence():
    """Eight times the capacity, and drained: as the published run 2."""
    ledger = simulate(1, count=30, rho=8.3).ledger
    summary = summarise(ledger, concurrency=1, mode=Mode.SUSTAINED, ideal=None)
    assert summary.outstanding == 0
    spread = {"offered_utilisation": Interval(7.5, 9.1)}
    assert trend(summary, spread) is Trend.GROWING
    assert (
        judge(summary, [STABLE], (), spread).message().startswith("FAIL offered_utilisation < 1: measured 8.")
    )


def test_the_trend_is_what_can_be_said():
    ledger = simulate(1, count=30, rho=0.7).ledger
    summary = summarise(ledger, concurrency=1, mode=Mode.SUSTAINED, ideal=None)
    assert trend(summary, {"offered_utilisation": Interval(0.6, 0.8)}) is Trend.STABLE
    assert trend(summary, {"offered_utilisation": Interval(0.9, 1.1)}) is Trend.UNDECIDED
    assert trend(summary, {}) is Trend.UNDECIDED
    burst = summarise(ledger, concurrency=1, mode=Mode.BURST, ideal=None)
    assert trend(burst, {}) is Trend.UNKNOWN
