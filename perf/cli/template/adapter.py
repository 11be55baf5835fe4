"""What the suite asks of our pipeline, and where it runs. From the top: each TODO is a decision.

As it stands it is the adapter of a Celery task that takes an id and an input, and of a table of jobs in
PostgreSQL. Nothing else of the suite knows a table or a task of yours.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from celery import Celery
from sqlalchemy import create_engine, text

from perf.cases.errors import HarnessError
from perf.deploy.candidates import HERE
from perf.deploy.celery_report import reported
from perf.deploy.deployment import Deployment, Waits
from perf.deploy.kombu_queue import KombuQueue
from perf.deploy.local_fleet import LocalFleet
from perf.deploy.machine_lock import only_measured_run
from perf.deploy.placed_clips import OneFile
from perf.pipeline import Candidate, ReportedWorker, State, TaskRow

# TODO where the pipeline runs. The queue is purged where a case is given up: name none that others use.
BROKER = os.environ.get("BROKER_URL", "")  # redis://..., amqp://...; of SQS, see queue= below
DATABASE = os.environ.get("DATABASE_URL", "")  # postgresql+psycopg2://...
QUEUE_NAME = "celery"  # Celery's own name for its queue

# TODO your task, the root of your code, and how its worker is started there; -Q and --concurrency follow.
# Its app is a module that imports yours and calls report_workers: see WORKERS.
TASK = "jobs.work"
ROOT = Path(__file__).parents[1]
WORKER = ("-m", "celery", "-A", "perf_tests.measured", "worker", "--loglevel=WARNING")

# TODO a file that your task works on, as small as it may be.
INPUT = Path(__file__).with_name("input.bin")

# TODO your table: what becomes of your states, and the statements. The instants are the database's own, by
# clock_timestamp(): now() is when a transaction began.
STATES = {"new": State.UPLOADED, "working": State.PROCESSING, "done": State.DONE, "failed": State.FAILED}
MAKE = "insert into jobs (id, input, state, created_at) values (:id, :input, 'new', clock_timestamp())"
# Ids are texts: of a column of type uuid, select id::text and compare with any(cast(:ids as uuid[])).
# id, state, uploaded_at, started_at, finished_at, attempts, worker ("node/child/pid"), error
ROWS = """
select id, state, created_at as uploaded_at, started_at, finished_at, attempts, worker, error
from jobs where id = any(:ids)
"""
CHANGED = """
select id from jobs where greatest(created_at, started_at, finished_at) >= to_timestamp(:since)
"""
FORGET = "delete from jobs where id = any(:ids)"  # a message without its row must then do no harm

# TODO who works: the table that measured.py writes. A table of your own does as well; the columns are these.
WORKERS = """
select id, node, pid, concurrency, stopped from perf_workers
where queue = :queue and (not stopped and seen_at > clock_timestamp() - interval '15 s'
   or stopped and seen_at >= to_timestamp(:since))
"""
REPORTS = """
create table if not exists perf_workers (
    id text primary key, queue text, node text, pid int, concurrency int, stopped bool, seen_at timestamptz)
