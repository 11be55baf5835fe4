"""From the rounds of a case to its verdict: checks first, then intervals, then the SLOs."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest

from perf.cases.worker import Mode
from perf.judge.evidence import Bare, Observed, Tolerances
from perf.judge.slos import Slo
from perf.judge.tasks import Round, judge_tasks
from perf.judge.verdict import STABLE, VerdictKind, judge, with_loss
from perf.measure.ideal import Ideal
from perf.measure.intervals import Interval, intervals
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.observe.seen import ClockSeen
from perf.pipeline import State
from tests.perf.simulated import simulate
from tests.perf.test_machine import QUIET

IDEAL = Ideal(60.0, (0.95, 1.0, 1.05), 1)
DONE = Slo("failed", "==", 0)


def judged(*rounds: Round, slos=(DONE,), mode=Mode.BURST, concurrency=1, ideal=IDEAL):
    return judge_tasks(rounds, slos, concurrency=concurrency, mode=mode, ideal=ideal, tolerances=Tolerances())


def sound(seed: int = 1, rho: float | None = None, count: int = 40, **observed) -> Round:
    return Round(simulate(seed, count=count, rho=rho).ledger, Observed(**observed))


def test_a_sound_case_has_the_intervals_of_its_ledger():
    one = sound()
    found = judged(one)
    assert found.verdict.kind is VerdictKind.PASS
    summary = summarise(one.ledger, concurrency=1, mode=Mode.BURST, ideal=IDEAL)
    assert found.summary == summary
    assert found.intervals == intervals(one.ledger, summary, concurrency=1, mode=Mode.BURST, ideal=IDEAL)
    assert found.intervals
    assert found.observed is one.observed


def test_with_a_problem_there_are_no_intervals_and_nothing_is_undecided():
    found = judged(
        sound(rho=0.7, foreign=("x",)), mode=Mode.SUSTAINED, slos=with_loss([DONE], Mode.SUSTAINED)
    )
    assert found.verdict.kind is VerdictKind.INVALID
    assert [problem.check for problem in found.verdict.problems] == ["no foreign tasks"]
    assert found.intervals == {}
    assert not found.verdict.undecided
    assert "offered_utilisation" not in found.verdict.message()
    assert found.summary.offered_utilisation is not None


def test_checks_come_before_intervals_which_such_a_ledger_may_not_have(monkeypatch):
    """The clock was set back by 2 s in a burst: service times below 0, of which no interval can be made."""

    def refuse(*_, **__):
        raise AssertionError("intervals were made of what cannot be trusted")

    monkeypatch.setattr("perf.judge.tasks.intervals", refuse)
    back = [
        replace(each, finished_s=each.finished_s - 2, updated_s=each.updated_s - 2) if k >= 20 else each
        for k, each in enumerate(simulate(1, count=40).ledger.to_records())
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = judged(Round(Ledger.of(back), Observed(clock=ClockSeen(2.0, 0.001))))
    assert found.verdict.kind is VerdictKind.INVALID
    assert {"instants in order", "clock stood"} <= {problem.check for problem in found.verdict.problems}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("from_task", [1, 10, 20, 39])
def test_a_clock_that_is_set_back_anywhere_is_invalid_and_breaks_nothing(seed, from_task):
    records = simulate(seed, count=40, servers=2, law="exponential").ledger.to_records()
    at_s = sorted(each.finished_s for each in records)[from_task]
    back = [
        replace(each, started_s=each.started_s - 2 * (each.started_s > at_s),
                finished_s=each.finished_s - 2 * (each.finished_s > at_s))
        for each in records
    ]  # fmt: skip
    found = judged(Round(Ledger.of(back), Observed(clock=ClockSeen(2.0, 0.001))), concurrency=2)
    assert found.verdict.kind is VerdictKind.INVALID
    assert found.intervals == {}


def test_each_round_is_checked_by_itself_and_said_once():
    clean, others = sound(1), [sound(seed, foreign=("x",)) for seed in (2, 3)]
    assert judged(clean, clean).verdict.problems == ()  # the same ids twice: two rounds, no double
    found = judged(clean, *others)
    (problem,) = found.verdict.problems
    assert problem.check == "no foreign tasks"
    different = judged(sound(1, foreign=("x",)), sound(2, foreign=("y",)), sound(3, machine=replace(
        QUIET, steal_share=0.2)))  # fmt: skip
    assert [problem.check for problem in different.verdict.problems] == [
        "no foreign tasks", "no foreign tasks", "machine was ours",
    ]  # fmt: skip


def test_rounds_are_summed_up_as_one():
    rounds = [sound(seed) for seed in (1, 2, 3)]
    found = judged(*rounds)
    assert (found.summary.total, len(found.ledger)) == (120, 120)
    assert found.observed is rounds[-1].observed
    alone = [judged(each).summary for each in rounds]
    assert found.summary.makespan_s == pytest.approx(sum(each.makespan_s for each in alone))
    worst = max(each.response_p95_vs_ideal for each in alone)
    assert min(each.response_p95_vs_ideal for each in alone) <= found.summary.response_p95_vs_ideal <= worst


def test_more_rounds_make_the_interval_narrower():
    def width(*rounds: Round) -> float:
        found = judged(*rounds).intervals["throughput_per_min"]
        return found.high - found.low

    assert width(*(sound(seed) for seed in range(4))) < 0.7 * width(sound(0))


def test_a_load_near_the_capacity_is_undecided_and_more_of_it_is_decided():
    slos = with_loss([DONE], Mode.SUSTAINED)
    short = judged(sound(4, rho=0.95, count=16), mode=Mode.SUSTAINED, slos=slos)
    assert (short.verdict.kind, short.verdict.undecided) == (VerdictKind.INVALID, True)
    assert short.intervals
    assert short.verdict.message().startswith("INVALID offered_utilisation < 1: measured ")
    long = judged(sound(4, rho=0.85, count=512), mode=Mode.SUSTAINED, slos=slos)
    assert (long.verdict.kind, long.verdict.undecided) == (VerdictKind.PASS, False)


def test_a_load_that_looks_like_too_much_is_broken_in_the_end_and_open_until_then():
    """Of 16 tasks at 0.95 of the capacity some seeds measure more than 1: more tasks will tell."""
    slos = with_loss([DONE], Mode.SUSTAINED)
    short = [judged(sound(seed, rho=0.97, count=16), mode=Mode.SUSTAINED, slos=slos) for seed in range(20)]
    over = [each.verdict for each in short if each.verdict.kind is VerdictKind.FAIL]
    assert over
    assert all(each.open and not each.undecided for each in over)
    gross = judged(sound(1, rho=2.0, count=40), mode=Mode.SUSTAINED, slos=slos).verdict
    assert (gross.kind, gross.open) == (VerdictKind.FAIL, False)


def test_a_limit_that_is_broken_within_its_interval_is_open_until_more_tasks_tell():
    slos = [Slo("service_mean_s", "<=", 1.0)]

    def found(value: float, low: float, high: float):
        summary = replace(judged(sound(1)).summary, service_mean_s=value)
        return judge(summary, slos, (), {"service_mean_s": Interval(low, high)})

    borderline, held, gross = found(1.1, 0.9, 1.4), found(0.95, 0.9, 1.4), found(2.0, 1.2, 3.0)
    assert (borderline.kind, borderline.open, borderline.undecided) == (VerdictKind.FAIL, True, False)
    assert "FAIL service_mean_s <= 1: measured 1.10 (borderline: nominal 95 % between" in borderline.message()
    assert (held.kind, held.open) == (VerdictKind.PASS, False)
    assert (gross.kind, gross.open) == (VerdictKind.FAIL, False)


def test_a_suspected_loss_of_capacity_is_open():
    """Half as long again from the middle on, of 16 tasks: too few to be sure, and no PASS."""
    records = simulate(1, count=16, rho=0.3).ledger.to_records()
    slower = [
        replace(each, finished_s=each.finished_s + 0.5 * (each.finished_s - each.started_s) * (k >= 8),
                updated_s=each.finished_s + 0.5 * (each.finished_s - each.started_s) * (k >= 8))
        for k, each in enumerate(records)
    ]  # fmt: skip
    found = judged(
        Round(Ledger.of(slower), Observed()), mode=Mode.SUSTAINED, slos=with_loss([DONE], Mode.SUSTAINED)
    )
    assert found.summary.slowdown == 1.0  # nothing is certain yet
    assert (found.verdict.kind, found.verdict.open) == (VerdictKind.INVALID, True)
    assert "undecided: nominal 95 % between 1 and" in found.verdict.message()


def test_so_many_tasks_that_none_is_drawn_are_decided_all_the_same():
    many = judged(sound(1, rho=0.5, count=25_001), mode=Mode.SUSTAINED, slos=(STABLE,))
    assert many.verdict.kind is VerdictKind.PASS
    spread = many.intervals["offered_utilisation"]
    assert spread.low < many.summary.offered_utilisation < spread.high < 0.55


def test_a_case_too_small_for_an_interval_is_undecided_on_its_stability():
    few = judged(sound(1, rho=0.5, count=6), mode=Mode.SUSTAINED, slos=(STABLE,))
    assert (few.intervals, few.verdict.undecided) == ({}, True)


def test_a_task_that_failed_is_a_fail_and_no_problem():
    records = sound().ledger.to_records()
    failed = Ledger.of([replace(records[0], status=State.FAILED, error="no video"), *records[1:]])
    found = judged(Round(failed, Observed()))
    assert (found.verdict.kind, found.verdict.problems) == (VerdictKind.FAIL, ())


def test_failed_tasks_are_told_with_the_commonest_of_their_reasons():
    records = sound().ledger.to_records()
    reasons = ["the disk is full", "no video", "no video", None]
    failed = [
        replace(each, status=State.FAILED, error=why) for each, why in zip(records, reasons, strict=False)
    ]
    found = judged(Round(Ledger.of([*failed, *records[4:]]), Observed()), slos=(Slo("failed", "==", 0),))
    said = f"FAIL failed == 0: measured 4 (2 of them, such as {records[1].task_id}: no video)"
    assert found.verdict.message() == said


def test_nothing_at_all_is_invalid():
    found = judged(Round(Ledger.of([]), Observed()))
    assert [problem.reason for problem in found.verdict.problems] == ["there is no task at all"]


def fails_beside(change: float, *slos: Slo, others: float | None = None):
    """A case whose bare runs after it took so many times as long as those before, which others explain.

    They came midway, or kept *others* processors busy all the time.
    """
    cores = (0.0, 0.5, 1.0) if others is None else (others,) * 3
    before, use, after = (replace(QUIET, other_cores=each) for each in cores)
    bare = Bare(before=before, after=after, change=change)
    return judged(sound(bare=bare, machine=use), slos=(DONE, *slos))


def test_a_time_that_broke_while_the_machine_changed_may_be_the_machine_s():
    """A neighbour that comes in the middle makes a queue grow by more than bare runs tell on average."""
    slow = Slo("response_p50_s", "<=", 0.001)
    assert fails_beside(1.3, slow).verdict.kind is VerdictKind.FAIL
    found = fails_beside(1.75, slow)
    assert (found.verdict.kind, found.intervals) == (VerdictKind.INVALID, {})
    assert [problem.check for problem in found.verdict.problems] == ["ratio stood"]  # and is done again
    assert "bare runs after the case took 1.75 times as long" in found.verdict.message()
    assert fails_beside(1.75).verdict.kind is VerdictKind.PASS
    # No load of others explains a count.
    assert fails_beside(1.75, slow, Slo("failed", ">=", 1)).verdict.kind is VerdictKind.FAIL


def test_a_time_that_broke_beside_others_who_had_most_of_the_machine_may_be_theirs():
    """They had as much in the bare runs, so the ratio stood; of 2 processors 1.1 are half and a breath."""
    slow = Slo("response_p50_s", "<=", 0.001)
    assert fails_beside(1.0, slow, others=1.0).verdict.kind is VerdictKind.FAIL
    found = fails_beside(1.0, slow, others=1.4)
    assert (found.verdict.kind, found.intervals) == (VerdictKind.INVALID, {})
    assert [problem.check for problem in found.verdict.problems] == ["ratio stood"]
    assert "kept 1.40 of 2 processors busy (allowed: 1.10), so what broke" in found.verdict.message()
    assert fails_beside(1.0, others=1.4).verdict.kind is VerdictKind.PASS
    assert fails_beside(1.0, slow, Slo("failed", ">=", 1), others=1.4).verdict.kind is VerdictKind.FAIL


def test_a_time_that_broke_while_the_disk_held_the_case_up_may_be_the_disk_s():
    """Of the case alone: a pipeline whose bare runs wait as long for a disk has to be fast enough on it."""
    slow = Slo("response_p50_s", "<=", 0.001)

    def waiting(case: float, bare: float, *slos: Slo):
        runs = replace(QUIET, disk_wait_share=bare)
        machine = replace(QUIET, disk_wait_share=case)
        return judged(sound(bare=Bare(before=runs, after=runs), machine=machine), slos=(DONE, *slos)).verdict

    assert waiting(0.3, 0.25, slow).kind is VerdictKind.FAIL
    found = waiting(0.3, 0.1, slow)
    assert (found.kind, [problem.check for problem in found.problems]) == (
        VerdictKind.INVALID,
        ["ratio stood"],
    )
    assert "for 30 % of the case something waited for it, 20 points more than in its bare" in found.message()
    assert waiting(0.3, 0.1).kind is VerdictKind.PASS
    assert waiting(0.3, 0.1, slow, Slo("failed", ">=", 1)).kind is VerdictKind.FAIL
