"""The count of false failures: each fault has its turn, what is false and what is not, and how sure it is."""

from __future__ import annotations

import pytest

from perf.cases.faults import Fault
from tests.perf.smokes import FAULTS_EACH, faults_of, interval, table


def made(number, **outcomes):
    cases = {case.replace("_", "-"): {"outcome": each, "why": "a reason"} for case, each in outcomes.items()}
    return {"number": number, "busy": number % 2 == 0, "status": "0", "took_s": 100.0, "cases": cases}


def test_each_fault_has_its_turn():
    runs = -(-len(Fault) // FAULTS_EACH)
    assert {fault for number in range(1, runs + 1) for fault in faults_of(number)} == set(Fault)
    assert all(len(set(faults_of(number))) == FAULTS_EACH for number in range(1, 60))


def test_a_false_failure_is_counted_by_the_run_and_invalid_apart():
    runs = [
        made(1, burst="PASS", s3_away="PASS"),
        made(2, burst="INVALID", s3_away="PASS"),
        made(3, burst="FAIL", s3_away="BROKEN"),
    ]
    lines = list(table(runs))
    assert "    burst: INVALID a reason" in lines[1]
    assert lines[-3].startswith("alone: 2 runs, 4 cases: 2 PASS, 0 INVALID; runs with a false failure: 1,")
    assert lines[-2].startswith("beside a busy core: 1 runs, 2 cases: 1 PASS, 1 INVALID; ")
    assert "runs with a false failure: 1, so 0.8% to 90.6% of runs" in lines[-1]


def test_the_interval_is_the_exact_one():
    assert interval(0, 50) == (0.0, pytest.approx(1 - 0.025 ** (1 / 50)))
    assert interval(50, 50) == (pytest.approx(0.025 ** (1 / 50)), 1.0)
