"""A second pipeline, which shares nothing with the one in app/ and worker/, and its port for the suite.

Another table, another task, another payload, other states, a worker of its own: it hashes a file slowly.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_ready
from sqlalchemy import create_engine, text

from perf.deploy.processes import ManagedProcess
from perf.pipeline import NONE, Fleet, ReportedWorker, State, TaskRow

TABLES = """
create table jobs (nr text primary key, input text, stage text default 'new', tries int default 0, who text,
    made timestamptz default clock_timestamp(), began timestamptz, ended timestamptz);
create table helpers (pid int primary key, hands int);
"""
SLOW_HASH = (
    "import hashlib, pathlib, sys; data = pathlib.Path(sys.argv[1]).read_bytes()\n"
    "pathlib.Path(sys.argv[2]).write_bytes(hashlib.pbkdf2_hmac('sha256', data, b'', 150_000))"
)
STAGES = {"new": State.UPLOADED, "busy": State.PROCESSING, "ok": State.DONE, "bad": State.FAILED}


def hash_command(source: Path, target: Path) -> list[str]:
    return [sys.executable, "-S", "-c", SLOW_HASH, str(source), str(target)]


def make_app(env: Mapping[str, str]) -> Celery:
    """Its Celery app: JSON with keywords, where ours sends an id by position."""
    app = Celery("hasher", broker="sqs://", set_as_current=False)
    queue = {"url": env["HASHER_QUEUE_URL"]}
    app.conf.task_default_queue = env["HASHER_QUEUE"]
    app.conf.broker_transport_options = {"region": "us-east-1", "polling_interval": 0.05} | {
        "wait_time_seconds": 1, "predefined_queues": {env["HASHER_QUEUE"]: queue}
    }  # fmt: skip
    app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, worker_enable_remote_control=False)
    return app


def work() -> None:
    """The worker: `python -m tests.perf.second_pipeline PROCESSES`."""
    pipeline = HashPipeline(os.environ)
    say, app = pipeline.ask, pipeline.app

    @app.task(name="hasher.hash", ignore_result=True)
    def hash_file(*, job: str, path: str) -> None:
        say("update jobs set stage = 'busy', tries = tries + 1, began = clock_timestamp(), who = :who "
            "where nr = :nr", nr=job, who=f"here/x/{os.getpid()}")  # fmt: skip
        done = subprocess.run(hash_command(Path(path), Path(f"{path}.{job}")), check=False).returncode == 0
        say("update jobs set stage = :stage, ended = clock_timestamp() where nr = :nr",
            nr=job, stage="ok" if done else "bad")  # fmt: skip

    hands = int(sys.argv[1])
    worker_ready.connect(
        lambda **_: say("insert into helpers values (:pid, :hands)", pid=os.getpid(), hands=hands), weak=False
    )
    app.worker_main(["worker", "--pool=prefork", f"--concurrency={hands}", "--loglevel=WARNING",
                     "--without-gossip", "--without-mingle", "--without-heartbeat"])  # fmt: skip


class HashPipeline:
    """See perf.pipeline.Pipeline."""

    recipe = ""
    results = None

    def __init__(self, env: Mapping[str, str]) -> None:
        self.engine = create_engine(env["HASHER_DB"], isolation_level="AUTOCOMMIT")
        self.app = make_app(env)

    def ask(self, statement: str, **values: Any) -> list[Any]:
        with self.engine.connect() as connection:
            found = connection.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    def clock_s(self) -> float:
        return float(self.ask("select extract(epoch from clock_timestamp())::float8")[0][0])

    def make_tasks(self, clip: str, task_ids: Sequence[str]) -> Mapping[str, str]:
        for nr in task_ids:
            self.ask("insert into jobs (nr, input) values (:nr, :clip)", nr=nr, clip=clip)
            self.app.send_task("hasher.hash", kwargs={"job": nr, "path": clip})
        return {}

    def finished(self, task_ids: Sequence[str]) -> tuple[int, int]:
        stages = [row.stage for row in self.ask("select stage from jobs where nr = any(:ids)", ids=task_ids)]
        return stages.count("ok"), stages.count("bad")

    def rows(self, task_ids: Sequence[str]) -> Mapping[str, TaskRow]:
        def at(instant: Any) -> float | None:
            return instant and instant.timestamp()

        return {
            row.nr: TaskRow(STAGES[row.stage], at(row.made), at(row.began), at(row.ended),
                            at(row.ended or row.began), row.tries, row.tries, row.who)
            for row in self.ask("select * from jobs where nr = any(:ids)", ids=task_ids)
        }  # fmt: skip

    def changed_since(self, since_s: float, ours: Collection[str]) -> tuple[str, ...]:
        made = self.ask("select nr from jobs where made >= to_timestamp(:at)", at=since_s)
        return tuple(row.nr for row in made if row.nr not in ours)

    def workers(self, since_s: float | None = None) -> list[ReportedWorker]:
        rows = self.ask("select * from helpers")
        return [ReportedWorker(str(row.pid), "here", row.pid, row.hands) for row in rows]

    def forget(self, task_ids: Sequence[str]) -> None:
        self.ask("delete from jobs where nr = any(:ids)", ids=task_ids)

    def bare_command(self, source: Path, target: Path) -> Sequence[str]:
        return hash_command(source, target)


@dataclass
class HashFleet:
    """See perf.deploy.fleet.FleetControl."""

    pipeline: HashPipeline
    start: Callable[[int], ManagedProcess]
    description = "one process of the hasher"
    process: ManagedProcess | None = None

    def found(self) -> Fleet:
        return NONE

    def scale(self, fleet: Fleet) -> None:
        if not self.process:
            self.process = self.start(fleet.per_node).start()

    def stop(self) -> None:
        if self.process:
            self.process.stop()
            self.process = None
            self.pipeline.ask("delete from helpers")


if __name__ == "__main__":
    work()
