"""A case that does not end as it should, and a run that is interrupted: no more is left than was there."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select, text

from app.model import Video
from fixtures.api import is_healthy
from fixtures.video_deployments import local_deployment
from fixtures.video_pipeline import VideoPipeline
from perf.cases.case import Variant
from perf.cases.worker import Mode, WorkerCase
from perf.deploy.deployment import Deployment
from perf.deploy.postgres import PostgresServer
from perf.deploy.servers import Servers
from perf.judge.slos import SloBook, load_slos
from perf.judge.verdict import VerdictKind
from perf.judge.work_checks import TOO_FAST
from perf.observe.completion import Progress
from perf.pipeline import Fleet
from perf.report.progress import LiveLine, Screen
from perf.run.ceiling import Ceiling, CeilingError
from perf.run.context import Context, References
from perf.run.kinds import KINDS
from perf.run.worker import WORKER
from tests.fixtures.observe import marked
from tests.fixtures.suite import SLOS, SuiteRun, database_url
from tests.fixtures.tolerant import TOLERANT
from tests.worker.rig import eventually

BURST = WorkerCase(Variant.MOCKED, 50, 1, Mode.BURST, count=3)


class Watching(LiveLine):
    """Calls *then* with each look, whatever is shown."""

    def __init__(self) -> None:
        super().__init__(Screen(lambda _: None, lambda: 80), "case")
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
    return load_slos(tmp_path / "slos.toml", KINDS)


def rows(deployment: Deployment) -> int:
    pipeline: VideoPipeline = deployment.pipeline  # type: ignore[assignment]
    with pipeline.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(Video)) or 0


def test_an_undrained_case_fails_and_the_next_one_starts_clean(
    deployment: Deployment, book: SloBook, tmp_path: Path
) -> None:
    watching = Watching()
    (worker,) = deployment.prepare(Fleet(1, 1))
    references = References(warm={worker.id})  # it is to freeze in the case, not in its warm-up
    context = Context(deployment, book, tmp_path, watching, references, 5.0, TOLERANT)

    (node,) = deployment.control.nodes.values()  # type: ignore[attr-defined]
    node._stop_deadline_s = 1  # it will not hear

    def freeze(progress: Progress) -> None:
        if progress.done:
            os.killpg(worker.pid, signal.SIGSTOP)

    watching.then = freeze
    stuck = WORKER.run(BURST, context)
    watching.then = lambda _: None
    assert stuck.verdict.kind is VerdictKind.FAIL
    assert "FAIL outstanding == 0: measured " in stuck.verdict.message()
    assert stuck.summary.done + (stuck.summary.outstanding or 0) == 3
    assert stuck.summary.done
    assert not references.capacities_per_min  # of such a burst nothing is built on
    assert rows(deployment) == 0
    assert not _alive(worker.pid)
    assert not deployment.pipeline.workers()  # though killed

    context.drain_deadline_s = 120
    clean = WORKER.run(BURST, context)
    assert clean.verdict.kind is VerdictKind.PASS, clean.verdict.message()
    assert (clean.summary.total, clean.summary.done, clean.summary.lost) == (3, 3, 0)
    assert clean.ledger.deliveries.tolist() == [1, 1, 1]
    assert clean.facts.workers[0].pid != worker.pid
    assert (rows(deployment), deployment.queued()) == (0, 0)
    assert not list(_results(deployment))

    _sustained_case_builds_on_the_burst(context)
    assert deployment.web is not None
    assert is_healthy(deployment.web.url)  # as long as the deployment lasts


def _sustained_case_builds_on_the_burst(context: Context) -> None:
    """At half the capacity that the burst has just measured, and on the same worker."""
    capacity_per_min = context.references.capacities_per_min[Variant.MOCKED, BURST.cell]
    case = WorkerCase(Variant.MOCKED, 50, 1, Mode.SUSTAINED, count=2, utilisation=0.5)
    result = WORKER.run(case, context)
    assert result.summary.done == 2
    assert result.facts.rate_per_min is not None
    assert ", from the burst case" in result.facts.rate_source
    if "on a machine at" in result.facts.rate_source:  # it has become slower since
        assert result.facts.rate_per_min < 0.5 * capacity_per_min
    else:
        assert result.facts.rate_per_min == 0.5 * capacity_per_min
    first_s, second_s = result.ledger.scheduled_s
    assert abs((second_s - first_s) - 60 / result.facts.rate_per_min) < 1e-3


def test_two_nodes_share_the_work_under_names_of_their_own(
    deployment: Deployment, book: SloBook, tmp_path: Path
) -> None:
    context = Context(deployment, book, tmp_path, Watching(), tolerances=TOLERANT)
    found = WORKER.run(replace(BURST, count=6, nodes=2), context)
    # A machine that was slower while the bare command ran makes the work look too fast.
    assert {each.check for each in found.verdict.problems} <= {TOO_FAST}, found.verdict.message()
    assert all(each.passed for each in found.verdict.results)
    assert found.case.id == "mocked-50MB-c1-n2-burst"
    assert {worker.node for worker in found.facts.workers} == {"node1", "node2"}
    assert (found.summary.nodes_used, found.summary.done) == (2, 6)
    assert found.summary.node_share_least + found.summary.node_share_most == pytest.approx(1)
    assert found.ideal.concurrency == 2
    (table,) = WORKER.tables(found).values()
    assert [row[0] for row in table] == ["node", "node1", "node2"]


def test_a_ceiling_ends_the_injection_and_leaves_nothing(
    deployment: Deployment, book: SloBook, tmp_path: Path
) -> None:
    now_s, case = [0.0], replace(BURST, count=40)
    watching = Watching()
    context = Context(deployment, book, tmp_path, watching, tolerances=TOLERANT)
    context.ceiling = Ceiling(max_s=60, clock=lambda: now_s[0])
    context.ceiling.begin(None)

    def pass_time(progress: Progress) -> None:
        if progress.total == case.count and progress.done:
            now_s[0] = 60

    watching.then = pass_time
    with pytest.raises(CeilingError, match="--max-minutes 1, and was ended"):
        WORKER.run(case, context)
    assert rows(deployment) == 0
    assert not deployment.pipeline.workers()  # it would go on with what was sent
    assert not list(tmp_path.glob("intent_*"))


def _results(deployment: Deployment) -> list[str]:
    """The processed objects that are there."""
    pipeline: VideoPipeline = deployment.pipeline  # type: ignore[assignment]
    settings = pipeline.settings
    client = pipeline.storage._client  # type: ignore[attr-defined]
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
    assert "mocked-50MB-c1-burst was cut short: the run was ended by Ctrl-C in its phase" in ended.output
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
