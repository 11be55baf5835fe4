"""Videos without a message: found and settled, on a real database and the queue's protocol."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.message import decode_task, encode_task
from app.model import CLOCK, Status, Video
from tests.worker.faulty_proxy import SILENT, FaultyProxy
from tests.worker.rig import Rig
from worker import state
from worker.dead_letters import SweptQueue
from worker.lost import Fate, Lost
from worker.settings import WorkerSettings
from worker.sweep import sweep


def _sweep(rig: Rig) -> Mapping[Fate, int]:
    lost = Lost(rig.engine, WorkerSettings(), rig.send)
    return dict(sweep(lost, SweptQueue.ask(rig.sqs, rig.settings.sqs_queue_name)))


def _age(rig: Rig, video_id: str, age_s: int) -> None:
    """Nothing has happened to the video for so long."""
    at = CLOCK - timedelta(seconds=age_s)
    with Session(rig.engine) as session, session.begin():
        session.execute(update(Video).where(Video.id == video_id).values(uploaded_at=at, updated_at=at))


def _dead_url(rig: Rig) -> str:
    return rig.sqs.get_queue_url(QueueName=f"{rig.settings.sqs_queue_name}-dead")["QueueUrl"]


def _bury(rig: Rig, body: str) -> None:
    rig.sqs.send_message(QueueUrl=_dead_url(rig), MessageBody=body)


def _dead(rig: Rig) -> int:
    answer = rig.sqs.get_queue_attributes(QueueUrl=_dead_url(rig), AttributeNames=["All"])["Attributes"]
    return int(answer["ApproximateNumberOfMessages"]) + int(answer["ApproximateNumberOfMessagesNotVisible"])


def _task(rig: Rig, video_id: str) -> str:
    return encode_task(video_id, rig.settings.sqs_queue_name)


def test_a_video_that_was_never_sent_is_sent_once_and_done(rig: Rig, clip: Path) -> None:
    """As when the API is killed between the row and the send."""
    video_id = rig.add(clip)
    assert _sweep(rig) == {}  # it is fresh: its message may be on its way
    _age(rig, video_id, 61)
    assert _sweep(rig) == {Fate.SENT: 1}
    assert _sweep(rig) == {}
    assert rig.messages() == (1, 0)
    with rig.worker():
        assert rig.wait_for(video_id, Status.DONE).deliveries == 1


def test_a_video_in_processing_whose_worker_and_message_are_gone_is_sent(rig: Rig) -> None:
    video_id = rig.add(None, status=Status.PROCESSING, attempts=1)
    _age(rig, video_id, 61)
    assert _sweep(rig) == {Fate.SENT: 1}
    assert rig.video(video_id).status == Status.UPLOADED


def test_a_video_that_may_wait_its_turn_is_left_alone(rig: Rig) -> None:
    waiting = rig.add(None)
    _age(rig, waiting, 7200)
    rig.send("another")
    assert _sweep(rig) == {}


def test_a_video_that_was_overtaken_by_far_is_sent_though_the_queue_is_busy(rig: Rig) -> None:
    lost = rig.add(None)
    _age(rig, lost, 7200)
    _age(rig, rig.add(None, status=Status.DONE), 60)
    rig.send("another")
    assert _sweep(rig) == {Fate.SENT: 1}


@pytest.mark.parametrize(("age_s", "met"), [(300, {}), (7200, {Fate.SENT: 1})])
def test_a_video_in_processing_without_its_lock_may_have_a_worker(
    rig: Rig, age_s: int, met: dict[Fate, int]
) -> None:
    """The database was restarted, and with the session the lock is gone; the worker goes on."""
    video_id = rig.add(None, status=Status.PROCESSING, attempts=1)
    _age(rig, video_id, age_s)
    _age(rig, rig.add(None, status=Status.DONE), 60)
    rig.send("another")
    assert _sweep(rig) == met


def test_a_video_that_a_worker_is_at_is_left_alone(rig: Rig) -> None:
    video_id = rig.add(None)
    engine = rig.engine.execution_options(isolation_level="AUTOCOMMIT")
    with state.claim(engine, video_id, "w/0/1", 3):
        _age(rig, video_id, 7200)
        _bury(rig, _task(rig, video_id))
        assert _sweep(rig) == {Fate.HELD: 2}
    assert (rig.messages(), _dead(rig)) == ((0, 0), 1)


def test_a_video_that_cannot_be_sent_is_found_again(rig: Rig) -> None:
    video_id = rig.add(None)
    _age(rig, video_id, 61)

    def refuse(_: str) -> None:
        raise ConnectionError

    queue = SweptQueue.ask(rig.sqs, rig.settings.sqs_queue_name)
    with pytest.raises(ConnectionError):
        sweep(Lost(rig.engine, WorkerSettings(), refuse), queue)
    assert _sweep(rig) == {Fate.SENT: 1}


def test_without_its_dead_letter_queue_a_sweep_finds_the_rows_and_says_so(rig: Rig) -> None:
    rig.sqs.delete_queue(QueueUrl=_dead_url(rig))
    _age(rig, rig.add(None), 61)
    ended = _run(rig.env)
    assert (ended.returncode, ended.stderr.count("\n"), rig.messages()) == (1, 1, (1, 0))
    assert "NonExistentQueue" in ended.stderr


def test_a_dead_letter_whose_video_was_not_tried_is_sent_again(rig: Rig) -> None:
    """As after an outage that was longer than ten deliveries."""
    video_id = rig.add(None, attempts=4, excused=4, deliveries=10)
    _bury(rig, _task(rig, video_id))
    assert _sweep(rig) == {Fate.SENT: 1}
    assert (rig.messages(), _dead(rig)) == ((1, 0), 0)


@pytest.mark.parametrize(("attempts", "age_s"), [(3, 60), (0, 90_000)])
def test_a_dead_letter_whose_video_was_tried_or_is_old_is_failed(rig: Rig, attempts: int, age_s: int) -> None:
    video_id = rig.add(None, attempts=attempts, error="the storage was away")
    _age(rig, video_id, age_s)
    _bury(rig, _task(rig, video_id))
    assert _sweep(rig) == {Fate.FAILED: 1}
    video = rig.video(video_id)
    assert (video.status, video.finished_at) == (Status.FAILED, video.updated_at)
    assert video.error == (
        f"gave up after {attempts} attempts: the queue gave its message up after too many deliveries; "
        "the last fault: the storage was away"
    )
    assert (rig.messages(), _dead(rig)) == ((0, 0), 0)


def test_a_dead_letter_of_a_finished_video_goes_and_one_that_is_not_ours_stays(rig: Rig) -> None:
    for body in ("no task", _task(rig, "no-such-video"), _task(rig, rig.add(None, status=Status.DONE))):
        _bury(rig, body)
    assert _sweep(rig) == {Fate.UNKNOWN: 2, Fate.FINISHED: 1}
    assert _dead(rig) == 2


def test_a_pass_ends_however_many_dead_letters_are_left_there() -> None:
    """Those that are left come up again after a minute: the rows would never have their turn."""
    now_s = [0.0]

    class Endless:
        def receive_message(self, **_: object) -> dict[str, list[dict[str, str]]]:
            now_s[0] += 1
            return {"Messages": [{"Body": "poison", "ReceiptHandle": "any"}] * 10}

    queue = SweptQueue(Endless(), 0, "any")  # type: ignore[arg-type]
    assert len(list(queue.dead_letters(lambda: now_s[0]))) == 600


def test_the_command_says_what_it_did(rig: Rig) -> None:
    _age(rig, rig.add(None), 61)
    ended = _run(rig.env)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "videos without a message: 1 sent, 0 failed, 0 finished, 0 held, 0 unknown\n"
    assert rig.messages() == (1, 0)


@pytest.mark.parametrize(
    ("change", "code", "complaint"),
    [
        ({"WORKER_RESEND_AFTER_S": "0"}, 2, "WORKER_RESEND_AFTER_S: Input should be greater than 0"),
        (
            {"DATABASE_URL": "postgresql://u:secret@h:port/d"},
            2,
            "DATABASE_URL is not the URL of a PostgreSQL",
        ),
        ({"SQS_QUEUE_NAME": "no-such-queue"}, 1, "tried to find videos without a message: "),
        ({"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d"}, 1, "Connection refused"),
    ],
)
def test_the_command_ends_with_one_line(rig: Rig, change: dict[str, str], code: int, complaint: str) -> None:
    ended = _run(rig.env | change)
    assert ended.returncode == code
    assert complaint in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr


def test_a_silent_queue_is_told_soon(rig: Rig) -> None:
    with FaultyProxy(rig.env["AWS_ENDPOINT_URL_SQS"]).serve() as proxy:
        proxy.faults["GetQueueUrl"] = SILENT
        ended = _run(rig.env | {"AWS_ENDPOINT_URL_SQS": proxy.url})
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("tried to find videos without a message: Read timeout")
    assert proxy.hits["GetQueueUrl", SILENT] <= 2


def _run(env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "worker.sweep"]
    return subprocess.run(argv, env=os.environ | env, capture_output=True, text=True, timeout=60, check=False)


@given(st.text() | st.binary().map(lambda some: some.hex()))
def test_no_body_of_others_is_taken_for_a_task(body: str) -> None:
    assert decode_task(body) is None


@given(st.text(min_size=1, max_size=36).filter(str.isprintable))
def test_a_task_is_read_as_it_was_written(video_id: str) -> None:
    assert decode_task(encode_task(video_id, "videos")) == video_id
