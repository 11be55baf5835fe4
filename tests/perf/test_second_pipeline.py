"""A pipeline that is not ours, measured through the port: burst, sustained, verdict, ledger, report."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app.aws import sqs_client
from perf.cases.case import Variant
from perf.cases.worker import Mode, WorkerCase
from perf.deploy.deployment import Deployment, Waits
from perf.deploy.loopback import applied, isolated_environment
from perf.deploy.processes import ManagedProcess
from perf.deploy.queues import SqsQueue
from perf.deploy.servers import Servers
from perf.judge.slos import parse_slos
from perf.observe.environment import describe_machine
from perf.pipeline import Clip
from perf.report.regenerate import make_report
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.run.worker import WORKER
from perf.store.folder import RunFolder
from tests.perf import second_pipeline

#: Counts alone: they do not depend on what else the machine does.
SLOS = '[all.worker]\nslos = ["lost == 0", "failed == 0", "outstanding == 0", "throughput_per_min >= 1"]\n'
ROOT = Path(__file__).parents[2]


class Silent:
    def phase(self, name):
        return nullcontext()

    def note(self, text):
        pass

    def show(self, progress):
        pass


@dataclass
class OneFile:
    """See perf.deploy.placed_clips.Clips: one small file, whatever the size asked for."""

    path: Path

    def clip(self, size_mb: int) -> Clip:
        return Clip(self.path, str(self.path), "64 kB of zeros", self.path.stat().st_size, stand_in=True)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


@contextmanager
def deployed(servers: Servers, folder: Path) -> Iterator[Deployment]:
    env = isolated_environment({"PATH": "/usr/bin"}, sqs_url=servers.sqs.url, s3_url=servers.s3.url)
    name = f"hasher-{folder.name}"
    url = servers.postgres.create_database(name).replace("postgresql://", "postgresql+psycopg2://")
    with applied(env):
        queue = SqsQueue(sqs_client("us-east-1"), name)
        queue_url = queue.client.create_queue(QueueName=name)["QueueUrl"]
        env |= {"HASHER_DB": url, "HASHER_QUEUE": name, "HASHER_QUEUE_URL": queue_url}
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(second_pipeline.TABLES))
        engine.dispose()
        pipeline = second_pipeline.HashPipeline(env)

        def start(hands: int) -> ManagedProcess:
            return ManagedProcess(
                "the hasher",
                [sys.executable, "-m", "tests.perf.second_pipeline", str(hands)],
                env=env,
                log=folder / "hasher.txt",
                ready=lambda: bool(pipeline.workers()),
            )

        clip = folder / "clip"
        clip.write_bytes(bytes(1 << 16))
        control = second_pipeline.HashFleet(pipeline, start)
        with closing(
            Deployment(
                pipeline=pipeline,
                queue=queue,
                control=control,
                clips=OneFile(clip),
                waits=Waits(30, 5),
                description={"pipeline": "hasher"},
                is_here=True,
            )
        ) as deployment:
            yield deployment
    pipeline.engine.dispose()
    servers.postgres.drop_database(name)


@pytest.mark.timeout(180)
def test_a_second_pipeline_is_measured(servers: Servers, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "2026-11-25T00-00-00Z", describe_machine())
    book = parse_slos(SLOS, "slos", KINDS)
    results = {}
    with deployed(servers, tmp_path) as deployment:
        context = Context(deployment, book, run.path, Silent())
        for mode in Mode:
            case = WorkerCase(Variant.MOCKED, 50, 2, mode, 8)
            result = WORKER.run(case, context)
            run.write(WORKER, result)
            results[mode] = result
        assert deployment.queued() == 0
    for result in results.values():
        kinds = {problem.check for problem in result.verdict.problems}
        # A busy machine, and eight tasks are few.
        busy = {"machine was ours", "ratio stood", "injector on time", "decided"}
        assert kinds <= busy, result.verdict.message()
        assert all(each.passed for each in result.verdict.results), result.verdict.message()
        assert result.summary.done == 8
        assert set(result.ledger.status) == {"done"}
        assert (result.ledger.finished_s > result.ledger.started_s).all()
        assert result.ideal is not None
    assert "from the burst case" in results[Mode.SUSTAINED].facts.rate_source
    assert 0.05 < results[Mode.BURST].summary.efficiency < 2
    made = make_report(run.path, tmp_path / "no-allure", kinds=KINDS, say=lambda _: None)
    page = made.html.read_text()
    assert "mocked-50MB-c2-burst" in page
    assert "mocked-50MB-c2-sustained" in page


def test_pipeline_and_port_are_short():
    lines = (ROOT / "tests" / "perf" / "second_pipeline.py").read_text().splitlines()
    assert len(lines) <= 150
