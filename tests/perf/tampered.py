"""Real workers with one thing changed, on a real deployment: what each is found by, and that none is a PASS.

Two to seven minutes, so it is not collected by itself: `pytest tests/perf/tampered.py`.

How busy the machine is is no subject here: what it alone would make INVALID is tolerated, so that the verdict
is that of the worker. Limits are counts, and one ratio from which each tampering is far on either side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

import pytest

from fixtures.video_deployments import local_deployment
from fixtures.video_pipeline import VideoPipeline
from perf.cases.case import Variant
from perf.cases.defaults import DEFAULTS
from perf.cases.worker import Mode, WorkerCase
from perf.deploy.local_fleet import LocalFleet
from perf.deploy.servers import Servers
from perf.judge.evidence import Tolerances
from perf.judge.slos import SloBook, load_slos
from perf.judge.verdict import VerdictKind
from perf.observe.calibration import calibrate
from perf.observe.machine import PARTS
from perf.pipeline import Deployment
from perf.run.context import Context, References
from perf.run.kinds import KINDS
from perf.run.worker import WORKER
from perf.run.worker_result import WorkerResult
from tests.perf.tampered_worker import IDLE_S, TAMPERED
from tests.perf.test_run import Watching

MODULE = "tests.perf.tampered_worker"
SIZE_MB = 50
#: Bare runs that would fit between two tasks of a load that leaves one process most of its time.
SPACED = 4
BURST = WorkerCase(Variant.MOCKED, SIZE_MB, 2, Mode.BURST, count=8)
SLOS = """
[mocked.worker]
slos = ["lost == 0", "unsent == 0", "failed == 0", "outstanding == 0", "duplicates == 0", "retries == 0"]
[mocked.sustained]
slos = ["response_p50_vs_ideal <= 2"]
"""
#: Of the machine: as it is. Of the work: as ever.
MACHINE_AS_IT_IS = Tolerances(
    other_cores=inf, effect_share=inf, bare_change=inf, steal_share=inf, pressure_share=inf,
    disk_wait_share=inf, throttled_share=inf, swapped_in_mb=inf, gap_s=inf, lag_gaps=inf, lag_share=inf,
)  # fmt: skip


@dataclass
class Rig:
    """One deployment, whose worker is another for each case.

    Attributes:
        deployment: the whole pipeline.
        env: its workers' environment.
        pipeline: its port.
        book: what every case is judged by.
        folder: where logs go.
    """

    deployment: Deployment
    env: Mapping[str, str]
    pipeline: VideoPipeline
    book: SloBook
    folder: Path
    references: References = field(default_factory=References)

    def run(self, name: str, case: WorkerCase = BURST, **env: str) -> WorkerResult:
        """The case with this worker, which is gone afterwards, with whatever it has left in the queue."""
        env = {**self.env, **env, TAMPERED: name}
        fleet = LocalFleet(env, self.folder, self.pipeline, ("-m", MODULE))
        self.deployment.control = fleet  # type: ignore[attr-defined]
        # What the bare command takes alone is the same for all; what a worker can do is its own.
        references = References(alone=self.references.alone)
        context = Context(
            self.deployment, self.book, self.folder, Watching(), references, 60.0, MACHINE_AS_IT_IS
        )
        try:
            return WORKER.run(case, context)
        finally:
            for node in fleet.nodes.values():
                node.kill()  # it has nothing left to do, and takes its time
            fleet.stop()
            if self.deployment.queued():
                self.pipeline.queue.purge()  # which is allowed once a minute

    def bare_service_s(self) -> float:
        """What the work takes now, with nothing around it."""
        clip = self.deployment.clip(SIZE_MB).path
        return max(calibrate(self.pipeline, clip, 1, 2).service_s)


@pytest.fixture(scope="module")
def rig(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("tampered")
    (folder / "slos.toml").write_text(SLOS)
    with (
        pytest.MonkeyPatch.context() as patch,
        local_deployment(Variant.MOCKED, servers, os.environ, folder) as deployment,
    ):
        patch.setitem(PARTS, MODULE, "worker")  # else nobody knows whose processor time that is
        patch.setitem(DEFAULTS, Variant.MOCKED, replace(DEFAULTS[Variant.MOCKED], calibration_rounds=1))
        honest, pipeline = deployment.control, deployment.pipeline
        assert isinstance(honest, LocalFleet)
        assert isinstance(pipeline, VideoPipeline)
        yield Rig(deployment, honest._env, pipeline, load_slos(folder / "slos.toml", KINDS), folder)


def sustained(count: int, concurrency: int, rate_per_min: float) -> WorkerCase:
    return replace(
        BURST, mode=Mode.SUSTAINED, count=count, concurrency=concurrency, rate_per_min=rate_per_min
    )


def found(result: WorkerResult) -> dict[str, str]:
    """What the checks say, by their names."""
    return {problem.check: problem.reason for problem in result.verdict.problems}


def assert_invalid(result: WorkerResult, said: Mapping[str, str]) -> None:
    """These checks, at least, have found what they are there for, and the message tells it."""
    assert result.verdict.kind is VerdictKind.INVALID, result.verdict.message()
    problems = found(result)
    for check, part in said.items():
        assert part in problems.get(check, ""), result.verdict.message()
        assert f"INVALID {problems[check]}" in result.verdict.message()


def assert_broken(result: WorkerResult, *lines: str) -> None:
    """These SLOs are broken, and that decides: nothing is the matter with the measurement."""
    message = result.verdict.message()
    assert result.verdict.kind is VerdictKind.FAIL, message
    assert all(f"FAIL {line}" in message for line in lines), message


def test_the_control_passes(rig: Rig) -> None:
    result = rig.run("nothing")
    assert result.verdict.kind is VerdictKind.PASS, result.verdict.message()
    assert (result.summary.done, result.summary.attempts) == (8, 8)


def test_the_sustained_control_passes(rig: Rig) -> None:
    result = rig.run("nothing", replace(_slow(rig), decide_s=30))
    assert result.verdict.kind is VerdictKind.PASS, result.verdict.message()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("uploads_the_original", {
            "results as large": " left results of ",
            "result as made": "duration 2.0 s",
            "not faster than the work": "it does not do the work",
            "processors did the work": "of processor time for each task",
        }),
        ("uploads_one_byte", {
            "results as large": " left results of 1 bytes, where the bare command makes ",
            "result as made": " is unreadable ",
        }),
        ("uploads_nothing", {"results are there": "8 tasks "}),
        ("done_before_the_work", {"not faster than the work": "or its instants are not those of it"}),
        ("started_late", {"not faster than the work": "or its instants are not those of it"}),
        ("without_the_cut", {
            "results as large": " left results of ",
            "result as made": "duration 2.0 s, picture 1280x720, video h264, where the bare command makes",
        }),
        ("with_another_preset", {"results as large": " left results of "}),
        ("one_process_of_two", {"all worked": "1 process(es) that nobody saw"}),
        ("one_takes_no_more", {"all worked": "while tasks waited: node1/"}),
    ],
)  # fmt: skip
def test_a_burst_that_cannot_be_trusted(rig: Rig, name: str, said: Mapping[str, str]) -> None:
    assert_invalid(rig.run(name), said)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("one_process_of_two", "1 process(es) that nobody saw"),
        ("one_takes_no_more", "while tasks waited: node1/"),
    ],
)
def test_a_process_that_does_nothing_for_a_sustained_load(rig: Rig, name: str, said: str) -> None:
    """More than one process can do: with both, and less than they can, it would be in vain to look."""
    case = sustained(12, 2, 1.8 * 60 / rig.bare_service_s())
    assert_invalid(rig.run(name, case), {"all worked": said})


def test_every_task_is_worked_on_twice(rig: Rig) -> None:
    assert_broken(rig.run("works_twice"), "duplicates == 0: measured 8", "retries == 0: measured 8")


@pytest.mark.parametrize("order", ["beside", "behind"])
def test_every_message_is_there_twice(rig: Rig, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    once: Callable[[Sequence[str]], Mapping[int, str]] = rig.pipeline.queue.send

    def twice(bodies: Sequence[str]) -> Mapping[int, str]:
        copies = [(body, body) for body in bodies] if order == "beside" else [tuple(bodies)] * 2
        for some in copies:
            assert not once(some)
        return {}

    monkeypatch.setattr(rig.pipeline.queue, "send", twice)
    result = rig.run("nothing")
    assert "FAIL duplicates == 0: measured " in result.verdict.message()
    # A copy that came while its task was worked on may be put back for longer than is waited for it.
    assert result.verdict.kind is VerdictKind.FAIL or found(result).keys() == {"empty queue"}
    assert (result.ledger.deliveries > 1).all()
    assert result.summary.retries == 0


def _slow(rig: Rig) -> WorkerCase:
    return sustained(8, 1, 60 / (SPACED * rig.bare_service_s()))


def test_idle_before_each_claim(rig: Rig) -> None:
    case = _slow(rig)
    assert case.rate_per_min
    idle_s = 1.5 * 60 / case.rate_per_min / SPACED
    result = rig.run("idles_before_each_claim", case, **{IDLE_S: str(idle_s)})
    assert "FAIL response_p50_vs_ideal <= 2: measured " in result.verdict.message()
    # Where it is longer than a task, it is also no mere hand-over.
    assert result.verdict.kind is VerdictKind.FAIL or found(result).keys() == {"all worked"}


def test_a_visibility_timeout_below_the_task(rig: Rig) -> None:
    result = rig.run("does_not_renew", WORKER_VISIBILITY_TIMEOUT_S="1")
    assert_invalid(result, {"visible until done": "the queue hides a message for 1 s, and a task took "})
