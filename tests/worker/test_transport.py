"""The hardened transport under a real worker: whatever SQS or the network does, consumption goes on."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from app.model import Status, Video
from fixtures.pipeline import create_queues, pipeline_environment
from perf.deploy.loopback import applied
from perf.deploy.moto import MotoServer
from perf.deploy.processes import ManagedProcess
from perf.deploy.servers import Servers
from tests.worker.faulty_proxy import HANG_UP, HELD, NONSENSE, SILENT, FaultyProxy
from tests.worker.loop_by_hand import INTERVAL_S, QUEUE, consuming
from tests.worker.rig import Rig, eventually
from worker import state
from worker.transport import ERROR_PAUSE_S, Channel, PollHealth

RECEIVE = "ReceiveMessage"
DELETE = "DeleteMessageBatch"
CHANGE = "ChangeMessageVisibilityBatch"


@pytest.fixture(scope="module")
def proxy(moto_sqs: MotoServer) -> Iterator[FaultyProxy]:
    with FaultyProxy(moto_sqs.url).serve() as proxy:
        yield proxy


@pytest.fixture(scope="module")
def worker(shared_rig: Rig, proxy: FaultyProxy) -> Iterator[ManagedProcess]:
    with shared_rig.worker(AWS_ENDPOINT_URL_SQS=proxy.url) as process:
        yield process


@pytest.fixture(autouse=True)
def no_faults(proxy: FaultyProxy) -> Iterator[None]:
    yield
    proxy.faults.clear()
    proxy.hits.clear()
    proxy.passed.clear()


@pytest.mark.parametrize("fault", [400, 403, 429, 500, 503, HANG_UP, NONSENSE, SILENT])
def test_failed_polls_are_survived(
    shared_rig: Rig, proxy: FaultyProxy, worker: ManagedProcess, clip: Path, fault: int | str
) -> None:
    proxy.faults[RECEIVE] = fault
    eventually(lambda: proxy.hits[RECEIVE, fault] >= 1, f"a poll met {fault}")
    video_id = shared_rig.submit(clip)
    proxy.faults.clear()
    assert shared_rig.wait_for(video_id, Status.DONE).deliveries == 1
    assert worker.alive


def test_a_streak_of_failures_is_one_line_in_the_log_and_no_busy_loop(
    shared_rig: Rig, proxy: FaultyProxy, worker: ManagedProcess, clip: Path
) -> None:
    shared_rig.wait_for(shared_rig.submit(clip), Status.DONE)
    before = worker.log.read_text().count("ReceiveMessage failed")
    proxy.faults[RECEIVE] = 403
    eventually(lambda: proxy.hits[RECEIVE, 403] >= 3, "three polls in a row")
    proxy.faults.clear()
    shared_rig.wait_for(shared_rig.submit(clip), Status.DONE)
    log = worker.log.read_text()
    assert log.count("ReceiveMessage failed") == before + 1
    assert "injected by the test" in log
    assert "ReceiveMessage works again after " in log


#: boto3 makes three attempts where trying again may help.
@pytest.mark.parametrize(("fault", "calls"), [(403, 2), (503, 4), (HANG_UP, 4), (NONSENSE, 2)])
def test_a_failed_ack_is_tried_again_and_costs_no_prefetch_slot_and_no_delivery(
    shared_rig: Rig, proxy: FaultyProxy, worker: ManagedProcess, clip: Path, fault: int | str, calls: int
) -> None:
    proxy.faults[DELETE] = fault
    video_id = shared_rig.submit(clip)
    shared_rig.wait_for(video_id, Status.DONE)
    eventually(lambda: proxy.hits[DELETE, fault] >= calls, "an ack failed twice")
    # c=1 has one slot: were it lost, this would never be taken.
    another = shared_rig.submit(clip)
    shared_rig.wait_for(another, Status.DONE)
    assert shared_rig.messages() == (0, 2)
    proxy.faults.clear()
    shared_rig.wait_until_empty()
    assert [shared_rig.video(each).deliveries for each in (video_id, another)] == [1, 1]
    assert worker.alive


def test_a_message_that_cannot_be_given_back_at_once_comes_back_all_the_same(
    shared_rig: Rig, proxy: FaultyProxy, worker: ManagedProcess, clip: Path
) -> None:
    proxy.faults[CHANGE] = 403
    video_id = shared_rig.add(clip)
    engine = shared_rig.engine.execution_options(isolation_level="AUTOCOMMIT")
    with state.claim(engine, video_id, "elsewhere/0/1", max_attempts=3):
        shared_rig.send(video_id)
        eventually(lambda: proxy.hits[CHANGE, 403] >= 1, "giving it back was refused")
    video = shared_rig.wait_for(video_id, Status.DONE)
    assert video.attempts == 2
    assert worker.alive


def test_a_killed_and_restarted_endpoint_is_survived(
    servers: Servers, server_folder: Path, clip: Path, tmp_path: Path
) -> None:
    endpoint = MotoServer("sqs", tmp_path).start()
    own = Servers(servers.postgres, endpoint, servers.s3)
    with pipeline_environment(own, os.environ) as env:
        rig = Rig(env, tmp_path)
        with rig.worker() as worker:
            rig.wait_for(rig.submit(clip), Status.DONE)
            endpoint.kill()
            eventually(lambda: "ReceiveMessage failed" in worker.log.read_text(), "a poll was refused")
            endpoint.start()
            with applied(env):
                create_queues(rig.settings)
            rig.wait_for(rig.submit(clip), Status.DONE)
            assert worker.alive
        rig.close()
    endpoint.stop()


def test_between_the_tasks_of_a_burst_there_is_no_pause_and_no_empty_poll(
    rig: Rig, moto_sqs: MotoServer, clip: Path
) -> None:
    ids = [rig.submit(clip) for _ in range(5)]
    # A proxy of its own: another worker polls through the shared one.
    with (
        FaultyProxy(moto_sqs.url).serve() as proxy,
        rig.worker(AWS_ENDPOINT_URL_SQS=proxy.url, WORKER_POLLING_INTERVAL_S="10", WORKER_WAIT_TIME_S="20"),
    ):
        for video_id in ids:
            rig.wait_for(video_id, Status.DONE)
        assert proxy.passed[RECEIVE] <= len(ids) + 1
        rig.wait_until_empty()
    assert max(_idle_s([rig.video(video_id) for video_id in ids])) < 10
    assert proxy.passed[DELETE] <= len(ids)
    assert proxy.passed["DeleteMessage"] == 0


def _idle_s(videos: list[Video]) -> list[float]:
    """How long it took from the end of each task to the start of the next."""
    ran = sorted((each.started_at, each.finished_at) for each in videos)
    return [(later[0] - earlier[1]).total_seconds() for earlier, later in pairwise(ran)]


def test_a_worker_that_stops_deletes_the_messages_of_its_ended_tasks_first(
    rig: Rig, proxy: FaultyProxy, clip: Path
) -> None:
    proxy.faults[DELETE] = HELD
    with rig.worker(AWS_ENDPOINT_URL_SQS=proxy.url) as worker:
        rig.wait_for(rig.submit(clip), Status.DONE)
        eventually(lambda: proxy.hits[DELETE, HELD] == 1, "the message is being deleted")
        os.kill(worker.pid, signal.SIGTERM)
        eventually(lambda: not psutil.Process(worker.pid).children(), "the pool has ended")
        assert worker.alive
        assert rig.messages() == (0, 1)
        proxy.faults.clear()
        eventually(lambda: not worker.alive, "the worker has ended")
    assert rig.messages() == (0, 0)


def _ack(channel: Channel) -> None:
    channel.basic_ack("a")


def _reject(channel: Channel) -> None:
    channel.basic_reject("a", requeue=False)


def _raise_prefetch(channel: Channel) -> None:
    channel.basic_qos(prefetch_count=3)


@pytest.mark.parametrize("free_a_slot", [_ack, _reject, _raise_prefetch])
def test_a_full_prefetch_waits_for_no_timer_but_for_a_slot(
    free_a_slot: Callable[[Channel], None],
) -> None:
    with consuming(prefetch=2) as (channel, loop, _):
        loop.answer("a", "b")
        assert loop.timers == []
        free_a_slot(channel)
        assert loop.pauses_s == [0]
        loop.fire()
        assert (loop.asked_for, loop.timers) == ([2, 1], [])


def test_slots_that_become_free_together_share_a_poll_and_later_ones_start_no_second() -> None:
    with consuming(prefetch=3) as (channel, loop, deletions):
        loop.answer("a", "b", "c")
        channel.basic_ack("a")
        channel.basic_ack("b")
        loop.fire()
        channel.basic_ack("c")
        assert (loop.asked_for, loop.timers) == ([3, 2], [])
        assert deletions.handles == ["a", "b", "c"]


def test_polls_follow_each_other_while_there_are_messages_and_slots() -> None:
    with consuming(prefetch=3) as (_, loop, _):
        loop.answer("a")
        assert loop.pauses_s == [0]
        loop.fire()
        assert loop.asked_for == [3, 2]


def test_an_ack_shortens_neither_the_pause_after_an_empty_poll_nor_that_after_a_failed_one() -> None:
    with consuming(prefetch=3) as (channel, loop, _):
        loop.answer("a", "b")
        loop.fire()
        loop.answer()
        channel.basic_ack("a")
        assert loop.pauses_s == [INTERVAL_S]
        loop.fire()
        loop.answer(status=503)
        channel.basic_ack("b")
        assert loop.pauses_s == [ERROR_PAUSE_S]
        loop.fire()
        assert loop.asked_for == [3, 1, 2, 3]


@pytest.mark.parametrize(
    "nonsense",
    [
        [],
        None,
        "x",
        {"Messages": "abc"},
        {"Messages": {"a": 1}},
        {"Messages": [None]},
        {"Messages": [{}]},
        {"Messages": [{"Body": "x"}]},
        {"Messages": [{"Body": None, "ReceiptHandle": None}]},
    ],
)
def test_an_answer_of_another_shape_is_a_failed_poll(nonsense: object) -> None:
    with consuming(prefetch=1) as (_, loop, _):
        loop.answer_with(nonsense)
        assert loop.pauses_s == [ERROR_PAUSE_S]
        loop.fire()
        assert loop.asked_for == [1, 1]


def test_an_error_reaches_the_loop_itself_and_not_the_timer_that_found_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # kombu's loop logs what a timer raises, and goes on; what is called soon ends it.
    monkeypatch.setattr(Channel, "_on_messages_ready", lambda *_: 1 / 0)
    with consuming(prefetch=1) as (_, loop, _):
        loop.answer("a")
        with pytest.raises(ZeroDivisionError):
            loop.fire()


def test_who_consumes_no_more_polls_no_more() -> None:
    with consuming(prefetch=1) as (channel, loop, _):
        loop.answer("a")
        channel.basic_cancel("tag")
        channel.basic_ack("a")
        loop.fire()
        assert (loop.asked_for, loop.timers) == ([1], [])


def test_a_message_that_names_another_queue_is_deleted_from_the_one_it_came_from() -> None:
    with consuming(prefetch=1) as (channel, loop, deletions):
        loop.answer("a", routing_key="another")
        assert channel.qos.get("a").delivery_info["routing_key"] == QUEUE
        channel.basic_ack("a")
        loop.fire()
        assert (deletions.handles, loop.asked_for) == (["a"], [1, 1])


def test_poll_health_logs_the_ends_of_a_streak_only(caplog: pytest.LogCaptureFixture) -> None:
    health = PollHealth()
    with caplog.at_level(logging.WARNING):
        health.succeeded()
        for _ in range(3):
            health.failed("HTTP 503")
        health.succeeded()
        health.succeeded()
    assert [record.message for record in caplog.records] == [
        "ReceiveMessage failed (HTTP 503): trying again every 1 s",
        "ReceiveMessage works again after 3 failures",
    ]
