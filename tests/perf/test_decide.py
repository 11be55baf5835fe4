"""A case takes more tasks until it is decided, within its budget: by a fake cell and a fake clock."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from types import SimpleNamespace

import pytest

from perf.cases.case import Variant
from perf.cases.worker import Mode, WorkerCase
from perf.judge.evidence import Bare, Observed
from perf.judge.slos import Slo
from perf.judge.tasks import Round
from perf.judge.verdict import STABLE, VerdictKind
from perf.measure.intervals import Interval
from perf.measure.ledger import Ledger
from perf.observe.seen import BareRuns
from perf.pipeline import ReportedWorker
from perf.run import cell, worker_run
from perf.run.context import Context
from perf.run.worker_run import WorkerRun
from tests.perf.results import CLIP
from tests.perf.simulated import simulate
from tests.perf.test_machine import QUIET

TOOK_S = 10.0
#: A nominal interval that says nothing of efficiency, and one that does.
WIDE, NARROW = Interval(0.2, 2.5), Interval(0.6, 0.9)


@dataclass
class Notes:
    """Listens, and keeps what it is told."""

    said: list[str] = field(default_factory=list)

    def phase(self, name):
        return nullcontext()

    def note(self, text):
        self.said.append(text)

    def show(self, progress):
        pass


@dataclass
class Bench:
    """Stands for the cell: each injection takes TOOK_S for 16 tasks, and each is over at once."""

    case: WorkerCase
    context: Context
    now_s: float = 1000.0
    injected: list[tuple[str, int, float]] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    remembered: list[int] = field(default_factory=list)
    machine: float = 1.0
    times: list[int] = field(default_factory=list)
    alone_s: float | None = None

    def prepare(self):
        return [ReportedWorker("w", "n", 1, self.case.concurrency)], CLIP

    def per_min(self, clip):
        return 60.0, "the burst case"

    def remember(self, summary):
        self.remembered.append(summary.total)

    def alone(self, clip):
        self.did.append("alone")
        if self.alone_s is None:
            return Bare(alone=BareRuns((1.0,), 1.0, 1))
        return Bare(alone=BareRuns((self.alone_s,), self.alone_s, 1), alone_use=QUIET)

    def alone_again(self, clip):
        self.did.append("alone again")
        self.alone_s = 0.01
        return Bare(alone=BareRuns((0.01,), 0.01, 1), alone_use=QUIET)

    def bare(self, clip, times):
        """Bare runs; those after a case take a tenth longer than those before it."""
        self.did.append("bare")
        self.times.append(times)
        service_s = 1.0 if self.did.count("bare") % 2 else 1.1
        return BareRuns((service_s,), service_s, 1), replace(QUIET, other_cores=0.01 * len(self.did))

    def has_bare(self, clip):
        return True

    def speed(self, bare):
        return self.machine

    def tasks(self, clip, planned, name):
        self.did.append("tasks")
        offsets_s = [each.offset_s for each in planned]
        self.injected.append((name, len(planned), offsets_s[-1]))
        self.now_s += TOOK_S * len(planned) / self.case.count
        rho = None if self.case.mode is Mode.BURST else 0.7
        ledger = simulate(len(self.injected), count=len(planned), rho=rho).ledger
        began_s = 5000.0 * len(self.injected)
        records = [
            replace(each, task_id=task.task_id, scheduled_s=each.scheduled_s + began_s,
                    sent_s=each.sent_s + began_s, uploaded_s=each.uploaded_s + began_s,
                    started_s=each.started_s + began_s, finished_s=each.finished_s + began_s,
                    updated_s=each.updated_s + began_s)
            for task, each in zip(planned, ledger.to_records(), strict=True)
        ]  # fmt: skip
        return Round(Ledger.of(records), Observed())


@dataclass
class Judge:
    """The suite's own, but for the intervals: for so many times they say nothing."""

    undecided: int
    rounds: list[list[Round]] = field(default_factory=list)

    def intervals(self, ledger, summary, **_):
        wide = len(self.rounds) <= self.undecided
        return {"throughput_per_min": WIDE if wide else NARROW,
                "offered_utilisation": Interval(0.6, 1.2) if wide else Interval(0.6, 0.8)}  # fmt: skip


