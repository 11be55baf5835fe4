"""The ledger is what the injector knows and what the rows say, for every task that was due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from app.model import Status
from fixtures import video_pipeline
from fixtures.environment import named_settings
from fixtures.video_pipeline import VideoPipeline
from perf.load.plan import Sent
from perf.measure.ledger import Ledger
from perf.observe.ledger import read_records
from tests.fixtures.rows import video


@pytest.fixture
def pipeline(pipeline_env: dict[str, str]) -> Iterator[VideoPipeline]:
    pipeline = VideoPipeline.of(*named_settings())
    yield pipeline
    pipeline.close()


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(1_700_000_000 + seconds, UTC)


def read_ledger(pipeline: VideoPipeline, sent: list[Sent]) -> Ledger:
    return Ledger.of(read_records(pipeline, sent))


def test_each_task_has_its_instants_and_its_state(pipeline: VideoPipeline) -> None:
    done = {
        "id": "done", "status": Status.DONE, "uploaded_at": at(1), "started_at": at(2),
        "finished_at": at(3.5), "updated_at": at(4), "attempts": 2, "deliveries": 3,
        "worker": "h/0/1", "error": "once",
    }  # fmt: skip
    waiting = {"id": "waiting", "status": Status.UPLOADED, "uploaded_at": at(1), "updated_at": at(1)}
    refused = {"id": "refused", "status": Status.FAILED, "uploaded_at": at(1), "finished_at": at(1)}
    for row in (done, waiting, refused, {"id": "of another run"}):
        video(pipeline.engine, **row)
    sent = [
        Sent("done", 10.0, 10.5),
        Sent("waiting", 11.0, 11.5),
        Sent("refused", 12.0, None, "refused by SQS: x"),
        Sent("gone", 13.0, 13.5),
    ]
    ledger = read_ledger(pipeline, sent)
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


def test_more_tasks_than_one_query_takes(pipeline: VideoPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_pipeline, "_CHUNK", 2)
    for n in range(5):
        video(pipeline.engine, id=str(n))
    ledger = read_ledger(pipeline, [Sent(str(n), 1.0, 1.0) for n in range(5)])
    assert ledger.task_id.tolist() == ["0", "1", "2", "3", "4"]
    assert set(ledger.status.tolist()) == {"uploaded"}
