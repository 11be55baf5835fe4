"""The hardened transport under a real worker: whatever SQS or the network does, consumption goes on."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model import Status
from fixtures.loopback import applied
from fixtures.moto import MotoServer
from fixtures.pipeline import Servers, create_queues, pipeline_environment
from fixtures.processes import ManagedProcess
from tests.worker.faulty_proxy import HANG_UP, NONSENSE, SILENT, FaultyProxy
from tests.worker.rig import Rig, eventually
from worker import state
from worker.transport import PollHealth

RECEIVE = "ReceiveMessage"


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
@pytest.mark.parametrize(("fault", "calls"), [(403, 1), (503, 3), (HANG_UP, 3)])
def test_a_failed_ack_costs_a_second_delivery_and_no_prefetch_slot(
    shared_rig: Rig, proxy: FaultyProxy, worker: ManagedProcess, clip: Path, fault: int | str, calls: int
) -> None:
    proxy.faults["DeleteMessage"] = fault
    video_id = shared_rig.submit(clip)
    done = shared_rig.wait_for(video_id, Status.DONE)
    eventually(lambda: proxy.hits["DeleteMessage", fault] >= calls, "an ack failed")
    proxy.faults.clear()
    # c=1 has one slot: were it lost, this would never be taken.
    shared_rig.wait_for(shared_rig.submit(clip), Status.DONE)
    after = shared_rig.wait_until(video_id, lambda video: video.deliveries >= 2, "a second delivery")
    shared_rig.wait_until_empty()
    assert (after.attempts, after.updated_at) == (1, done.finished_at)
    assert worker.alive


def test_a_message_that_cannot_be_given_back_at_once_comes_back_all_the_same(
    shared_rig: Rig, proxy: FaultyProxy, worker: ManagedProcess, clip: Path
) -> None:
    proxy.faults["ChangeMessageVisibility"] = 403
    video_id = shared_rig.add(clip)
    engine = shared_rig.engine.execution_options(isolation_level="AUTOCOMMIT")
    with state.claim(engine, video_id, "elsewhere/0/1", max_attempts=3):
        shared_rig.send(video_id)
        eventually(lambda: proxy.hits["ChangeMessageVisibility", 403] >= 1, "giving it back was refused")
    video = shared_rig.wait_for(video_id, Status.DONE)
    assert video.attempts == 2
    assert worker.alive


def test_a_message_that_is_no_task_does_not_end_the_worker(
    shared_rig: Rig, worker: ManagedProcess, clip: Path
) -> None:
    for body in ("not a task", json.dumps({"task": "of another kind"})):
        shared_rig.sqs.send_message(QueueUrl=shared_rig.queue_url, MessageBody=body)
    shared_rig.wait_for(shared_rig.submit(clip), Status.DONE)
    assert worker.alive


def test_a_killed_and_restarted_endpoint_is_survived(
    servers: Servers, server_folder: Path, clip: Path, tmp_path: Path
) -> None:
    endpoint = MotoServer("sqs", tmp_path).start()
    own = Servers(servers.postgres, endpoint, servers.s3)
    with pipeline_environment(own, os.environ, visibility_timeout_s=3) as env:
        rig = Rig(env, tmp_path)
        with rig.worker() as worker:
            rig.wait_for(rig.submit(clip), Status.DONE)
            endpoint.kill()
            eventually(lambda: "ReceiveMessage failed" in worker.log.read_text(), "a poll was refused")
            endpoint.start()
            with applied(env):
                create_queues(rig.settings, visibility_timeout_s=3)
            rig.wait_for(rig.submit(clip), Status.DONE)
            assert worker.alive
        rig.close()
    endpoint.stop()


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