class Alone:
    """The bare runs of a cell, by the load of others beside each time that they are made."""

    def __init__(self, monkeypatch, tmp_path, *others: float, is_here: bool = True) -> None:
        self.made: list[tuple[int, int]] = []
        self.took_s = 1.0
        uses = iter(others)

        def calibrate(pipeline, path, concurrency, runs):
            self.made.append((concurrency, runs))
            return BareRuns((self.took_s,) * runs, self.took_s * runs, concurrency)

        monkeypatch.setattr(cell, "calibrate", calibrate)
        monkeypatch.setattr(cell, "machine_use", lambda _: replace(QUIET, other_cores=next(uses)))
        pipeline = SimpleNamespace(bare_command=lambda *_: ["ffmpeg"])
        deployment = SimpleNamespace(is_here=is_here, pipeline=pipeline)
        self.context = Context(deployment, SimpleNamespace(), tmp_path, Notes())

    def of(self, size_mb: int = 50, concurrency: int = 1, mode: Mode = Mode.BURST) -> Bare:
        return self.cell(size_mb, concurrency, mode).alone(CLIP)

    def cell(self, size_mb: int = 50, concurrency: int = 1, mode: Mode = Mode.BURST) -> cell.Cell:
        return cell.Cell(WorkerCase(Variant.MOCKED, size_mb, concurrency, mode, 16), self.context)


def test_the_bare_command_alone_is_run_once_for_a_size(monkeypatch, tmp_path):
    alone = Alone(monkeypatch, tmp_path, 0.0, 0.1)
    first = alone.of()
    assert first.alone_use.other_cores == 0
    assert alone.of(concurrency=4) is alone.of(mode=Mode.SUSTAINED) is first
    assert alone.of(size_mb=100).alone_use.other_cores == 0.1
    assert alone.made == [(1, cell.ALONE_RUNS)] * 2


def test_beside_other_load_it_is_run_again_until_it_was_quiet_once(monkeypatch, tmp_path):
    alone = Alone(monkeypatch, tmp_path, 1.0, 0.5, 0.2)
    assert [alone.of().alone_use.other_cores for _ in range(4)] == [1.0, 0.5, 0.2, 0.2]


@pytest.mark.parametrize("again_s", [0.5, 2.0])
def test_made_again_the_faster_of_both_stands(monkeypatch, tmp_path, again_s):
    alone = Alone(monkeypatch, tmp_path, 0.0, 0.1)
    alone.of()
    alone.took_s = again_s
    assert alone.cell().alone_again(CLIP).alone.service_s[0] == min(1.0, again_s)
    assert alone.of().alone.service_s[0] == min(1.0, again_s)