"""
SIGN_OFF = "update perf_workers set stopped = true where node = :node and pid = :pid"


class OurPipeline:
    """See perf.pipeline.Pipeline."""

    recipe = ""
    # TODO perf.pipeline.Results, where a task leaves a file: then "done" is not merely believed
    results = None

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.engine = create_engine(DATABASE, isolation_level="AUTOCOMMIT")
        self.app = Celery(broker=BROKER)

    def ask(self, statement: str, **values: Any) -> list[Any]:
        """Rows."""
        with self.engine.connect() as connection:
            found = connection.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    def clock_s(self) -> float:
        """The clock that stamps the rows: every duration is between instants of this one."""
        return float(self.ask("select extract(epoch from clock_timestamp())::float8")[0][0])

    def make_tasks(self, clip: str, task_ids: Sequence[str]) -> Mapping[str, str]:
        """Make ten tasks at most; those that could not be sent, and why."""
        for each in task_ids:
            self.ask(MAKE, id=each, input=clip)
            self.app.send_task(TASK, args=[each, clip], queue=self.queue)
        return {}

    def finished(self, task_ids: Sequence[str]) -> tuple[int, int]:
        """How many are done, and how many failed."""
        states = [row.status for row in self.rows(task_ids).values()]
        return states.count(State.DONE), states.count(State.FAILED)

    def rows(self, task_ids: Sequence[str]) -> Mapping[str, TaskRow]:
        """What the table has of each: all metrics come from it."""
        return {row.id: _task_row(row) for row in self.ask(ROWS, ids=list(task_ids))}

    def changed_since(self, since_s: float, ours: Collection[str]) -> tuple[str, ...]:
        """Tasks of others: their load would make the case INVALID."""
        return tuple(row.id for row in self.ask(CHANGED, since=since_s) if row.id not in ours)

    def workers(self, since_s: float | None = None) -> list[ReportedWorker]:
        """Who works; with *since_s* also who ended since."""
        return [reported(row._mapping) for row in self.ask(WORKERS, queue=self.queue, since=since_s or 1e11)]

    def sign_off(self, node: str, pid: int) -> None:
        """A worker that was killed cannot say so itself."""
        self.ask(SIGN_OFF, node=node, pid=pid)

    def forget(self, task_ids: Sequence[str]) -> None:
        """Leave nothing of the run."""
        self.ask(FORGET, ids=list(task_ids))

    def bare_command(self, source: Path, target: Path) -> Sequence[str]:
        """TODO the command that does a task's work with nothing around it; () = none, and no efficiency."""
        return ()


def _task_row(row: Any) -> TaskRow:
    instants = (row.uploaded_at, row.started_at, row.finished_at)
    uploaded, started, finished = (at and at.timestamp() for at in instants)
    last = finished or started or uploaded
    tries = row.attempts or 0
    return TaskRow(STATES[row.state], uploaded, started, finished, last, tries, tries, row.worker, row.error)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """Workers of our own on this machine, on the broker and the database that the environment names."""
    for name, value in {"BROKER_URL": BROKER, "DATABASE_URL": DATABASE}.items():
        if not value:
            raise HarnessError(f"set {name}, or say in {Path(__file__).name} where it is to be had")
    if not INPUT.exists():
        raise HarnessError(f"{INPUT}: put a file there that a task can work on, or name another as INPUT")
    with only_measured_run(), closing(_deployment(HERE, QUEUE_NAME, folder)) as deployment:
        yield deployment


def _deployment(candidate: Candidate, queue: str, folder: Path) -> Deployment:
    """A queue and workers on it: those here or, for --against COMMIT, those of the commit."""
    pipeline = OurPipeline(queue)
    pipeline.ask(REPORTS)
    logs = Path(mkdtemp(dir=folder))
    words = (*WORKER, "-Q", queue)
    # A candidate's root is where pytest was started, here or in the commit; the code's may be another.
    candidate = replace(candidate, root=candidate.root / os.path.relpath(ROOT, HERE.root))
    return Deployment(
        pipeline=pipeline,
        queue=KombuQueue(BROKER, queue),  # of SQS: perf.deploy.queues.SqsQueue(boto3.client("sqs"), queue)
        # elsewhere: perf.deploy.fleets.choice.control_of (ECS, SSM, Auto Scaling, a command)
        control=LocalFleet({**os.environ, "QUEUE": queue}, logs, pipeline, words, candidate),
        clips=OneFile(INPUT),  # the same file for every size; its path is what the task is given
        waits=Waits(workers_s=30, queue_s=10),
        description={"pipeline": "ours"},
        is_here=True,
        sides=lambda other: closing(_deployment(other, f"{QUEUE_NAME}-{other.name}", folder)),
    )
