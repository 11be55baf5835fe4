"""The ledger: records as columns, and back."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given

from perf.cases.errors import HarnessError
from perf.load.plan import Sent
from perf.measure.ledger import Ledger
from perf.observe.ledger import read_records
from perf.pipeline import State, TaskRow
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


def read(row):
    return read_records(SimpleNamespace(rows=lambda ids: {"a": row}), [Sent("a", 1.0, 1.0)])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("done", 1.0), "expected a perf.pipeline.TaskRow"),
        (TaskRow("done", finished_s=math.inf), "finished_s is inf; expected Unix seconds"),
        (TaskRow("done", started_s=datetime(2026, 1, 1, tzinfo=UTC)), "started_s is datetime.datetime"),
        (TaskRow("done", uploaded_s="12"), "uploaded_s is '12'"),
        (TaskRow("done", attempts=None), "attempts is None; expected a whole number, 0 or more"),
        (TaskRow("done", deliveries=-1), "deliveries is -1"),
        (TaskRow("done", error=ValueError("x")), "error is ValueError('x'); expected a text"),
    ],
)
def test_what_an_adapter_gets_wrong_in_a_row_is_told_with_the_task(row, said):
    with pytest.raises(HarnessError) as told:
        read(row)
    assert str(told.value).startswith("the pipeline's rows() says of task a: ")
    assert said in str(told.value)


@pytest.mark.parametrize("row", [None, TaskRow("done", 1, 2.5, Decimal("3.5"), attempts=1, worker="n/0/1")])
def test_what_a_row_may_be(row):
    (record,) = read(row)
    assert record.status == ("done" if row else State.MISSING)
