"""The ledger: records as columns, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from perf.measure.ledger import Ledger
from perf.pipeline import State
from tests.perf.tasks import ledgers, task


def test_absent_instants_are_nan_and_absent_texts_none():
    ledger = Ledger.of([task("a"), task("b", started=None, finished=None, worker=None)])
    assert len(ledger) == 2
    assert ledger.scheduled_s.tolist() == [0.0, 0.0]
    assert np.isnan(ledger.finished_s).tolist() == [False, True]
    assert ledger.worker.tolist() == ["host/0/1", None]
    assert ledger.deliveries.dtype == np.int64


def test_tasks_are_selected_by_their_state():
    ledger = Ledger.of([task("a"), task("b", finished=None), task("c", status="failed", error="broke")])
    assert ledger.select(State.DONE, State.FAILED).task_id.tolist() == ["a", "c"]
    assert ledger.select("failed").error.tolist() == ["broke"]
    assert ledger.is_in(State.UPLOADED).tolist() == [False, True, False]


def test_no_record_is_a_ledger_too():
    assert len(Ledger.of([])) == 0
    assert Ledger.of([]).to_records() == []


@given(ledgers(min_size=0))
def test_records_come_back_equal(ledger):
    records = ledger.to_records()
    assert Ledger.of(records).to_records() == records
    assert not any(np.isnan(record.finished_s) for record in records if record.finished_s is not None)
