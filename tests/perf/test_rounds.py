"""Several bursts of one case as one ledger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.worker import Mode
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.rounds import joined
from perf.pipeline import State
from tests.perf.tasks import ledgers, task

FIRST = Ledger.of([task("a", 100, 101, 104), task("b", 100, 104, 109, worker="host/1/2")])
#: An hour later; b' is not done yet.
SECOND = Ledger.of(
    [task("c", 3700, 3702, 3703.5), task("d", 3700, 3704, None, status=State.PROCESSING, attempts=1)]
)
DURATIONS = (
    ("scheduled_s", "sent_s"),
    ("sent_s", "uploaded_s"),
    ("uploaded_s", "started_s"),
    ("started_s", "finished_s"),
    ("scheduled_s", "finished_s"),
    ("uploaded_s", "updated_s"),
)


def test_by_hand_the_second_begins_where_the_first_ended():
    both = joined([FIRST, SECOND])
    assert both.task_id.tolist() == ["a", "b", "c", "d"]
    assert both.scheduled_s.tolist() == [100, 100, 109, 109]
    assert both.started_s.tolist() == [101, 104, 111, 113]
    assert both.finished_s.tolist()[:3] == [104, 109, 112.5]
    assert np.isnan(both.finished_s[3])
    assert both.worker.tolist() == ["host/0/1", "host/1/2", "host/0/1", "host/0/1"]


def test_one_is_itself():
    assert joined([SECOND]).to_records() == SECOND.to_records()


def test_the_time_between_them_is_in_no_rate():
    """Three bursts of 2 tasks in 9 s each, an hour apart: 6 tasks in 27 s."""
    later = [Ledger.of(_later(FIRST, hours)) for hours in (1, 2)]
    summary = summarise(joined([FIRST, *later]), concurrency=2, mode=Mode.BURST, ideal=None, rounds=3)
    assert summary.makespan_s == pytest.approx(27)
    assert summary.throughput_per_min == pytest.approx(60 * 6 / 27)
    assert summary.response_max_s == 9
    assert summary.backlog_max == 2


def _later(ledger, hours):
    moved = 3600.0 * hours
    return [
        replace(each, task_id=f"{each.task_id}{hours}", scheduled_s=each.scheduled_s + moved,
                sent_s=each.sent_s + moved, uploaded_s=each.uploaded_s + moved,
                started_s=each.started_s + moved, finished_s=each.finished_s + moved,
                updated_s=each.updated_s + moved)
        for each in ledger.to_records()
    ]  # fmt: skip


@given(st.lists(ledgers(), min_size=1, max_size=4))
def test_every_duration_stays_what_it_was(several):
    both = joined(several)
    assert len(both) == sum(map(len, several))
    for begin, end in DURATIONS:
        before = np.concatenate([getattr(each, end) - getattr(each, begin) for each in several])
        after = getattr(both, end) - getattr(both, begin)
        np.testing.assert_allclose(after, before, atol=1e-6)  # NaN where there was none


@given(st.lists(ledgers(State.DONE, State.FAILED), min_size=2, max_size=4))
def test_there_is_no_gap_and_no_overlap_between_two(several):
    both, at = joined(several), 0
    end_s = None
    for each in several:
        mine = slice(at, at + len(each))
        at += len(each)
        if end_s is not None:
            assert both.scheduled_s[mine].min() == pytest.approx(end_s)
        end_s = both.finished_s[mine].max()


@given(st.lists(ledgers(), min_size=1, max_size=3))
def test_all_else_is_kept(several):
    both = joined(several)
    for name in ("task_id", "status", "attempts", "deliveries", "worker", "error"):
        assert getattr(both, name).tolist() == [
            value for each in several for value in getattr(each, name).tolist()
        ]
