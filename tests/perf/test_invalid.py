"""The whole pipeline, disturbed on purpose: INVALID for the reason that it is, never PASS or FAIL."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.video_deployments import local_deployment
from perf.cases.case import Variant
from perf.cases.worker import Mode, WorkerCase
from perf.deploy.deployment import Deployment
from perf.deploy.postgres import PostgresServer
from perf.deploy.processes import ManagedProcess
from perf.deploy.servers import Servers
from perf.judge.evidence import Tolerances
from perf.judge.slos import SloBook, load_slos
from perf.judge.verdict import VerdictKind
from perf.observe.completion import Progress
from perf.plugin.summary import ONLY_INVALID
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.run.worker import WORKER
from tests.fixtures.suite import SLOS, SuiteRun
from tests.perf.test_run import Watching
from tests.worker.rig import eventually

BUSY = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
#: By a parent that ends at once: it is not one of this run's processes.
AWAY = f"""
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", {BUSY!r}], stdout=subprocess.DEVNULL).pid)
"""


@pytest.fixture(scope="module")
def deployment(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with local_deployment(Variant.MOCKED, servers, os.environ, tmp_path_factory.mktemp("d")) as deployment:
        yield deployment


@pytest.fixture
def book(tmp_path: Path) -> SloBook:
    (tmp_path / "slos.toml").write_text(SLOS)
    return load_slos(tmp_path / "slos.toml", KINDS)


@pytest.fixture
def busy_core() -> Iterator[None]:
    """One core kept busy by a process that is not part of the run."""
    done = subprocess.run(
        [sys.executable, "-c", AWAY], stdout=subprocess.PIPE, text=True, check=True, start_new_session=True
    )
    yield
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(done.stdout), signal.SIGKILL)


@pytest.mark.usefixtures("busy_core")
def test_a_core_kept_busy_by_another_process(deployment: Deployment, book: SloBook, tmp_path: Path) -> None:
    case = WorkerCase(Variant.MOCKED, 50, 1, Mode.BURST, count=8)
    # Load that the case and its bare runs have alike moves no ratio: what is asked for is a limit of its own.
    quarter = Tolerances(other_cores=0.25)
    result = WORKER.run(case, Context(deployment, book, tmp_path, Watching(), tolerances=quarter))
    assert result.verdict.kind is VerdictKind.INVALID
    message = result.verdict.message()
    assert "INVALID other load: processes that are not part of the run kept " in message
    assert "end them and run again" in message
    assert result.machine_use is not None
    assert result.machine_use.other_cores > 0.4


def test_a_second_worker_on_the_queue(deployment: Deployment, book: SloBook, tmp_path: Path) -> None:
    watching = Watching()
    other = ManagedProcess(
        "another worker",
        [sys.executable, "-m", "worker", "--concurrency", "1"],
        env=deployment.control._env,  # type: ignore[attr-defined]
        log=tmp_path / "other.txt",
        ready=lambda: len(deployment.pipeline.workers()) == 2,
    )

    def join(progress: Progress) -> None:
        if progress.total > 1 and not other.alive:  # in the case, not in its warm-up
            other.start()

    watching.then = join
    context = Context(deployment, book, tmp_path, watching, tolerances=Tolerances(other_cores=math.inf))
    case = WorkerCase(Variant.MOCKED, 50, 1, Mode.BURST, count=30)
    try:
        result = WORKER.run(case, context)
    finally:
        other.stop()
    assert result.verdict.kind is VerdictKind.INVALID
    reasons = [problem.reason for problem in result.verdict.problems]
    assert any(f"/{other.pid} reported itself during the case" in reason for reason in reasons), reasons
    assert any("in service at once where the concurrency is 1" in reason for reason in reasons), reasons


def test_an_injector_that_was_stopped(postgres: PostgresServer, tmp_path: Path) -> None:
    slos = tmp_path / "sustained.toml"
    slos.write_text(SLOS.replace("burst", "sustained"))
    strict = ("-p", "no:tests.fixtures.tolerant", "--max-other-load=99")
    run = SuiteRun(tmp_path, postgres, "--count=12", "--modes=sustained", f"--slos={slos}", *strict)

    def some_sent() -> bool:
        logs = run.files("worker_tasks_mocked-50MB-c1-sustained.log")
        return any(len(log.read_text().splitlines()) >= 2 for log in logs)

    try:
        eventually(some_sent, "the case has begun", 60)
        run._process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        run._process.send_signal(signal.SIGCONT)
    finally:
        ended = run.end()
    assert ended.code == ONLY_INVALID, ended.output
    assert "INVALID the injector was late by up to " in ended.output
    assert "INVALID the suite itself stood still for " in ended.output
    assert "verdicts: 0 PASS, 0 FAIL, 1 INVALID" in ended.output
