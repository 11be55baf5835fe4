"""Worker processes that did nothing while tasks waited, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.measure.idle import Idle, idle_while_waiting
from perf.measure.ledger import Ledger
from perf.pipeline import State
from tests.perf.simulated import LAWS, simulate
from tests.perf.tasks import ledgers, task


def lanes(**ends: list[tuple[float, float]]) -> Ledger:
    """A burst at 0; for each process the start and the end of its tasks."""
    return Ledger.of(
        task(f"{name}{number}", 0, start, end, worker=name)
        for name, served in ends.items()
        for number, (start, end) in enumerate(served)
    )


def every(
    service_s: float, count: int, gap_s: float = 0.0, begin_s: float = 0.0
) -> list[tuple[float, float]]:
    """Tasks of one process, one after the other."""
    step_s = service_s + gap_s
    return [(begin_s + k * step_s, begin_s + k * step_s + service_s) for k in range(count)]


def test_two_that_work_all_the_time_lose_nothing():
    found = idle_while_waiting(lanes(a=every(2, 5), b=every(2, 5)), 2)
    assert found is not None
    assert (found.share, found.longest_s, found.seen) == (0, 0, 2)


def test_hand_overs_count_nothing_however_many():
    """After each task of 2 s half a second, and 1 s at first: none exceeds a median service time."""
    found = idle_while_waiting(lanes(a=every(2, 8, 0.5, 1), b=every(2, 8, 0.5, 1)), 2)
    assert found is not None
    assert found.share == 0


def test_of_short_tasks_half_a_second_is_a_hand_over():
    found = idle_while_waiting(lanes(a=every(0.1, 20, 0.5), b=every(0.1, 115)), 2)
    assert found is not None
    assert found.share == pytest.approx(0)
    # Of 0.6 s each of the 19 between its tasks lasts 0.1 s too long; the last begins at 13.3 s.
    found = idle_while_waiting(lanes(a=every(0.1, 20, 0.6), b=every(0.1, 134)), 2)
    assert found is not None
    assert found.share == pytest.approx(19 * 0.1 / (2 * 13.3))


def test_a_pause_in_which_nobody_took_a_task_is_the_pipeline_s():
    """3 s before each task, of all alike or of the only one: slow, and no process that has died."""
    for ledger, concurrency in (
        (lanes(a=every(1, 8, 3, 3)), 1),
        (lanes(a=every(1, 8, 3, 3), b=every(1, 8, 3, 3)), 2),
    ):
        found = idle_while_waiting(ledger, concurrency)
        assert found is not None
        assert (found.share, found.longest_s) == (0, 0)


def test_a_process_that_died_is_idle_from_then_on():
    """b ends at 4 s; a begins the last at 14 s: 10 s, of which 2 s are allowed, of 2 x 14 s."""
    found = idle_while_waiting(lanes(a=every(2, 8), b=every(2, 2)), 2)
    assert found == Idle(pytest.approx(8 / 28), 10, "b", 2)


def test_a_process_that_was_never_seen_was_idle_all_the_time():
    found = idle_while_waiting(lanes(a=every(2, 8)), 2)
    assert found == Idle(pytest.approx(12 / 28), 14, "", 1)
    found = idle_while_waiting(lanes(a=every(2, 8)), 3)
    assert found == Idle(pytest.approx(24 / 42), 14, "", 1)


@pytest.mark.parametrize("name", ["0", "1"])
def test_no_name_of_a_process_is_taken_for_one_that_was_never_seen(name):
    assert idle_while_waiting(lanes(**{name: every(2, 8)}), 2) == Idle(pytest.approx(12 / 28), 14, "", 1)


def test_a_pause_in_the_middle_is_one_stretch():
    """b does nothing from 4 to 12 s, and goes on; 8 s, 2 of them allowed."""
    found = idle_while_waiting(lanes(a=every(2, 10), b=[*every(2, 2), *every(2, 4, begin_s=12)]), 2)
    assert found == Idle(pytest.approx(6 / 36), 8, "b", 2)


def test_where_nothing_waits_nobody_is_idle():
    """Sustained, 3 s between arrivals, 2 s each: one process does all, and the other rightly gets nothing."""
    ledger = Ledger.of(task(f"{k}", 3 * k, 3 * k + 0.02, 3 * k + 2.02, worker="a") for k in range(20))
    found = idle_while_waiting(ledger, 2)
    assert found is not None
    assert (found.share, found.seen) == (0, 1)
    assert found.longest_s == pytest.approx(0.02)  # the moment in which each waited for it to be taken


def test_a_sustained_load_that_needs_both_shows_the_one_that_died():
    """An arrival a second of 1.6 s each: with one process alone more and more wait, from the first on."""
    ledger = Ledger.of(task(f"{k}", k, 1.6 * k, 1.6 * (k + 1), worker="a") for k in range(30))
    found = idle_while_waiting(ledger, 2)
    assert found is not None
    # Tasks wait from 1 s on, without a break from the moment the second has come, until the last begins.
    assert found.longest_s == pytest.approx(1.6 * 29 - 3, abs=2)
    assert found.share == pytest.approx((found.longest_s - 1.6) / (2 * 1.6 * 29), abs=0.02)


def test_a_task_that_never_ends_keeps_its_process():
    hung = [*lanes(a=every(2, 8)).to_records(), task("h", 0, 0, None, worker="b", status=State.PROCESSING)]
    found = idle_while_waiting(Ledger.of(hung), 2)
    assert found is not None
    assert found.share == 0


def test_a_task_that_never_begins_goes_on_waiting():
    waits = [*lanes(a=every(2, 4)).to_records(), task("w", 0, None, None, worker=None)]
    found = idle_while_waiting(Ledger.of(waits), 2)
    assert found == Idle(pytest.approx(4 / 12), 6, "", 1)


def test_what_was_not_sent_does_not_wait():
    none = [task(f"u{k}", 0, None, None, sent_s=None, worker=None, status=State.UNSENT) for k in range(9)]
    one = task("a", 0, 0, 2, worker="a")
    last = task("b", 10, 10, 12, worker="a")
    found = idle_while_waiting(Ledger.of([*none, one, last]), 2)
    assert found is not None
    assert (found.share, found.longest_s) == (0, 0)


def test_nothing_begun_says_nothing():
    assert idle_while_waiting(Ledger.of([task("a", started=None, finished=None, worker=None)]), 1) is None
    assert idle_while_waiting(Ledger.of([]), 1) is None


@pytest.mark.parametrize("rho", [None, 0.3, 0.7, 0.9, 1.2])
@pytest.mark.parametrize("law", LAWS)
def test_a_sound_queue_loses_nothing_whatever_its_law_and_load(law, rho):
    for seed in range(10):
        found = idle_while_waiting(simulate(seed, count=40, servers=2, law=law, rho=rho).ledger, 2)
        assert found is not None
        assert found.share == pytest.approx(0, abs=1e-9)


@given(ledgers(), st.integers(1, 4))
def test_it_is_a_share(ledger, concurrency):
    found = idle_while_waiting(ledger, concurrency)
    if found is not None:
        assert found.share >= 0
        assert found.longest_s >= 0
        assert found.share <= 1 or found.seen > concurrency
