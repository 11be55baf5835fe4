"""What makes a measurement INVALID."""

from __future__ import annotations

import pytest
from hypothesis import given

from perf.cases.worker import Mode
from perf.judge.check import Check, Problem
from perf.judge.check import problems as found_by
from perf.judge.evidence import Observed, TaskEvidence
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.observe.seen import ClockSeen
from perf.pipeline import State
from tests.perf.tasks import checked, ledgers, task


def problems(*records, concurrency=2, **given):
    ledger = Ledger.of(records)
    summary = summarise(ledger, concurrency=concurrency, mode=Mode.BURST, ideal=None)
    return checked(ledger, summary, concurrency, **given)


def only_problem(*records, **given):
    (problem,) = problems(*records, **given)
    assert problem.reason
    assert problem.remedy
    return problem.reason


def test_a_sound_measurement_has_no_problem():
    sound = (
        task("a"),
        task("b", 0, 1, 4),
        task("c", finished=None),
        task("d", status=State.FAILED, started=None),
    )
    assert problems(*sound) == ()


def test_no_task_at_all():
    assert only_problem() == "there is no task at all"


def test_an_id_twice():
    assert "1 task (a) stand in the ledger more than once" in only_problem(task("a"), task("a", 0, 3, 4))


def test_a_lost_task():
    lost = task("b", started=None, finished=None, status=State.MISSING)
    assert "lost: 1 task (b)" in only_problem(task("a"), lost)


def test_a_state_that_nobody_knows():
    assert "'paused'" in only_problem(task("a"), task("b", started=None, finished=None, status="paused"))


@pytest.mark.parametrize(
    ("instants", "reason"),
    [
        ({"sent_s": -0.2}, "sent before scheduled, by up to 0.2 s"),
        ({"sent_s": 0.8, "uploaded_s": 0.5}, "uploaded before sent, by up to 0.3 s"),
        ({"uploaded_s": 1.01}, "started before uploaded, by up to 0.01 s"),
        ({"started": 3.5}, "finished before started, by up to 0.5 s"),
        ({"scheduled": 2, "sent_s": None, "uploaded_s": None}, "started before scheduled, by up to 1 s"),
    ],
)
def test_instants_out_of_order(instants, reason):
    assert only_problem(task("a", **instants)) == f"1 task (a) {reason}"


def test_the_injector_s_clock_may_be_off_by_the_tolerance():
    record = task("a", sent_s=-0.05)
    assert problems(record) == ()  # 0.1 s where nobody measured it
    near, far = ClockSeen(0, uncertainty_s=0.001), ClockSeen(0, uncertainty_s=0.025)
    assert problems(record, observed=Observed(clock=near)) != ()
    assert problems(record, observed=Observed(clock=far)) == ()


@pytest.mark.parametrize(
    ("clock", "tolerance_s"),
    [
        (None, 0.1),
        (ClockSeen(0, uncertainty_s=0.0004), 0.0108),  # beside the database
        (ClockSeen(0, uncertainty_s=0.11), 0.23),  # from a laptop, with a round trip of 220 ms
        (ClockSeen(0, uncertainty_s=0.0004, drift_s=0.18), 0.1908),  # 50 ppm over an hour
    ],
)
def test_that_tolerance_follows_from_what_was_seen_of_the_clock(clock, tolerance_s):
    ledger = Ledger.of([task("a")])
    summary = summarise(ledger, concurrency=1, mode=Mode.BURST, ideal=None)
    evidence = TaskEvidence(ledger, summary, observed=Observed(clock=clock))
    assert evidence.clock_tolerance_s == pytest.approx(tolerance_s)


def test_done_without_its_instants():
    assert "without a started or finished" in only_problem(task("a"), task("b", started=None, finished=3))


def test_nothing_done_tells_the_first_error():
    failed = task("a", status=State.FAILED, error="Traceback\n  moov atom not found")
    assert only_problem(failed) == (
        "no task was done, so there is no throughput (1 failed, 0 outstanding, e.g. moov atom not found)"
    )


def test_more_in_service_than_the_concurrency():
    at_once, law = problems(task("a"), task("b"), concurrency=1)
    assert at_once.reason == "2 tasks were in service at once where the concurrency is 1"
    assert law.reason == "X = 40/min at 2 s each keeps 1.33 workers busy where the concurrency is 1"


@given(ledgers(State.DONE, State.FAILED, State.UPLOADED, State.UNSENT))
def test_whatever_is_accounted_for_and_in_order_is_sound(ledger):
    summary = summarise(ledger, concurrency=100, mode=Mode.BURST, ideal=None)
    found = checked(ledger, summary, 100)
    assert (found == ()) == (summary.throughput_per_min is not None)


def test_a_problem_names_the_check_that_found_it():
    assert [each.check for each in problems(task("a"), task("a", 0, 3, 4))] == ["each id once"]
    assert [each.check for each in problems(task("a"), task("b"), concurrency=1)] == [
        "parallelism as set",
        "utilisation law",
    ]


def test_a_check_that_cannot_be_made_is_a_problem_and_hides_no_other():
    def broken(evidence):
        yield Problem("half of what it would have said", "do this")
        raise ZeroDivisionError("no task was sent")

    def finds(evidence):
        yield Problem(f"{evidence} is too much", "send less")

    checks = (
        Check("even arrivals", broken),
        Check("not too much", finds),
        Check("sound", lambda _: iter(())),
    )
    unmade, found = found_by(checks, 7)
    assert unmade.check == "even arrivals"
    assert unmade.reason == (
        "the check 'even arrivals' could not be made: ZeroDivisionError: no task was sent"
    )
    assert "report it" in unmade.remedy
    assert found == Problem("7 is too much", "send less", "not too much")


@pytest.mark.parametrize("ended", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_run_is_no_problem_of_a_check(ended):
    def interrupted(_):
        raise ended

    with pytest.raises(ended):
        found_by([Check("a", interrupted)], None)
