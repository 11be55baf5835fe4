"""The visibility heartbeat: by a clock of the test's, and under a real worker."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from app.model import Status
from tests.worker.loop_by_hand import URL, NoThread, consuming
from tests.worker.rig import SLOW, Rig, eventually
from worker.heartbeat import LONGEST_S, Heartbeat
from worker.patience import stopping


class Sqs:
    """Notes what is changed, in batches; refuses what the test says."""

    def __init__(self) -> None:
        self.batches: list[dict[str, int]] = []
        self.fault: Exception | None = None
        self.nonsense: dict[str, list[dict[str, Any]]] | None = None
        #: Of each receipt that is refused, whether that is the sender's fault.
        self.refused: dict[str, bool] = {}

    def change_message_visibility_batch(
        self, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, list[dict[str, Any]]]:
        assert QueueUrl
        self.batches.append({each["ReceiptHandle"]: each["VisibilityTimeout"] for each in Entries})
        if self.fault:
            raise self.fault
        if self.nonsense is not None:
            return self.nonsense
        failed = [
            {"Id": each["Id"], "SenderFault": self.refused[handle], "Code": "ReceiptHandleIsInvalid"}
            for each in Entries
            if (handle := each["ReceiptHandle"]) in self.refused
        ]
        kept = [{"Id": each["Id"]} for each in Entries if each["ReceiptHandle"] not in self.refused]
        return {"Successful": kept, "Failed": failed}


class Bench:
    """A heartbeat whose clock is the test's."""

    def __init__(self, timeout_s: int = 30, longest_s: int = LONGEST_S, first_s: int = 30) -> None:
        self.now_s = 1000.0
        self.sqs = Sqs()
        self.heartbeat = NoThread(timeout_s, longest_s, first_s, clock=lambda: self.now_s)

    def hold(self, *handles: str) -> None:
        for handle in handles:
            self.heartbeat.hold(self.sqs, URL, handle)

    def after(self, seconds: float) -> list[dict[str, int]]:
        """What is sent when so much time has passed."""
        self.now_s += seconds
        self.sqs.batches.clear()
        self.heartbeat.beat()
        return list(self.sqs.batches)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_message_is_renewed_when_half_of_its_timeout_is_over_and_then_again(bench: Bench) -> None:
    bench.hold("a")
    assert bench.after(10) == []
    bench.hold("b")
    assert bench.after(5) == [{"a": 30}]
    assert bench.after(10) == [{"b": 30}]
    assert bench.after(5) == [{"a": 30}]


def test_what_is_received_is_hidden_for_longer_at_the_first_look_that_finds_it_held() -> None:
    bench = Bench(first_s=10)
    bench.hold("soon settled", "a")
    bench.heartbeat.forget("soon settled")
    assert bench.after(2.5) == [{"a": 30}]
    assert bench.after(14) == []
    assert bench.after(1) == [{"a": 30}]


def test_the_first_timeout_is_no_longer_than_the_others() -> None:
    assert Heartbeat(4).first_s == 4


def test_ten_share_a_request(bench: Bench) -> None:
    handles = [f"h{number}" for number in range(23)]
    bench.hold(*handles)
    assert [len(batch) for batch in bench.after(20)] == [10, 10, 3]


def test_queues_share_none(bench: Bench) -> None:
    bench.heartbeat.hold(bench.sqs, "one", "a")
    bench.heartbeat.hold(bench.sqs, "other", "b")
    assert bench.after(20) == [{"a": 30}, {"b": 30}]


def test_what_is_settled_is_renewed_no_more(bench: Bench) -> None:
    bench.hold("a", "b")
    bench.heartbeat.forget("a")
    bench.heartbeat.forget("never held")
    assert bench.after(20) == [{"b": 30}]


def test_what_is_given_back_is_so_once_and_renewed_no_more(bench: Bench) -> None:
    bench.hold("a", "b", "c")
    bench.heartbeat.release("a")
    bench.heartbeat.release("b", after_s=7)
    bench.heartbeat.release("a")
    assert bench.after(0) == [{"a": 0, "b": 7}]
    assert bench.after(20) == [{"c": 30}]


def test_all_can_be_given_back(bench: Bench) -> None:
    bench.hold("a", "b")
    assert bench.heartbeat.release_all() == 2
    assert bench.after(0) == [{"a": 0, "b": 0}]
    assert (bench.heartbeat.release_all(), bench.after(20)) == (0, [])


def test_a_lost_receipt_is_dropped_and_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.hold("a", "b")
    bench.sqs.refused = {"a": True}
    assert bench.after(20) == [{"a": 30, "b": 30}]
    assert bench.after(20) == [{"b": 30}]
    assert [each.message.partition(": ")[2] for each in caplog.records] == [
        "SQS says ReceiptHandleIsInvalid of its receipt"
    ]


