"""The ledger is what the injector knows and what the rows say, for every task that was due."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import Engine, insert

from app.database import make_engine
from app.model import Status, Video
from app.settings import Settings
from perf.load.injector import Sent
from perf.measure import collect
from perf.measure.collect import read_ledger


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(1_700_000_000 + seconds, UTC)


def add(engine: Engine, *rows: dict[str, object]) -> None:
    with engine.begin() as connection:
        for row in rows:
            connection.execute(insert(Video).values({"object_key": "k"} | row))


def test_each_task_has_its_instants_and_its_state(pipeline_env: dict[str, str]) -> None:
    engine = make_engine(Settings())
    done = {
        "id": "done", "status": Status.DONE, "uploaded_at": at(1), "started_at": at(2),
        "finished_at": at(3.5), "updated_at": at(4), "attempts": 2, "deliveries": 3,
        "worker": "h/0/1", "error": "once",
    }  # fmt: skip
    waiting = {"id": "waiting", "status": Status.UPLOADED, "uploaded_at": at(1), "updated_at": at(1)}
    refused = {"id": "refused", "status": Status.FAILED, "uploaded_at": at(1), "finished_at": at(1)}
    add(engine, done, waiting, refused, {"id": "of another run"})
    sent = [
        Sent("done", 10.0, 10.5),
        Sent("waiting", 11.0, 11.5),
        Sent("refused", 12.0, None, "refused by SQS: x"),
        Sent("gone", 13.0, 13.5),
    ]
    ledger = read_ledger(engine, sent)
    engine.dispose()
    assert ledger.task_id.tolist() == ["done", "waiting", "refused", "gone"]
    assert ledger.status.tolist() == ["done", "uploaded", "unsent", "missing"]
    assert ledger.scheduled_s.tolist() == [10, 11, 12, 13]
    np.testing.assert_array_equal(ledger.sent_s, [10.5, 11.5, np.nan, 13.5])
    first = ledger.select("done")
    instants = [first.uploaded_s[0], first.started_s[0], first.finished_s[0], first.updated_s[0]]
    assert [instant - 1_700_000_000 for instant in instants] == [1, 2, 3.5, 4]
    assert (first.attempts[0], first.deliveries[0], first.worker[0], first.error[0]) == (
        2,
        3,
        "h/0/1",
        "once",
    )
    assert np.isnan(ledger.select("uploaded").finished_s[0])
    assert ledger.select("unsent").error[0] == "refused by SQS: x"


def test_more_tasks_than_one_query_takes(
    pipeline_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(Settings())
    monkeypatch.setattr(collect, "_CHUNK", 2)
    add(engine, *({"id": str(n)} for n in range(5)))
    ledger = read_ledger(engine, [Sent(str(n), 1.0, 1.0) for n in range(5)])
    engine.dispose()
    assert ledger.task_id.tolist() == ["0", "1", "2", "3", "4"]
    assert set(ledger.status.tolist()) == {"uploaded"}
