"""Every planned task is accounted for, whatever fails, and none moves another."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from kombu import Connection
from sqlalchemy import create_engine, select

from app.message import TASK_NAME
from app.model import Status, Video
from fixtures.environment import named_settings
from fixtures.video_pipeline import VideoPipeline
from perf.cases.errors import HarnessError
from perf.deploy.processes import free_port
from perf.deploy.queues import SqsQueue
from perf.load.clock import PipelineClock, anchor
from perf.load.injector import BATCH, LEAD_S, SENDERS, Injection
from perf.load.plan import Planned, Sent, plan
from tests.worker.rig import eventually

SLACK_S = 1e-6


@pytest.fixture
def pipeline(pipeline_env: dict[str, str]) -> Iterator[VideoPipeline]:
    pipeline = VideoPipeline.of(*named_settings())
    yield pipeline
    pipeline.close()


@pytest.fixture
def clock(pipeline: VideoPipeline) -> PipelineClock:
    return anchor(pipeline.clock_s)


def rows(pipeline: VideoPipeline) -> dict[str, Any]:
    with pipeline.engine.connect() as connection:
        return {row.id: row for row in connection.execute(select(Video.__table__))}


def messages(pipeline: VideoPipeline) -> int:
    answer = pipeline.queue.client.get_queue_attributes(QueueUrl=pipeline.queue.url, AttributeNames=["All"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def logged(log: Path) -> dict[str, dict[str, Any]]:
    lines = log.read_text().splitlines() if log.exists() else []
    return {line["task_id"]: line for line in map(json.loads, lines)}


def run(pipeline: VideoPipeline, planned: list[Planned], clock: PipelineClock, log: Path) -> list[Sent]:
    injection = Injection(pipeline, "uploads/clip.mp4", planned, clock, log)
    injection.start()
    eventually(lambda: not injection.running, "all is sent")
    return injection.results()


def test_each_task_gets_a_row_a_message_and_a_line(
    pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path
) -> None:
    planned = plan([0.0] * 23 + [0.1, 0.2])
    sent = run(pipeline, planned, clock, tmp_path / "log")
    assert [each.task_id for each in sent] == [task.task_id for task in planned]
    assert all(each.sent_s is not None and each.scheduled_s <= each.sent_s for each in sent)
    assert {row.status for row in rows(pipeline).values()} == {Status.UPLOADED}
    assert {row.object_key for row in rows(pipeline).values()} == {"uploads/clip.mp4"}
    assert rows(pipeline).keys() == logged(tmp_path / "log").keys() == {each.task_id for each in sent}
    first = logged(tmp_path / "log")[sent[0].task_id]
    assert (first["scheduled_s"], first["sent_s"], first["error"]) == (
        sent[0].scheduled_s,
        sent[0].sent_s,
        None,
    )
    # An instant of the database's clock: sent before the row was made.
    uploaded_s = rows(pipeline)[sent[0].task_id].uploaded_at.timestamp()
    assert sent[0].sent_s is not None
    assert sent[0].sent_s <= uploaded_s + clock.uncertainty_s
    assert decoded(pipeline, 25) == {each.task_id for each in sent}


def decoded(pipeline: VideoPipeline, count: int) -> set[str]:
    """The ids that kombu's own transport and Celery's protocol find in the queue."""
    options = {
        "region": "us-east-1",
        "predefined_queues": {pipeline.queue.name: {"url": pipeline.queue.url}},
    }
    ids = set()
    with Connection("sqs://testing:testing@", transport_options=options) as connection:
        channel = connection.default_channel
        for _ in range(count):
            message = channel.basic_get(pipeline.queue.name)
            args, _kwargs, _embed = message.decode()
            assert (message.headers["task"], message.headers["id"]) == (TASK_NAME, args[0])
            ids.add(args[0])
            message.ack()
    return ids


def test_the_schedule_is_kept_as_data(pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path) -> None:
    sent = run(pipeline, plan([0.0, 0.1, 0.25]), clock, tmp_path / "log")
    steps = [each.scheduled_s - sent[0].scheduled_s for each in sent]
    assert all(abs(step - offset) < SLACK_S for step, offset in zip(steps, [0.0, 0.1, 0.25], strict=True))


class Through:
    """The real client, whose batches pass through *through* first."""

    def __init__(self, real: Any, through: Any) -> None:
        self._real = real
        self._through = through

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        return self._through(self._real, QueueUrl, Entries)  # type: ignore[no-any-return]


def by(client: Any, pipeline: VideoPipeline) -> VideoPipeline:
    """The same pipeline, whose queue is asked by another client; its address is known already."""
    queue = SqsQueue(client, pipeline.queue.name)
    queue.url = pipeline.queue.url
    return replace(pipeline, queue=queue)


def through(pipeline: VideoPipeline, what: Any) -> VideoPipeline:
    return by(Through(pipeline.queue.client, what), pipeline)


def test_a_refused_entry_alone_is_unsent_and_its_row_failed(
    pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path
) -> None:
    def refuse_the_second(sqs: Any, url: str, entries: list[dict[str, str]]) -> dict[str, Any]:
        sqs.send_message_batch(QueueUrl=url, Entries=[e for e in entries if e["Id"] != "1"])
        return {"Failed": [{"Id": "1", "Code": "InternalError", "Message": "busy", "SenderFault": False}]}

    sent = run(through(pipeline, refuse_the_second), plan([0.0] * 3), clock, tmp_path / "log")
    assert [each.error for each in sent] == [None, "refused by SQS: InternalError busy", None]
    assert sent[1].sent_s is None
    row = rows(pipeline)[sent[1].task_id]
    assert (row.status, row.error) == (Status.FAILED, sent[1].error)
    assert row.finished_at is not None
    assert [rows(pipeline)[sent[n].task_id].status for n in (0, 2)] == [Status.UPLOADED] * 2
    assert logged(tmp_path / "log")[sent[1].task_id]["error"] == sent[1].error
    assert messages(pipeline) == 2


def test_an_unreachable_queue_leaves_no_row_that_waits(
    pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path
) -> None:
    nowhere = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1),
    )
    sent = run(by(nowhere, pipeline), plan([0.0] * 12), clock, tmp_path / "log")
    assert all(each.sent_s is None for each in sent)
    assert {each.error.partition(":")[0] for each in sent if each.error} == {"not sent"}
    assert "Could not connect to the endpoint" in str(sent[0].error)
    assert {row.status for row in rows(pipeline).values()} == {Status.FAILED}
    assert len(logged(tmp_path / "log")) == 12


def test_an_unreachable_database_sends_no_message(
    pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path
) -> None:
    nowhere = create_engine(f"postgresql+psycopg2://u:planted@127.0.0.1:{free_port()}/x")
    sent = run(replace(pipeline, engine=nowhere), plan([0.0] * 3), clock, tmp_path / "log")
    assert all(each.sent_s is None for each in sent)
    assert str(sent[0].error).startswith("no row: ")
    assert "Connection refused" in str(sent[0].error)
    assert "planted" not in str(sent[0].error)
    assert messages(pipeline) == 0


def test_a_stop_in_the_middle_sends_nothing_more(
    pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path
) -> None:
    planned = plan([0.0, 0.0, 3600.0, 3600.0])
    injection = Injection(pipeline, "k", planned, clock, tmp_path / "log")
    injection.stop()  # safe before the start
    injection = Injection(pipeline, "k", planned, clock, tmp_path / "log")
    injection.start()
    eventually(lambda: len(rows(pipeline)) == 2 and messages(pipeline) == 2, "the first two are sent")
    injection.stop()
    assert not injection.running
    sent = injection.results()
    assert [each.sent_s is None for each in sent] == [False, False, True, True]
    assert [each.error for each in sent[2:]] == ["the run was stopped"] * 2
    assert abs(sent[2].scheduled_s - sent[0].scheduled_s - 3600) < SLACK_S
    assert (len(rows(pipeline)), messages(pipeline)) == (2, 2)


def test_a_stalled_send_moves_no_other(pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path) -> None:
    released = threading.Event()
    first = plan([0.0])
    others = plan([0.1 + 0.01 * n for n in range(SENDERS * 3)])

    stalled: list[int] = []

    def stall_the_first(sqs: Any, url: str, entries: list[dict[str, str]]) -> dict[str, Any]:
        if not stalled:
            stalled.append(len(entries))  # more than one on a machine too busy to begin at once
            released.wait(60)
        return sqs.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[no-any-return]

    injection = Injection(through(pipeline, stall_the_first), "k", first + others, clock, tmp_path / "log")
    injection.start()
    try:
        eventually(
            lambda: stalled and len(logged(tmp_path / "log")) == 1 + len(others) - stalled[0],
            "all others are sent meanwhile",
        )
        assert injection.running
    finally:
        released.set()
    eventually(lambda: not injection.running, "the stalled one is sent too")
    sent = injection.results()
    assert all(each.sent_s is not None for each in sent)
    steps = [each.scheduled_s - sent[0].scheduled_s for each in sent]
    wanted = [task.offset_s for task in first + others]
    assert all(abs(step - offset) < SLACK_S for step, offset in zip(steps, wanted, strict=True))


def test_when_all_senders_stall_the_rest_are_late_and_say_so(
    pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path
) -> None:
    released = threading.Event()
    gate = threading.Semaphore(0)

    def stall(sqs: Any, url: str, entries: list[dict[str, str]]) -> dict[str, Any]:
        gate.release()
        released.wait(60)
        return sqs.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[no-any-return]

    planned = plan([0.0] * (BATCH * SENDERS + 1))
    injection = Injection(through(pipeline, stall), "k", planned, clock, tmp_path / "log")
    injection.start()
    for _ in range(SENDERS):
        assert gate.acquire(timeout=60)
    stalled_s = 0.2
    time.sleep(stalled_s)
    released.set()
    eventually(lambda: not injection.running, "all are sent")
    sent = injection.results()
    last = sent[-1]
    assert last.sent_s is not None
    assert last.sent_s - last.scheduled_s >= stalled_s - LEAD_S
    assert last.scheduled_s == sent[0].scheduled_s  # late, not moved
    assert messages(pipeline) == len(planned)


def test_a_log_that_cannot_be_written_breaks_the_harness(
    pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path
) -> None:
    injection = Injection(pipeline, "k", plan([0.0]), clock, tmp_path / "absent" / "log")
    injection.start()
    eventually(lambda: not injection.running, "it ends")
    with pytest.raises(HarnessError, match=r"the injector broke: FileNotFoundError"):
        injection.results()
    assert messages(pipeline) == 0


def test_a_log_without_room_is_told_with_what_to_do(pipeline: VideoPipeline, clock: PipelineClock) -> None:
    injection = Injection(pipeline, "k", plan([0.0]), clock, Path("/dev/full"))
    injection.start()
    eventually(lambda: not injection.running, "it ends")
    with pytest.raises(
        HarnessError, match=r"^/dev/full cannot be written \(No space left on device\): make room"
    ):
        injection.results()


def test_a_defect_of_a_sender_breaks_the_harness(
    pipeline: VideoPipeline, clock: PipelineClock, tmp_path: Path
) -> None:
    def break_down(_: Any, url: str, entries: list[dict[str, str]]) -> dict[str, Any]:
        raise RuntimeError("a defect in the sender")

    injection = Injection(through(pipeline, break_down), "k", plan([0.0]), clock, tmp_path / "log")
    injection.start()
    eventually(lambda: not injection.running, "it ends")
    with pytest.raises(HarnessError, match="a defect in the sender"):
        injection.results()
