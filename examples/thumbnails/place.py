"""Where the thumbnails are measured: on this machine, on servers and queues of the run's own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from adapter import NOTE_ENDINGS, REPORTS, ThumbnailPipeline
from PIL import Image
from sqlalchemy import Engine, create_engine

from perf.deploy.candidates import HERE
from perf.deploy.deployment import Deployment, Waits
from perf.deploy.fault_proxy import FaultProxy
from perf.deploy.local_fleet import LocalFleet
from perf.deploy.loopback import applied, isolated_environment
from perf.deploy.machine_lock import only_measured_run
from perf.deploy.placed_clips import OneFile
from perf.deploy.queues import SqsQueue
from perf.deploy.servers import running_servers
from perf.deploy.strikes.breakable import Breakable
from perf.deploy.strikes.proxied import proxy_strikes
from perf.deploy.strikes.workers import worker_strikes
from perf.pipeline import Candidate

SCHEMA = Path(__file__).with_name("schema.sql")
WORKER = ("-m", "celery", "-A", "measured", "worker", "--loglevel=WARNING",
          "--without-gossip", "--without-mingle", "--without-heartbeat")  # fmt: skip
#: How long SQS hides a message: a killed worker's task comes back after it. Far longer than a task takes.
HIDDEN_S = "10"


@dataclass
class Place:
    """What all deployments here have in common."""

    env: dict[str, str]
    folder: Path
    engine: Engine
    picture: Path
    sqs: Any

    def pipeline(self) -> ThumbnailPipeline:
        """The service on a new queue."""
        name, hides = f"thumbnails-{secrets.token_hex(3)}", {"VisibilityTimeout": HIDDEN_S}
        url = self.sqs.create_queue(QueueName=name, Attributes=hides)["QueueUrl"]
        return ThumbnailPipeline(self.engine, name, url)

    def fleet(self, pipeline: ThumbnailPipeline, candidate: Candidate = HERE, **more: str) -> LocalFleet:
        """Its workers; *more* of the environment is for them alone."""
        logs = self.folder / pipeline.queue
        logs.mkdir()
        env = {**self.env, "QUEUE": pipeline.queue, "QUEUE_URL": pipeline.queue_url, **more}
        return LocalFleet(env, logs, pipeline, WORKER, candidate)

    def deployment(self, pipeline: ThumbnailPipeline, fleet: LocalFleet) -> Deployment:
        """All of it."""
        return Deployment(
            pipeline=pipeline,
            queue=SqsQueue(self.sqs, pipeline.queue),
            control=fleet,
            clips=OneFile(self.picture),
            waits=Waits(workers_s=30, queue_s=20),
            description={"pipeline": "thumbnails", "broker": "SQS, by moto on this machine"},
            is_here=True,
            sides=self.side,
        )

    def side(self, candidate: Candidate) -> AbstractContextManager[Deployment]:
        """For --against: the same with the workers of this candidate."""
        pipeline = self.pipeline()
        return closing(self.deployment(pipeline, self.fleet(pipeline, candidate)))

    @contextmanager
    def struck(self) -> Iterator[Breakable]:
        """A bad day: the same with a fault proxy between the workers and SQS."""
        pipeline = self.pipeline()
        pipeline.ask(NOTE_ENDINGS)
        proxy = FaultProxy("sqs", self.env["AWS_ENDPOINT_URL_SQS"], self.folder)
        fleet = self.fleet(pipeline, AWS_ENDPOINT_URL_SQS=proxy.url)
        strikes = {**worker_strikes(fleet, pipeline.is_busy), **proxy_strikes(proxy)}
        with proxy, closing(self.deployment(pipeline, fleet)) as deployment:
            yield Breakable(deployment, strikes, pipeline.fates)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """PostgreSQL, the SQS protocol and workers of our own on this machine, gone at the end."""
    with ExitStack() as stack:
        stack.enter_context(only_measured_run())
        servers = stack.enter_context(running_servers({}, folder))
        env = isolated_environment(os.environ, sqs_url=servers.sqs.url, s3_url=servers.s3.url)
        env["DATABASE"] = servers.postgres.create_database("thumbnails").replace("://", "+psycopg2://")
        stack.enter_context(applied(env))
        engine = create_engine(env["DATABASE"], isolation_level="AUTOCOMMIT")
        stack.callback(engine.dispose)
        picture = folder / "picture.png"
        Image.effect_noise((1200, 900), 40).save(picture)
        place = Place(env, folder, engine, picture, boto3.client("sqs", region_name=env["AWS_REGION"]))
        pipeline = place.pipeline()
        for tables in (SCHEMA.read_text(), REPORTS):
            pipeline.ask(tables)
        deployment = stack.enter_context(closing(place.deployment(pipeline, place.fleet(pipeline))))
        deployment.breaking = cache(lambda: stack.enter_context(place.struck()))
        yield deployment
