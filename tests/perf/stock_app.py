"""The same task as Celery's documentation has one write it: Celery and kombu's SQS transport as they come.

`acks_late`, `autoretry_for` with `retry_backoff`, a prefetch of one, boto3, SQLAlchemy with a trial of each
connection, and a look at whether the video is done already. The ffmpeg step is the one of worker/. The
queue's own visibility timeout holds, as it does for predefined queues, and nobody extends it.
"""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from billiard import current_process
from celery import Celery, Task
from celery.signals import worker_ready
from sqlalchemy import Engine, create_engine, update

from app.message import TASK_NAME
from app.model import CLOCK, Status, Video
from app.settings import Settings, get_settings
from worker.settings import get_worker_settings
from worker.transcode import transcode

QUEUE_URL, READY = "STOCK_QUEUE_URL", "STOCK_READY"


def configuration(settings: Settings, queue_url: str) -> dict[str, Any]:
    """Polls as short as ours, so that the pauses between two tasks are alike."""
    worker = get_worker_settings()
    return {
        "broker_url": "sqs://",
        "broker_transport_options": {
            "region": settings.aws_region,
            "predefined_queues": {settings.sqs_queue_name: {"url": queue_url}},
            "polling_interval": worker.worker_polling_interval_s,
            "wait_time_seconds": worker.worker_wait_time_s,
        },
        "task_default_queue": settings.sqs_queue_name,
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        "worker_enable_remote_control": False,
        "task_ignore_result": True,
        "broker_connection_retry_on_startup": True,
    }


app = Celery("stock")


@lru_cache
def _engine() -> Engine:
    return create_engine(
        get_settings().sqlalchemy_url, pool_pre_ping=True, isolation_level="AUTOCOMMIT", pool_size=2
    )


@lru_cache
def _s3() -> Any:
    return boto3.client("s3", region_name=get_settings().aws_region)


def _change(video_id: str, **values: object) -> Any:
    changed = update(Video).where(Video.id == video_id).values(updated_at=CLOCK, **values)
    with _engine().connect() as session:
        return session.execute(changed.returning(Video.object_key, Video.status)).one()


class VideoTask(Task):
    """What has failed for the last time is told in the row."""

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """See Celery."""
        _change(args[0], status=Status.FAILED, error=repr(exc)[:200], finished_at=CLOCK)


@app.task(name=TASK_NAME, base=VideoTask, autoretry_for=(Exception,), retry_backoff=True)
def process_video(video_id: str) -> None:
    """Download, transcode, upload."""
    settings = get_settings()
    if _change(video_id, deliveries=Video.deliveries + 1).status == Status.DONE:
        return
    name = f"{get_worker_settings().worker_node}/{getattr(current_process(), 'index', 0)}/{os.getpid()}"
    begun = {"status": Status.PROCESSING, "worker": name, "started_at": CLOCK}
    row = _change(video_id, attempts=Video.attempts + 1, **begun)
    key = settings.processed_key(video_id)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "original", Path(folder) / "processed.mp4"
        _s3().download_file(settings.aws_s3_bucket, row.object_key, str(source))
        transcode(get_worker_settings(), source, target)
        _s3().upload_file(str(target), settings.aws_s3_bucket, key)
    _change(video_id, status=Status.DONE, processed_key=key, finished_at=CLOCK)


@worker_ready.connect
def _say_ready(**_: Any) -> None:
    Path(os.environ[READY]).touch()


if QUEUE_URL in os.environ:
    app.conf.update(configuration(get_settings(), os.environ[QUEUE_URL]))
