"""The search as it is run: how verdicts become outcomes, and which pytest cases there are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from perf.__main__ import main
from perf.errors import InvalidMeasurement, SloBroken
from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.matrix import Case, Mode, Variant
from perf.measure.capacity import Outcome
from perf.measure.intervals import Interval
from perf.measure.validity import Problem
from perf.report.scaling_lines import scaling_lines
from perf.sustainable import find_sustainable
from tests.perf.results import result
from tests.perf.simulated import simulate

ROOT = Path(__file__).parents[2]
CELL = Case(Variant.MOCKED, 50, 1, Mode.SUSTAINED, 12)


class Bench:
    """Stands for a Runner: a queue of 60/min whose cases are over at once."""

    def __init__(self, problem: Problem | None = None, limit_per_min: float = 60) -> None:
        self.problem = problem
        self.limit_per_min = limit_per_min

    def capacity_per_min(self, case):
        return 60.0

    def run(self, case):
        rho = case.rate_per_min / self.limit_per_min
        made = result(mode=Mode.SUSTAINED, ledger=simulate(1, count=case.count, rho=rho).ledger)
        verdict = judge(
            replace(made.summary, offered_utilisation=rho),
            [Slo("offered_utilisation", "<", 1)],
            [self.problem] if self.problem else [],
            {"offered_utilisation": Interval(rho * 0.98, rho * 1.02)},
        )
        return replace(made, verdict=verdict)


def test_verdicts_become_outcomes_and_the_answer():
    answer = find_sustainable(Bench(), CELL, budget_s=10_000)
    assert {trial.outcome for trial in answer.found.trials} >= {Outcome.HELD, Outcome.BROKE}
    assert answer.found.low < 60 < answer.found.high
    assert "a burst showed 60/min" in answer.lines()[0]
    assert len(answer.lines()) == 1 + len(answer.found.trials)


def test_a_trial_that_cannot_be_trusted_ends_the_search():
    with pytest.raises(InvalidMeasurement, match="why; what to do"):
        find_sustainable(Bench(Problem("why", "what to do")), CELL, budget_s=10_000)


def test_no_rate_that_held_is_broken():
    with pytest.raises(SloBroken, match=r"sustainable rate below .*\n.*broke"):
        find_sustainable(Bench(limit_per_min=1e-3), CELL, budget_s=500)


def collected(*options: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "perf/", "--collect-only", "-q", *options],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {line for line in done.stdout.splitlines() if "test_sustainable_rate" in line}


def test_the_search_runs_only_where_it_is_named():
    assert collected() == set()
    assert collected("-m", "aws") == set()
    mocked = "perf/test_worker_capacity.py::test_sustainable_rate[mocked-50MB-c1]"
    assert collected("-k", "sustainable", "--sizes=50", "--concurrency=1") == {mocked}
    assert len(collected("-k", "sustainable", "-m", "local")) == 6


def test_a_conclusion_needs_two_levels_that_can_be_trusted():
    one, two = result(concurrency=1), result(concurrency=2)
    assert any("run 1 at a time on such a node" in line for line in scaling_lines([one, two]))
    assert list(scaling_lines([one])) == []
    invalid = replace(two, verdict=judge(two.summary, [], []))
    assert list(scaling_lines([one, invalid])) == []


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["capacity", "--size", "x", "--concurrency", "1"], "--sizes x: not a size"),
        (["capacity", "--size", "50", "--concurrency", "1", "--budget", "x"], "--budget x: not a number"),
        (["audit", "none.csv"], "none.csv: cannot read the table"),
    ],
)
def test_by_hand_nonsense_is_one_line(capsys, argv, words):
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_audit_by_hand(capsys):
    assert main(["audit", str(ROOT / "tests/perf/data/published_runs.csv")]) == 1
    printed = capsys.readouterr().out
    assert "overloaded: arrivals of 10/min are 8.33 times what was completed" in printed
