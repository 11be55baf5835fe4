"""The search as it is run: how verdicts become outcomes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.errors import InvalidMeasurement, SloBroken
from perf.cases.search import SearchCase
from perf.cases.worker import Mode
from perf.cli.main import main
from perf.judge.check import Problem
from perf.judge.slos import Slo, load_slos
from perf.judge.verdict import VerdictKind, judge, raise_unless_pass
from perf.measure.bisection import Outcome
from perf.measure.intervals import Interval
from perf.report.progress import QuietLine
from perf.report.scaling_lines import scaling_lines
from perf.report.search_lines import search_lines
from perf.run import search
from perf.run.context import Context, References
from perf.run.kinds import KINDS
from perf.run.search import SEARCH
from tests.perf.results import result
from tests.perf.simulated import simulate

CELL = SearchCase(Variant.MOCKED, size_mb=50, concurrency=1, count=12, budget_s=10_000)


class Bench:
    """Stands for the worker cases: a queue of 60/min whose cases are over at once."""

    slos = staticmethod(search.WORKER.slos)

    def __init__(
        self, problem: Problem | None = None, limit_per_min: float = 60, width: float = 0.02
    ) -> None:
        self.problem = problem
        self.limit_per_min = limit_per_min
        self.width = width
        self.ran = []

    def run(self, case, context):
        self.ran.append(case)
        rho = case.rate_per_min / self.limit_per_min
        made = result(mode=Mode.SUSTAINED, ledger=simulate(1, count=case.count, rho=rho).ledger)
        verdict = judge(
            replace(made.summary, offered_utilisation=rho),
            [Slo("offered_utilisation", "<", 1)],
            [self.problem] if self.problem else [],
            {"offered_utilisation": Interval(rho * (1 - self.width), rho * (1 + self.width))},
        )
        return replace(made, verdict=verdict)


@pytest.fixture
def searched(monkeypatch, tmp_path):
    """What a search of the cell gives on a bench."""

    def searched(bench, cell=CELL):
        monkeypatch.setattr(search, "WORKER", bench)
        deployment = SimpleNamespace(is_here=False, prepare=lambda _: [], clip=lambda _: None)
        known = References(capacities_per_min={(cell.variant, cell.cell): 60.0})
        book = load_slos(SLOS, KINDS)
        return SEARCH.run(cell, Context(deployment, book, tmp_path, QuietLine(lambda _: None, "cell"), known))

    return searched


def test_verdicts_become_outcomes_and_the_answer(searched):
    answer = searched(Bench())
    assert {trial.outcome for trial in answer.found.trials} >= {Outcome.HELD, Outcome.BROKE}
    assert answer.found.low < 60 < answer.found.high
    lines = list(search_lines(answer))
    assert "a burst showed 60/min" in lines[0]
    assert len(lines) == 1 + len(answer.found.trials)
    assert answer.verdict.kind is VerdictKind.PASS
    summary = answer.summary
    assert (summary.sustainable_per_min, summary.broken_per_min) == (answer.found.low, answer.found.high)
    assert (summary.capacity_per_min, summary.trials) == (60, len(answer.found.trials))
    assert summary.trials_held == sum(trial.outcome is Outcome.HELD for trial in answer.found.trials)


def test_a_trial_that_cannot_be_trusted_ends_the_search(searched):
    bench = Bench(Problem("why", "what to do"))
    answer = searched(bench)
    with pytest.raises(InvalidMeasurement, match="why; what to do"):
        raise_unless_pass(answer.verdict)
    assert len(bench.ran) == 1
    assert [trial.outcome for trial in answer.found.trials] == [Outcome.INVALID]
    assert answer.found.ended == "a trial cannot be trusted"


def test_a_trial_with_too_few_tasks_to_decide_gets_more_of_them_and_does_not_end_the_search(searched):
    """A trial has no time to decide in: what is undecided in it is the search's to decide."""
    answer = searched(Bench(Problem("too few tasks to decide", "give more", "decided"), width=10))
    assert {trial.outcome for trial in answer.found.trials} == {Outcome.UNDECIDED}
    first, second, *_ = answer.found.trials
    assert (second.rate_per_min, second.count) == (first.rate_per_min, 2 * first.count)
    assert answer.verdict.problems == ()


def test_no_rate_that_held_is_broken(searched):
    answer = searched(Bench(limit_per_min=1e-3), replace(CELL, budget_s=500))
    with pytest.raises(SloBroken, match="FAIL trials_held >= 1: measured 0"):
        raise_unless_pass(answer.verdict)
    assert re.search(r"sustainable rate below .*\n.*broke", "\n".join(search_lines(answer)))


def test_a_search_that_decides_nothing_has_not_passed(searched):
    answer = searched(Bench(width=10))
    assert {trial.outcome for trial in answer.found.trials} == {Outcome.UNDECIDED}
    assert answer.summary.sustainable_per_min is None
    with pytest.raises(SloBroken, match="a search that finds nothing has not passed"):
        raise_unless_pass(answer.verdict)


def test_a_conclusion_needs_two_levels_that_can_be_trusted():
    one, two = result(concurrency=1), result(concurrency=2)
    assert any("run 1 at a time on such a node" in line for line in scaling_lines([one, two]))
    assert list(scaling_lines([one])) == []
    invalid = replace(two, verdict=judge(two.summary, [], []))
    assert list(scaling_lines([one, invalid])) == []


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["capacity", "--size", "x", "--concurrency", "1"], "--size x: not a size"),
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
    assert main(["audit", str(Path(__file__).parent / "data" / "published_runs.csv")]) == 1
    printed = capsys.readouterr().out
    assert "overloaded: arrivals of 10/min are 8.33 times what was completed" in printed
