"""What is no task of ours: told from what is one, put where a person finds it, and the end of no worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from app.message import NotOurTaskError, encode_task, read_task
from app.model import Status
from tests.worker.loop_by_hand import URL, Deletions, NoThread
from tests.worker.poison import POISON, STRANGE, VIDEO_ID, about
from tests.worker.rig import Rig, eventually
from worker.undertaker import LEFT_FOR_S, MOST_WAITING, Undertaker

ATTRIBUTES = {
    "origin": {"StringValue": "a partner", "DataType": "String"},
    "trace": {"BinaryValue": bytes(range(256)), "DataType": "Binary"},
}


@pytest.mark.parametrize("kind", POISON)
def test_it_is_no_task_of_ours(kind: str) -> None:
    with pytest.raises(NotOurTaskError, match=r"^its |^it has "):
        read_task(POISON[kind])


def test_there_are_many_kinds() -> None:
    assert len(set(POISON.values())) >= 60


@pytest.mark.parametrize("kind", STRANGE)
def test_it_is_strange_and_a_task_of_ours(kind: str) -> None:
    assert read_task(STRANGE[kind]) == VIDEO_ID


def test_a_task_is_a_task() -> None:
    assert read_task(encode_task(VIDEO_ID, "videos")) == VIDEO_ID


def test_poison_goes_to_the_dead_letter_queue_and_the_work_goes_on(rig: Rig, clip: Path) -> None:
    """All kinds, the strange ones, and good tasks behind them."""
    with rig.worker(concurrency=2) as worker:
        strange = [rig.add(clip) for _ in STRANGE]
        _send(rig, POISON.values())
        rig.sqs.send_message(
            QueueUrl=rig.queue_url, MessageBody="with attributes", MessageAttributes=ATTRIBUTES
        )
        _send(rig, (about(video_id, body) for video_id, body in zip(strange, STRANGE.values(), strict=True)))
        good = [rig.submit(clip) for _ in range(3)]
        for video_id in (*good, *strange):
            assert rig.wait_for(video_id, Status.DONE).deliveries == 1
        eventually(lambda: rig.messages() == (0, 0), "all are settled")
        assert worker.alive
        log = worker.log.read_text()
    dead = _dead(rig)
    assert sorted(each["Body"] for each in dead) == sorted((*POISON.values(), "with attributes"))
    assert [each["MessageAttributes"] for each in dead if "MessageAttributes" in each] == [ATTRIBUTES]
    lines = [line for line in log.splitlines() if "is no task of ours" in line]
    assert len(lines) == len(POISON) + 1
    assert all("moved to the dead-letter queue: " in line and len(line) < 1000 for line in lines)
    assert "Traceback" not in log


def _send(rig: Rig, bodies: Any) -> None:
    for body in bodies:
        rig.sqs.send_message(QueueUrl=rig.queue_url, MessageBody=body)


def _dead(rig: Rig) -> list[Any]:
    name = f"{rig.settings.sqs_queue_name}-dead"
    url = rig.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: list[Any] = []
    asked = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
    while some := rig.sqs.receive_message(QueueUrl=url, **asked).get("Messages"):
        found += some
    return found


class Sqs:
    """A dead-letter queue, or one that is away."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.sent: list[tuple[str, str]] = []
        self.fault = fault

    def send_message(self, QueueUrl: str, MessageBody: str, **_: object) -> dict[str, str]:
        if self.fault:
            raise self.fault
        self.sent.append((QueueUrl, MessageBody))
        return {"MessageId": "1"}


class Bench:
    def __init__(self, dead_url: str | None, fault: Exception | None = None) -> None:
        self.sqs, self.heartbeat, self.deletions = Sqs(fault), NoThread(timeout_s=30), Deletions()
        self.undertaker = Undertaker(dead_url, self.heartbeat, self.deletions)  # type: ignore[arg-type]

    def bury(self, body: str) -> None:
        self.undertaker.bury(self.sqs, URL, {"ReceiptHandle": "a", "Body": body}, "why")
        self.undertaker._thread.shutdown()


def test_it_is_sent_and_then_deleted_and_hidden_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench("dead")
    bench.bury("first\nsecond" + "x" * 1000)
    assert [url for url, _ in bench.sqs.sent] == ["dead"]
    assert (bench.deletions.handles, set(bench.heartbeat._held)) == (["a"], {"a"})
    (line,) = [record.message for record in caplog.records]
    assert "why" in line
    assert "first\\nsecond" in line
    assert "\n" not in line
    assert len(line) < 300


def test_without_a_dead_letter_queue_it_is_left_and_seen_seldom(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(None)
    bench.bury("body")
    assert (bench.sqs.sent, bench.deletions.handles, bench.heartbeat._held) == ([], [], {})
    assert [s for _, s in bench.heartbeat._released] == [LEFT_FOR_S]
    assert "there is no dead-letter queue" in caplog.text


def test_what_cannot_be_sent_is_not_deleted_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench("dead", EndpointConnectionError(endpoint_url="http://sqs"))
    bench.bury("body")
    assert (bench.deletions.handles, bench.heartbeat._held, bench.heartbeat._released) == ([], {}, [])
    assert "could not be moved" in caplog.text


def test_of_a_flood_only_some_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("dead")
    monkeypatch.setattr(bench.undertaker, "_settle", lambda *_: None)  # makes no room
    for number in range(2 * MOST_WAITING):
        bench.undertaker.bury(bench.sqs, "url", {"ReceiptHandle": str(number), "Body": "x"}, "why")
    assert len(bench.heartbeat._held) == MOST_WAITING
    bench.undertaker.close()
