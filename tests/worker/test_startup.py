"""A worker's start: settings without sense, an endpoint or a database that is not there yet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping

import pytest
from botocore.exceptions import EndpointConnectionError
from sqlalchemy.exc import OperationalError

from perf.deploy.loopback import NOWHERE
from perf.deploy.moto import MotoServer
from tests.worker.faulty_proxy import NONSENSE, FaultyProxy
from tests.worker.rig import Rig, eventually
from worker.queue import QueueUnavailableError, find_queue
from worker.readiness import Handshake
from worker.settings import WorkerSettings


def _run(env: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "worker", *options]
    return subprocess.run(argv, env=dict(env), capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"WORKER_WAIT_TIME_S": "0"}, "WORKER_WAIT_TIME_S: Input should be greater than or equal to 1"),
        ({"FFMPEG_TIMEOUT_S": "9999"}, "FFMPEG_TIMEOUT_S=9999: a slow task would be delivered twice"),
        ({"AWS_S3_BUCKET": ""}, "AWS_S3_BUCKET is empty"),
        (
            {"S3_UPLOAD_PREFIX": "/videos/", "S3_PROCESSED_PREFIX": "videos"},
            "S3_UPLOAD_PREFIX and S3_PROCESSED_PREFIX are both 'videos': a result would overwrite",
        ),
    ],
)
def test_settings_without_sense_end_it_with_one_line(change: dict[str, str], complaint: str) -> None:
    env = os.environ | {
        "DATABASE_URL": "postgresql://u:secret@h/d",
        "SQS_QUEUE_NAME": "q",
        "AWS_S3_BUCKET": "b",
    }
    ended = _run(env | change)
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr


@pytest.mark.parametrize("action", ["GetQueueUrl", "GetQueueAttributes"])
@pytest.mark.parametrize(("command", "code"), [("worker", 1), ("worker.sweep", 1), ("worker.health", 0)])
def test_a_page_that_is_no_answer_of_sqs_is_one_line(
    pipeline_env: dict[str, str], command: str, code: int, action: str
) -> None:
    with FaultyProxy(pipeline_env["AWS_ENDPOINT_URL_SQS"]).serve() as proxy:
        proxy.faults[action] = NONSENSE
        env = pipeline_env | {"AWS_ENDPOINT_URL_SQS": proxy.url, "WORKER_STARTUP_TIMEOUT_S": "0.1"}
        argv = [sys.executable, "-m", command]
        ended = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    told = ended.stdout + ended.stderr
    assert (ended.returncode, told.count("\n")) == (code, 1)
    assert "what answered is not SQS" in told


@pytest.mark.parametrize(
    ("command", "change", "first_line"),
    [
        ("worker", {"AWS_ENDPOINT_URL_SQS": NOWHERE}, "does not answer yet"),
        ("worker.sweep --every 60", {}, "videos without a message: 0 sent"),
    ],
)
def test_ctrl_c_while_it_waits_is_no_traceback(
    pipeline_env: dict[str, str], command: str, change: dict[str, str], first_line: str
) -> None:
    argv = [sys.executable, "-m", *command.split()]
    with subprocess.Popen(
        argv, env=pipeline_env | change, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as waiting:
        assert waiting.stdout is not None
        assert first_line in waiting.stdout.readline()
        waiting.send_signal(signal.SIGINT)
        rest, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == -signal.SIGINT
    assert "Traceback" not in rest


def test_no_queue_within_the_deadline_ends_it_with_one_line(pipeline_env: dict[str, str]) -> None:
    ended = _run(pipeline_env | {"SQS_QUEUE_NAME": "no-such-queue", "WORKER_STARTUP_TIMEOUT_S": "0.5"})
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert "SQS_QUEUE_NAME=no-such-queue was not found within 0.5 s" in last


def test_the_search_for_the_queue_ends_by_the_clock(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", NOWHERE)
    monkeypatch.setattr("worker.queue._ask", _refused)
    now_s = [0.0]
    with pytest.raises(QueueUnavailableError, match="is the endpoint up"):
        find_queue(
            rig.settings,
            WorkerSettings(worker_startup_timeout_s=10),
            clock=lambda: now_s[0],
            sleep=lambda pause_s: now_s.__setitem__(0, now_s[0] + pause_s),
        )
    assert now_s[0] == 10


def test_an_endpoint_that_comes_late_is_waited_for(rig: Rig, moto_sqs: MotoServer) -> None:
    with FaultyProxy(moto_sqs.url).serve() as proxy:
        proxy.faults["GetQueueUrl"] = 400
        env = rig.env | {"AWS_ENDPOINT_URL_SQS": proxy.url}
        argv = [sys.executable, "-m", "worker"]
        log = rig.folder / "late.log"
        with log.open("wb") as output:
            process = subprocess.Popen(argv, env=env, stdout=output, stderr=output)
        try:
            eventually(lambda: proxy.hits["GetQueueUrl", 400] >= 1, "the worker asked")
            proxy.faults.clear()
            eventually(lambda: rig.worker_row(process.pid), "the worker is ready")
        finally:
            process.terminate()
            process.wait(30)


def test_the_handshake_outlives_a_database_that_is_away(rig: Rig) -> None:
    class Lazy:
        """An engine that cannot connect at first."""

        def __init__(self) -> None:
            self.refusals = 2

        def begin(self) -> object:
            if self.refusals:
                self.refusals -= 1
                raise OperationalError("insert", {}, Exception("away"))
            return rig.engine.begin()

    handshake = Handshake(Lazy(), "q", 1, {})  # type: ignore[arg-type]
    handshake.renew_s = 0.01
    handshake.start()
    eventually(lambda: rig.worker_row(os.getpid()), "the row is there in the end")
    handshake.stop()
    row = rig.worker_row(os.getpid())
    assert row is not None
    assert row.stopped_at is not None


def _refused(settings: object) -> None:
    raise EndpointConnectionError(endpoint_url=NOWHERE)
