"""What makes a measurement INVALID."""

from __future__ import annotations

import pytest
from hypothesis import given

from perf.matrix import Mode
from perf.measure.ledger import Ledger, State
from perf.measure.metrics import summarise
from perf.measure.validity import check
from tests.perf.tasks import ledgers, task


def problems(*records, concurrency=2, **given):
    ledger = Ledger.of(records)
    summary = summarise(ledger, concurrency=concurrency, mode=Mode.BURST, ideal=None)
    return check(ledger, summary, concurrency=concurrency, **given)


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
    assert problems(*sound, scheduled_ids=["a", "b", "c", "d"]) == ()


def test_no_task_at_all():
    assert only_problem() == "there is no task at all"


def test_an_id_twice():
    assert "1 task (a) stand in the ledger more than once" in only_problem(task("a"), task("a", 0, 3, 4))


def test_a_strange_id_and_one_that_is_not_there():
    strange, absent = problems(task("a"), task("x", 0, 3, 4), scheduled_ids=["a", "b"])
    assert "1 task (x) were never scheduled" in strange.reason
    assert "1 task (b) were scheduled and are not" in absent.reason


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
    assert problems(record) == ()
    assert problems(record, tolerance_s=0.01) != ()


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
    found = check(ledger, summary, concurrency=100, scheduled_ids=ledger.task_id.tolist())
    assert (found == ()) == (summary.throughput_per_min is not None)
