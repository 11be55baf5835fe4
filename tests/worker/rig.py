"""A pipeline's environment as a test uses it: rows, objects, messages and real worker processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.aws import sqs_client
from app.database import make_engine
from app.message import encode_task
from app.model import Status, Video, Worker, new_id
from app.settings import Settings
from app.storage import make_storage
from perf.deploy.loopback import applied
from perf.deploy.processes import ManagedProcess
from worker.settings import find_ffmpeg

T = TypeVar("T")

DEADLINE_S = 120.0

#: Cheap work, and short waits so that a fault is noticed within seconds.
QUICK = {
    "WORKER_WAIT_TIME_S": "1",
    "WORKER_RECEIVE_GRACE_S": "1",
    # What a killed worker held comes back within the test.
    "WORKER_VISIBILITY_TIMEOUT_S": "3",
    "FFMPEG_ARGS": "-t 5 -c:v libx264 -preset ultrafast -threads 1 -an",
}

#: Work that lasts as long as the clip plays.
SLOW = QUICK | {"FFMPEG_ARGS": "-vf realtime -c:v libx264 -preset ultrafast -threads 1 -an"}


def make_clip(path: Path, duration_s: float) -> Path:
    """A tiny video of the given length."""
    argv = [str(find_ffmpeg()), "-loglevel", "error", "-y", "-f", "lavfi"]
    argv += ["-i", f"testsrc=duration={duration_s}:size=64x64:rate=10", "-threads", "1", str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, timeout=60)
    return path


def eventually(ask: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """The first true answer; fails with *what* after the deadline."""
    end_s = time.monotonic() + deadline_s
    while time.monotonic() < end_s:
        if answer := ask():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {deadline_s:g} s: {what}")


class Rig:
    """One pipeline: its database, storage and queue, and workers for it."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self.env = dict(env)
        self.folder = folder
        with applied(self.env):
            self.settings = Settings()
            self.storage = make_storage(self.settings)
            self.engine = make_engine(self.settings)
            self.sqs = sqs_client(self.settings.aws_region)
        self.queue_url = self.sqs.get_queue_url(QueueName=self.settings.sqs_queue_name)["QueueUrl"]

    def close(self) -> None:
        self.engine.dispose()

    def add(self, original: Path | None, **columns: object) -> str:
        """A row, and its object unless *original* is None; the id."""
        video_id = new_id()
        key = self.settings.upload_key(f"{video_id}.mp4")
        if original is not None:
            self.storage.upload_from(original, key, "video/mp4")
        with Session(self.engine) as session, session.begin():
            session.add(Video(id=video_id, object_key=key, **columns))
        return video_id

    def send(self, video_id: str, times: int = 1) -> None:
        body = encode_task(video_id, self.settings.sqs_queue_name)
        for _ in range(times):
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def submit(self, original: Path | None) -> str:
        """A row with its object and its message."""
        video_id = self.add(original)
        self.send(video_id)
        return video_id

    def video(self, video_id: str) -> Video:
        with Session(self.engine) as session:
            return session.get_one(Video, video_id)

    def wait_for(self, video_id: str, status: Status) -> Video:
        eventually(lambda: self.video(video_id).status == status, f"video {video_id} {status}")
        return self.video(video_id)

    def wait_until(self, video_id: str, holds: Callable[[Video], bool], what: str) -> Video:
        eventually(lambda: holds(self.video(video_id)), what)
        return self.video(video_id)

    def messages(self) -> tuple[int, int]:
        """How many messages wait, and how many are in flight."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])["Attributes"]
        return int(answer[names[0]]), int(answer[names[1]])

    def wait_until_empty(self) -> None:
        eventually(lambda: self.messages() == (0, 0), "the queue is empty")

    def worker_row(self, pid: int) -> Worker | None:
        with Session(self.engine) as session:
            return session.scalar(select(Worker).where(Worker.pid == pid))

    @contextmanager
    def worker(self, concurrency: int = 1, **env: str) -> Iterator[ManagedProcess]:
        """A worker process, ready by its handshake; killed at the end, which is quicker than asking."""
        process = ManagedProcess(
            "worker",
            [sys.executable, "-m", "worker", "--concurrency", str(concurrency)],
            env=self.env | QUICK | env,
            log=self.folder / f"worker-{new_id()[:8]}.log",
            ready=lambda: self.worker_row(process.pid) is not None,
            start_deadline_s=DEADLINE_S,
        )
        process.start()
        try:
            yield process
        finally:
            process.kill()


def ffmpegs_of(pid: int) -> list[psutil.Process]:
    """The ffmpeg processes below the process."""
    below = psutil.Process(pid).children(recursive=True)
    return [process for process in below if "ffmpeg" in process.name()]
