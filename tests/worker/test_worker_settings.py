"""The worker's settings, the command they make and Celery's configuration: pure."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings
from worker.celery_app import configuration
from worker.queue import Queue
from worker.settings import DEFAULT_FFMPEG_ARGS, WorkerSettings
from worker.transcode import command


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WorkerSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("FFMPEG", sys.executable)  # any program will do


def test_the_defaults_agree_with_each_other() -> None:
    settings = WorkerSettings()
    assert settings.worker_held_at_most_s >= 3 * settings.ffmpeg_timeout_s
    assert settings.worker_visibility_timeout_s <= 60
    assert settings.ffmpeg_args == tuple(DEFAULT_FFMPEG_ARGS.split())
    assert settings.worker_polling_interval_s > 0


def test_arguments_are_split_as_a_shell_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFMPEG_ARGS", "-vf 'scale=1280:720, fps=25' -an")
    assert WorkerSettings().ffmpeg_args == ("-vf", "scale=1280:720, fps=25", "-an")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("WORKER_CONCURRENCY", "0", "greater than or equal to 1"),
        ("WORKER_CONCURRENCY", "two", "valid integer"),
        ("WORKER_POLLING_INTERVAL_S", "0", "greater than 0"),
        ("WORKER_WAIT_TIME_S", "21", "less than or equal to 20"),
        ("WORKER_MAX_ATTEMPTS", "0", "greater than or equal to 1"),
        ("FFMPEG", "/no/such/ffmpeg", "not a program that can be run"),
        ("FFMPEG_ARGS", "-vf 'scale", "No closing quotation"),
        ("FFMPEG_TIMEOUT_S", "2401", "WORKER_HELD_AT_MOST_S=7200 is less than 3 x FFMPEG_TIMEOUT_S=2401"),
        ("WORKER_HELD_AT_MOST_S", "1799", "less than 3 x"),
        ("WORKER_HELD_AT_MOST_S", "43201", "less than or equal to 43200"),
        ("WORKER_VISIBILITY_TIMEOUT_S", "0", "greater than or equal to 1"),
        ("WORKER_VISIBILITY_TIMEOUT_S", "1.5", "valid integer"),
        ("WORKER_VISIBILITY_TIMEOUT_S", "7201", "WORKER_HELD_AT_MOST_S=7200 is less than WORKER_VISIBILITY"),
        ("WORKER_STOP_TIMEOUT_S", "-1", "greater than or equal to 0"),
    ],
)
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=complaint):
        WorkerSettings()


def test_the_command_reads_a_local_file_and_writes_the_target() -> None:
    settings = WorkerSettings()
    argv = command(settings, Path("/in/a b.mp4"), Path("/out/c.mp4"))
    assert argv[0] == sys.executable
    assert argv[argv.index("-i") + 1] == "/in/a b.mp4"
    assert argv[argv.index("-protocol_whitelist") + 1] == "file"
    assert argv[argv.index("-i") + 2 : -1] == list(settings.ffmpeg_args)
    assert argv[-1] == "/out/c.mp4"
    assert shlex.split(shlex.join(argv)) == argv


def test_the_configuration_holds_what_the_design_promises() -> None:
    settings = Settings(
        database_url="postgresql://user:secret@h/d",
        sqs_queue_name="videos",
        aws_s3_bucket="b",
        aws_region="eu-west-1",
    )
    conf = configuration(settings, WorkerSettings(worker_wait_time_s=7), Queue("http://sqs/1/videos", None))
    options = conf["broker_transport_options"]
    queue = options["predefined_queues"]["videos"]
    assert (conf["broker_url"], conf["task_default_queue"]) == ("sqs://", "videos")
    assert conf["task_acks_late"]
    assert conf["task_reject_on_worker_lost"]
    assert not conf["task_acks_on_failure_or_timeout"]
    assert conf["worker_prefetch_multiplier"] == 1
    assert conf["accept_content"] == ["json"]
    assert (options["wait_time_seconds"], options["region"]) == (7, "eu-west-1")
    assert (queue["url"], options["dead_letter_url"]) == ("http://sqs/1/videos", None)
    assert (options["heartbeat"].timeout_s, options["heartbeat"].longest_s) == (30, 7200)
    assert "secret" not in repr(conf)
