"""What the suite asks of the thumbnails (perf.pipeline.Pipeline), by their table; and where they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
from celery import Celery
from PIL import Image
from sqlalchemy import create_engine, text

from perf.deploy.deployment import Deployment, Waits
from perf.deploy.local_fleet import LocalFleet
from perf.deploy.loopback import applied, isolated_environment
from perf.deploy.machine_lock import only_measured_run
from perf.deploy.placed_clips import OneFile
from perf.deploy.queues import SqsQueue
from perf.deploy.servers import running_servers
from perf.pipeline import Candidate, ReportedWorker, State, TaskRow

HERE = Path(__file__).parent
STATES = {"waiting": State.UPLOADED, "making": State.PROCESSING, "made": State.DONE, "failed": State.FAILED}
WORKER = ("-m", "celery", "-A", "measured", "worker", "--loglevel=WARNING",
          "--without-gossip", "--without-mingle", "--without-heartbeat")  # fmt: skip


class Results:
    """See perf.pipeline.Results: the thumbnails on the disk."""

    def __init__(self, of: ThumbnailPipeline) -> None:
        self._of = of

    def sizes(self, task_ids: Sequence[str]) -> Mapping[str, int | None]:
        """Of each thumbnail."""
        paths = {each: self._of.made(each) for each in task_ids}
        return {each: path.stat().st_size if path and path.exists() else None for each, path in paths.items()}

    def fetch(self, task_id: str, target: Path) -> None:
        """A copy."""
        if path := self._of.made(task_id):
            target.write_bytes(path.read_bytes())

    def describe(self, made: Path) -> Mapping[str, str]:
        """Its format and size in pixels."""
        try:
            with Image.open(made) as picture:
                return {"format": str(picture.format), "picture": "{}x{}".format(*picture.size)}
        except OSError as error:
            return {"unreadable": str(error)}


class ThumbnailPipeline:
    """The service, as the suite knows it."""

    recipe = ""

    def __init__(self, app: Celery, database: str) -> None:
        self.app = app
        self.engine = create_engine(database, isolation_level="AUTOCOMMIT")
        self.results = Results(self)

    def ask(self, statement: str, **values: Any) -> list[Any]:
        """Rows."""
        with self.engine.connect() as connection:
            found = connection.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    def clock_s(self) -> float:
        """The database's clock, which stamps the rows."""
        return float(self.ask("select extract(epoch from clock_timestamp())::float8")[0][0])

    def make_tasks(self, clip: str, task_ids: Sequence[str]) -> Mapping[str, str]:
        """As the service's own web tier would: the row, then its message."""
        for each in task_ids:
            self.ask("insert into thumbnails (id, picture) values (:id, :picture)", id=each, picture=clip)
            self.app.send_task("thumbnail", args=[each])
        return {}

    def finished(self, task_ids: Sequence[str]) -> tuple[int, int]:
        """By their states."""
        states = [
            row.state for row in self.ask("select state from thumbnails where id = any(:ids)", ids=task_ids)
        ]
        return states.count("made"), states.count("failed")

    def rows(self, task_ids: Sequence[str]) -> Mapping[str, TaskRow]:
        """What the table has of each."""
        found = self.ask("select * from thumbnails where id = any(:ids)", ids=task_ids)
        return {row.id: _row(row) for row in found}

    def changed_since(self, since_s: float, ours: Collection[str]) -> tuple[str, ...]:
        """Thumbnails of others."""
        rows = self.ask(
            "select id from thumbnails where greatest(asked_at, begun_at, made_at) >= to_timestamp(:at)",
            at=since_s,
        )
        return tuple(row.id for row in rows if row.id not in ours)

    def workers(self, since_s: float | None = None) -> list[ReportedWorker]:
        """By the table that measured.py keeps."""
        rows = self.ask(
            "select * from perf_workers where not stopped and seen_at > clock_timestamp() - interval '15 s' "
            "or stopped and seen_at >= to_timestamp(:since)", since=since_s or 1e11,
        )  # fmt: skip
        return [
            ReportedWorker(row.id, row.node, row.pid, row.concurrency, stopped=row.stopped) for row in rows
        ]

    def sign_off(self, node: str, pid: int) -> None:
        """A worker that was killed."""
        self.ask(
            "update perf_workers set stopped = true where node = :node and pid = :pid", node=node, pid=pid
        )

    def forget(self, task_ids: Sequence[str]) -> None:
        """A message without its row does no harm: see the task."""
        for each in task_ids:
            if path := self.made(each):
                path.unlink(missing_ok=True)
        self.ask("delete from thumbnails where id = any(:ids)", ids=task_ids)

    def bare_command(self, source: Path, target: Path) -> Sequence[str]:
        """What the worker runs."""
        return [sys.executable, str(HERE / "thumbnail.py"), str(source), str(target)]

    def made(self, task_id: str) -> Path | None:
        """Where the thumbnail of a task is to be."""
        rows = self.ask("select picture from thumbnails where id = :id", id=task_id)
        return Path(f"{rows[0].picture}.{task_id}.jpg") if rows else None


def _row(row: Any) -> TaskRow:
    asked, begun, made = (at and at.timestamp() for at in (row.asked_at, row.begun_at, row.made_at))
    return TaskRow(
        STATES[row.state], asked, begun, made, made or begun or asked, row.tries, row.tries, row.by, row.error
    )


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """PostgreSQL, the SQS protocol and workers of our own on this machine, gone at the end."""
    with only_measured_run(), running_servers({}, folder) as servers:
        env = isolated_environment(os.environ, sqs_url=servers.sqs.url, s3_url=servers.s3.url)
        with applied(env):
            sqs = boto3.client("sqs", region_name=env["AWS_REGION"])
            env["QUEUE"], env["QUEUE_URL"] = (
                "thumbnails",
                sqs.create_queue(QueueName="thumbnails")["QueueUrl"],
            )
            database = servers.postgres.create_database("thumbnails")
            env["DATABASE"] = database.replace("postgresql://", "postgresql+psycopg2://")
        with applied(env):
            from measured import TABLE as REPORTS
            from service import TABLE, app, engine, said

            said(TABLE)
            said(REPORTS)
            pipeline = ThumbnailPipeline(app, env["DATABASE"])
            picture = folder / "picture.png"
            Image.effect_noise((1200, 900), 40).save(picture)
            fleet = LocalFleet(env, folder, pipeline, WORKER, Candidate("here", HERE, Path(sys.executable)))
            deployment = Deployment(
                pipeline=pipeline,
                queue=SqsQueue(sqs, "thumbnails"),
                control=fleet,
                clips=OneFile(picture),
                waits=Waits(workers_s=30, queue_s=10),
                description={"pipeline": "thumbnails", "broker": "SQS, by moto on this machine"},
                is_here=True,
            )
            with closing(deployment):
                yield deployment
        for each in (pipeline.engine, engine):
            each.dispose()