@pytest.mark.parametrize(
    "nonsense", [{}, {"Successful": [{}]}, {"Successful": [{"Id": "77"}, {"Id": "x"}]}, {"Failed": [{}]}]
)
def test_an_answer_that_makes_no_sense_is_a_failure_that_is_told_once_and_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture, nonsense: dict[str, list[dict[str, Any]]]
) -> None:
    bench.hold("a")
    bench.sqs.nonsense = nonsense
    assert bench.after(20) == bench.after(1) == [{"a": 30}]
    assert [each.message.partition(":")[0] for each in caplog.records] == [
        "ChangeMessageVisibilityBatch failed ('no answer that makes sense')"
    ]
    bench.sqs.nonsense = None
    assert (bench.after(1), bench.after(1)) == ([{"a": 30}], [])


def test_a_receipt_that_was_lost_by_its_deletion_is_no_news(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.hold("a")
    bench.sqs.refused = {"a": True}
    bench.heartbeat.release("a")
    assert bench.after(0) == [{"a": 0}]
    assert caplog.records == []


def test_a_fault_of_the_service_drops_nothing(bench: Bench) -> None:
    bench.hold("a")
    bench.sqs.refused = {"a": False}
    assert bench.after(15) == [{"a": 30}]
    assert bench.after(5) == [{"a": 30}]


def test_a_request_that_fails_is_tried_again_and_told_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.hold("a")
    bench.sqs.fault = EndpointConnectionError(endpoint_url="http://sqs")
    assert bench.after(15) == bench.after(5) == [{"a": 30}]
    bench.sqs.fault = None
    assert bench.after(5) == [{"a": 30}]
    assert bench.after(14) == []
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert "what is not renewed within 30 s is delivered again" in caplog.text


def test_a_message_is_kept_hidden_for_so_long_at_most(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(longest_s=75)
    bench.hold("a")
    assert [bench.after(20) for _ in range(3)] == [[{"a": 30}], [{"a": 30}], [{"a": 15}]]
    assert bench.after(9) == []
    assert "hidden for 75 s, which is the most" in caplog.text
    assert bench.heartbeat.release_all() == 0


def test_no_longer_than_sqs_allows() -> None:
    assert Heartbeat(30, longest_s=10**6).longest_s == 43_200


def test_a_channel_asks_for_the_timeout_and_holds_what_it_brings_until_it_is_settled() -> None:
    with consuming(prefetch=3) as (channel, loop, deletions):
        assert b'"VisibilityTimeout": 10' in loop.requests[0].body
        loop.answer("a", "b", "c")
        channel.basic_ack("a")
        assert set(channel.heartbeat._held) == {"a", "b", "c"}  # until it is deleted
        assert deletions.handles == ["a"]
        channel.basic_reject("b")
        assert [(held.receipt_handle, s) for held, s in channel.heartbeat._released] == [("b", 2)]
        channel.heartbeat._released.clear()


def test_a_worker_that_stops_gives_back_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "wait", lambda _: True)
    with consuming(prefetch=1) as (channel, loop, _):
        loop.answer("a")
        channel.basic_reject("a")
        assert [s for _, s in channel.heartbeat._released] == [0]
        channel.heartbeat._released.clear()


def test_a_channel_that_is_closed_gives_back_what_is_unsettled() -> None:
    with consuming(prefetch=2) as (channel, loop, _):
        loop.answer("a", "b")
        given_back: list[str] = []
        channel.heartbeat.beat = lambda: given_back.extend(  # type: ignore[method-assign]
            held.receipt_handle for held, _ in channel.heartbeat._released
        )
        channel.do_restore = True
        channel.close()
        assert sorted(given_back) == ["a", "b"]


def test_a_task_that_outlasts_the_timeout_is_delivered_once(rig: Rig, long_clip: Path) -> None:
    with rig.worker(**SLOW | {"WORKER_VISIBILITY_TIMEOUT_S": "1"}):
        video = rig.wait_for(rig.submit(long_clip), Status.DONE)
        assert (video.finished_at - video.started_at).total_seconds() > 1.5
        rig.wait_until_empty()
        assert rig.video(video.id).deliveries == 1


def test_a_task_that_cannot_end_in_time_is_cut_and_given_back_uncounted(rig: Rig, long_clip: Path) -> None:
    # The timeout is so long that the message can come back by being given back alone.
    env = SLOW | {"WORKER_VISIBILITY_TIMEOUT_S": "600", "WORKER_STOP_TIMEOUT_S": "0"}
    with rig.worker(**env) as worker:
        video_id = rig.submit(long_clip)
        rig.wait_for(video_id, Status.PROCESSING)
        os.kill(worker.pid, signal.SIGTERM)
        eventually(lambda: not worker.alive, "the worker has ended")
    video = rig.video(video_id)
    assert (video.status, video.attempts, video.excused) == (Status.UPLOADED, 1, 1)
    assert rig.messages() == (1, 0)