def test_elsewhere_one_run_shows_what_is_made_and_nothing_of_the_machine(monkeypatch, tmp_path):
    alone = Alone(monkeypatch, tmp_path, is_here=False)
    assert alone.of().alone_use is None
    assert alone.of().alone == BareRuns((1.0,), 1.0, 1)
    assert alone.made == [(1, 1)]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a case; what came of it, the bench, the judge and the notes."""

    def run(
        mode, *, undecided, decide_s, is_here=False, rate_per_min=None, others=(), machine=1.0, alone_s=None
    ):
        notes, judge = Notes(), Judge(undecided)
        deployment = SimpleNamespace(is_here=is_here, description={}, pipeline=SimpleNamespace(recipe="r"))
        context = Context(deployment, SimpleNamespace(), tmp_path, notes)
        case = WorkerCase(Variant.MOCKED, 50, 1, mode, 16, rate_per_min, decide_s=decide_s)
        bench = Bench(case, context, machine=machine, alone_s=alone_s)
        real = worker_run.judge_tasks

        def judged(rounds, slos, **given):
            judge.rounds.append(list(rounds))
            return real(rounds, slos, **given)

        monkeypatch.setattr(worker_run, "Cell", lambda *_: bench)
        monkeypatch.setattr(worker_run, "judge_tasks", judged)
        monkeypatch.setattr("perf.judge.tasks.intervals", judge.intervals)
        uses = chain((replace(QUIET, other_cores=each) for each in others), repeat(QUIET))
        monkeypatch.setattr(worker_run, "machine_use", lambda _: next(uses))
        monkeypatch.setattr(worker_run, "time", SimpleNamespace(monotonic=lambda: bench.now_s))
        slos = (Slo("throughput_per_min", ">=", 1.0), STABLE) if mode is Mode.SUSTAINED else (BOUND,)
        return WorkerRun(case, context, slos).run(), bench, judge, notes

    return run


#: Its half and its double are in WIDE; a queue of 1 s each gives 60/min.
BOUND = Slo("throughput_per_min", ">=", 1.0, "slos.toml:7")


def test_a_burst_is_repeated_and_its_rounds_are_joined(run):
    result, bench, judge, notes = run(Mode.BURST, undecided=2, decide_s=100)
    assert [len(rounds) for rounds in judge.rounds] == [1, 2, 3]
    assert [count for _, count, _ in bench.injected] == [16, 16, 16]
    assert result.verdict.kind is VerdictKind.PASS
    assert result.summary.total == len(result.ledger) == 48
    assert len(set(result.ledger.task_id)) == 48
    # Each begins where the one before it ended, so no time between them is in the rate.
    assert result.summary.makespan_s == pytest.approx(48, rel=0.15)
    assert result.case.count == 16
    assert bench.remembered == [48]
    first, second = result.facts.attempts
    assert first.startswith("16 tasks: INVALID throughput_per_min >= 1: measured ")
    assert "undecided: nominal 95 % between 0.2 and 2.50" in first
    assert second.startswith("32 tasks: ")
    assert notes.said == [f"once more: {each}" for each in result.facts.attempts]


def test_a_sustained_load_lasts_twice_as_long_each_time_at_the_same_rate(run):
    result, bench, judge, _ = run(Mode.SUSTAINED, undecided=2, decide_s=1000, rate_per_min=30)
    assert [count for _, count, _ in bench.injected] == [16, 32, 64]
    assert [last_s for _, _, last_s in bench.injected] == [30, 62, 126]  # 2 s between two arrivals
    assert [len(rounds) for rounds in judge.rounds] == [1, 1, 1]  # what was too short is left out
    assert result.summary.total == 64
    assert result.verdict.kind is VerdictKind.PASS
    assert [each.split(" tasks")[0] for each in result.facts.attempts] == ["16", "32"]
    assert "offered_utilisation < 1" in result.facts.attempts[0]
    assert result.facts.rate_per_min == 30
    assert bench.remembered == []


@pytest.mark.parametrize(
    ("mode", "decide_s", "counts"),
    [
        # Each burst takes 10 s: what comes after the first must end within the budget.
        (Mode.BURST, 0, [16]),
        (Mode.BURST, 9, [16]),
        (Mode.BURST, 10, [16, 16]),
        (Mode.BURST, 25, [16, 16, 16]),
        # 10 s, then 20 s, then 40 s.
        (Mode.SUSTAINED, 19, [16]),
        (Mode.SUSTAINED, 20, [16, 32]),
        (Mode.SUSTAINED, 59, [16, 32]),
        (Mode.SUSTAINED, 60, [16, 32, 64]),
    ],
)
def test_at_the_end_of_the_budget_it_is_invalid_with_what_is_undecided(run, mode, decide_s, counts):
    result, bench, _, _ = run(mode, undecided=99, decide_s=decide_s)
    assert [count for _, count, _ in bench.injected] == counts
    assert bench.now_s - 1000 <= TOOK_S + decide_s
    assert result.verdict.kind is VerdictKind.INVALID
    (problem,) = result.verdict.problems
    assert problem.check == "decided"
    assert problem.reason.startswith(
        f"too few tasks to decide within {decide_s} s (--decide-within): INVALID "
    )
    assert "undecided: nominal 95 % between" in problem.reason
    assert "--count" in problem.remedy
    assert "\n" not in result.verdict.message()
    assert len(result.facts.attempts) == len(counts) - 1


def test_what_is_decided_at_once_takes_no_more_tasks(run):
    result, bench, _, notes = run(Mode.BURST, undecided=0, decide_s=1000)
    assert (len(bench.injected), result.facts.attempts, notes.said) == (1, (), [])
    assert bench.did == ["alone", "tasks"]
    assert result.ideal is None  # its workers are elsewhere


def test_each_injection_has_a_log_of_its_own(run):
    _, bench, _, _ = run(Mode.BURST, undecided=2, decide_s=100)
    assert [name for name, _, _ in bench.injected] == [
        "mocked-50MB-c1-burst", "mocked-50MB-c1-burst-more1", "mocked-50MB-c1-burst-more2",
    ]  # fmt: skip


@pytest.mark.parametrize("mode", Mode)
def test_what_others_disturbed_is_done_once_more_and_left_out(run, mode):
    result, bench, judge, notes = run(
        mode, undecided=0, decide_s=100, is_here=True, rate_per_min=30, others=(1.0, 1.2)
    )
    assert result.verdict.kind is VerdictKind.PASS
    assert [count for _, count, _ in bench.injected] == [16, 16, 16]
    assert [len(rounds) for rounds in judge.rounds] == [1, 1, 1]
    assert bench.times == [1, 1, 2, 2, 4, 4]  # bare runs, as many times as usual
    assert (result.summary.total, len(result.ideal.service_s)) == (16, 2)
    first, second = result.facts.attempts
    assert first.startswith("16 tasks: other load came or went: processes that are not part of")
    assert "kept 1.20 of" in second
    assert notes.said == [f"once more: {each}" for each in result.facts.attempts]


def test_what_others_disturb_to_the_end_of_the_budget_is_invalid_for_that(run):
    result, bench, _, _ = run(Mode.BURST, undecided=0, decide_s=15, is_here=True, others=(1.0,) * 9)
    assert len(bench.injected) == 2
    assert result.verdict.kind is VerdictKind.INVALID
    assert [problem.check for problem in result.verdict.problems] == ["ratio stood"]


def test_on_a_machine_that_became_slower_the_same_share_of_it_is_asked_for(run):
    result, bench, _, _ = run(Mode.SUSTAINED, undecided=0, decide_s=0, is_here=True, machine=0.5)
    assert result.facts.rate_per_min == pytest.approx(0.5 * 0.7 * 60)
    assert result.facts.rate_source.endswith("from the burst case, on a machine at 0.5 of that speed")
    assert bench.injected[0][2] == pytest.approx(15 * 60 / 21)


def test_tasks_that_look_too_fast_are_held_against_bare_runs_of_now_as_well(run):
    result, bench, judge, _ = run(Mode.BURST, undecided=0, decide_s=0, is_here=True, alone_s=30.0)
    assert bench.did == ["alone", "bare", "tasks", "bare", "alone again"]
    assert result.verdict.kind is VerdictKind.PASS
    assert judge.rounds[-1][-1].observed.bare.alone.service_s == (0.01,)


def test_that_is_done_once_and_what_stays_too_fast_is_invalid(run, monkeypatch):
    monkeypatch.setattr(
        Bench, "alone_again", lambda bench, clip: bench.did.append("again") or bench.alone(clip)
    )
    result, bench, _, _ = run(Mode.BURST, undecided=0, decide_s=100, is_here=True, alone_s=30.0)
    assert bench.did.count("again") == 1
    assert result.verdict.kind is VerdictKind.INVALID
    assert "not faster than the work" in {problem.check for problem in result.verdict.problems}


def test_how_slow_a_machine_became_is_told_by_bare_runs(monkeypatch, tmp_path):
    context = Alone(monkeypatch, tmp_path).context
    ours = cell.Cell(WorkerCase(Variant.MOCKED, 50, 1, Mode.SUSTAINED, 16), context)
    assert ours.speed(BareRuns((1.0,), 1.0, 1)) == 1  # no burst was measured here
    ours.remember(SimpleNamespace(throughput_per_min=50.0, done=16, total=16, ideal_throughput_per_min=60.0))
    assert ours.speed(BareRuns((2.0,), 2.0, 1)) == 0.5
    assert ours.speed(BareRuns((1.1,), 1.1, 1)) == ours.speed(BareRuns((0.5,), 0.5, 1)) == 1


@pytest.mark.parametrize("mode", Mode)
def test_here_bare_runs_stand_before_and_after_each_injection(run, mode):
    result, bench, judge, _ = run(mode, undecided=1, decide_s=1000, is_here=True, rate_per_min=30)
    assert bench.did == ["alone", "bare", "tasks", "bare"] * 2
    last = judge.rounds[-1][-1].observed
    assert last.bare.change == pytest.approx(1.1)
    assert last.bare.alone == BareRuns((1.0,), 1.0, 1)
    assert last.bare.before.other_cores == pytest.approx(0.06)
    assert last.bare.after.other_cores == pytest.approx(0.08)
    assert last.machine is QUIET
    assert result.machine_use is QUIET
    # Of a burst all bare runs count, of a sustained load those of the one that is judged.
    assert len(result.ideal.service_s) == (4 if mode is Mode.BURST else 2)
