"""A case that does not end as it should, and a run that is interrupted: no more is left than was there."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select, text

from app.model import Video
from fixtures.api import is_healthy
from fixtures.deployment import Deployment, local_deployment
from fixtures.pipeline import Servers
from fixtures.postgres import PostgresServer
from fixtures.queues import depth
from fixtures.workers import live_workers
from perf.judge.slos import SloBook, load_slos
from perf.judge.verdict import Kind
from perf.load.completion import Progress
from perf.matrix import Case, Mode, Variant
from perf.report.progress import LiveLine
from perf.run import Measured, Runner
from tests.fixtures.observe import marked
from tests.fixtures.suite import SLOS, SuiteRun, database_url
from tests.fixtures.tolerant import TOLERANT
from tests.worker.rig import eventually

BURST = Case(Variant.MOCKED, 50, 1, Mode.BURST, count=3)


class Watching(LiveLine):
    """Calls *then* with each look, whatever is shown."""

    def __init__(self) -> None:
        super().__init__(lambda _: None, "case")
        self.then = lambda progress: None

    def show(self, progress: Progress) -> None:
        self.then(progress)


@pytest.fixture(scope="module")
def deployment(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    with local_deployment(Variant.MOCKED, servers, os.environ, folder) as deployment:
        yield deployment


@pytest.fixture
def book(tmp_path: Path) -> SloBook:
    (tmp_path / "slos.toml").write_text(SLOS + SLOS.replace("burst", "sustained"))
    return load_slos(tmp_path / "slos.toml")


def rows(deployment: Deployment) -> int:
    with deployment.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(Video)) or 0


def test_an_undrained_case_fails_and_the_next_one_starts_clean(
    deployment: Deployment, book: SloBook, tmp_path: Path
) -> None:
    watching = Watching()
    (worker,) = deployment.prepare(concurrency=1)
    measured = Measured(warm={worker.id})  # it is to freeze in the case, not in its warm-up
    runner = Runner(deployment, book, tmp_path, watching, measured, drain_deadline_s=5.0, limits=TOLERANT)

    deployment.workers._process._stop_deadline_s = 1  # type: ignore[attr-defined]  # it will not hear

    def freeze(progress: Progress) -> None:
        if progress.done:
            os.killpg(worker.pid, signal.SIGSTOP)

    watching.then = freeze
    stuck = runner.run(BURST)
    watching.then = lambda _: None
    assert stuck.verdict.kind is Kind.FAIL
    assert "FAIL outstanding == 0: measured " in stuck.verdict.message()
    assert stuck.summary.done + (stuck.summary.outstanding or 0) == 3
    assert stuck.summary.done
    assert not runner.measured.capacities_per_min  # of such a burst nothing is built on
    assert rows(deployment) == 0
    assert not _alive(worker.pid)
    assert not live_workers(deployment.engine, deployment.settings.sqs_queue_name)  # though killed

    runner.drain_deadline_s = 120
    clean = runner.run(BURST)
    assert clean.verdict.kind is Kind.PASS, clean.verdict.message()
    assert (clean.summary.total, clean.summary.done, clean.summary.lost) == (3, 3, 0)
    assert clean.ledger.deliveries.tolist() == [1, 1, 1]
    assert clean.facts["workers"][0]["pid"] != worker.pid
    assert (rows(deployment), depth(deployment.sqs, deployment.queue_url)) == (0, 0)
    assert not list(_results(deployment))

    _sustained_case_builds_on_the_burst(runner)
    assert is_healthy(deployment.api_url)  # as long as the deployment lasts


def _sustained_case_builds_on_the_burst(runner: Runner) -> None:
    """At half the capacity that the burst has just measured, and on the same worker."""
    capacity_per_min = runner.measured.capacities_per_min[Variant.MOCKED, BURST.cell]
    case = Case(Variant.MOCKED, 50, 1, Mode.SUSTAINED, count=2, utilisation=0.5)
    result = runner.run(case)
    assert result.summary.done == 2
    assert result.facts["rate_per_min"] == 0.5 * capacity_per_min
    assert result.facts["rate_source"].endswith("from the burst case")
    first_s, second_s = result.ledger.scheduled_s
    assert abs((second_s - first_s) - 60 / (0.5 * capacity_per_min)) < 1e-3


def _results(deployment: Deployment) -> list[str]:
    """The processed objects that are there."""
    settings = deployment.settings
    client = deployment.storage._client  # type: ignore[attr-defined]
    answer = client.list_objects_v2(Bucket=settings.aws_s3_bucket, Prefix=settings.s3_processed_prefix)
    return [each["Key"] for each in answer.get("Contents", [])]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_leaves_nothing_but_what_was_sent(postgres: PostgresServer, tmp_path: Path) -> None:
    before = databases(postgres)
    run = SuiteRun(tmp_path, postgres, "--count=200")

    def sending() -> bool:
        return any(log.read_text() for log in run.files("worker_tasks_mocked-50MB-c1-burst.log"))

    ended = run.interrupt_when(sending)
    assert ended.code == pytest.ExitCode.INTERRUPTED, ended.output
    assert "KeyboardInterrupt" in ended.output
    (log,) = run.files("worker_tasks_mocked-50MB-c1-burst.log")
    sent = [json.loads(line) for line in log.read_text().splitlines()]
    assert sent
    assert all(task["sent_s"] >= task["scheduled_s"] for task in sent)
    eventually(lambda: not marked(run.mark), "no process of the run is left")
    assert databases(postgres) == before  # its rows went with its database
    assert not list(tmp_path.glob("video-perf-*/"))
    assert not list(tmp_path.glob("pymp-*"))


def databases(postgres: PostgresServer) -> set[str]:
    engine = create_engine(database_url(postgres).replace("postgresql://", "postgresql+psycopg2://"))
    with engine.connect() as connection:
        names = set(connection.scalars(text("select datname from pg_database")))
    engine.dispose()
    return names
