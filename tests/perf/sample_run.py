"""A whole run as it lies in its folder, and runs before it.

Cases that pass, one that fails, one that is invalid, one that broke, and the web tier's knee.
`python -m tests.perf.sample_run FOLDER [RUNS]` writes them, to look at.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from perf.cases.case import Variant
from perf.cases.errors import HarnessError
from perf.cases.web import WebMode, web_cases
from perf.cases.worker import Mode, WorkerCase
from perf.judge.check import Problem
from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.load.locust_run import LoadSpec
from perf.measure.ideal import Ideal
from perf.measure.intervals import intervals
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.web import Second, Window
from perf.measure.web_summary import WebSummary
from perf.observe.seen import TaskRecord
from perf.pipeline import Clip, ReportedWorker
from perf.run.web import WEB, WebFacts, WebResult
from perf.run.web_load import STEP_METRICS, Step
from perf.run.worker import WORKER
from perf.run.worker_result import WorkerFacts, WorkerResult
from perf.store.folder import RunFolder
from perf.store.result import Phase
from tests.perf.tasks import task

BEGAN = datetime(2026, 11, 23, 10, tzinfo=UTC)
MACHINE = {
    "host": "ci-7",
    "system": "Linux",
    "cpus": 2,
    "git_commit": "0123456789abcdef",
    "packages": {"celery": "5.7.0"},
}
FAULT = Problem(
    "other load: processes kept 1.13 of 2 processors busy (allowed: 0.25)",
    "end them and run again",
    "machine was ours",
)
CLIP = Clip(Path("/clips/clip.mp4"), "clips/clip.mp4", "1.0 MB, 1 s, 1280x720@24", 2**20, stand_in=True)


def tasks(count: int, concurrency: int, service_s: float, gap_s: float, zero_s: float) -> list[TaskRecord]:
    """Tasks in the order they came through *concurrency* workers; one worker process is replaced midway."""
    free = [zero_s] * concurrency
    records = []
    for number in range(count):
        due = zero_s + number * gap_s
        child = min(range(concurrency), key=free.__getitem__)
        start = max(due, free[child]) + 0.05
        free[child] = start + service_s * (1 + 0.3 * ((number * 7) % 5 - 2) / 2)
        pid = 100 + child if number < count // 2 or child else 200
        records.append(task(f"t{number}", due, start, free[child], worker=f"ci-7/{child}/{pid}"))
    return records


def worker_case(
    size_mb: int,
    concurrency: int,
    mode: Mode,
    *,
    service_s: float,
    zero_s: float,
    problems: tuple[Problem, ...] = (),
) -> WorkerResult:
    """A case of 60 tasks of this service time, against an ideal of 0.3 s."""
    count, rate = 60, 60 / 0.3 * 0.7 * concurrency
    gap_s = 0.0 if mode is Mode.BURST else 60 / rate
    ledger = Ledger.of(tasks(count, concurrency, service_s, gap_s, zero_s))
    ideal = Ideal(200.0 * concurrency, (0.29, 0.3, 0.31), concurrency)
    summary = summarise(ledger, concurrency=concurrency, mode=mode, ideal=ideal)
    spread = intervals(ledger, summary, concurrency=concurrency, mode=mode, ideal=ideal)
    slos = [Slo("lost", "==", 0, "slos.toml:12"), Slo("failed", "==", 0, "slos.toml:14")]
    slos += [Slo("efficiency", ">=", 0.5, "slos.toml:16")] if mode is Mode.BURST else []
    slos += [Slo("response_p95_vs_ideal", "<=", 2, "slos.toml:17")] if mode is Mode.BURST else []
    verdict = judge(summary, slos, problems, spread)
    names = ("deploy", "calibrate", "inject", "drain", "judge")
    return WorkerResult(
        case=WorkerCase(Variant.MOCKED, size_mb, concurrency, mode, count),
        summary=summary,
        verdict=verdict,
        intervals=spread,
        phases=tuple(
            Phase(name, zero_s - 4 + 2 * place, zero_s - 2 + 2 * place) for place, name in enumerate(names)
        ),
        ideal=ideal,
        facts=WorkerFacts(
            deployment={"queue": "video-perf"},
            workers=(ReportedWorker("w", "ci-7", 99, concurrency),),
            clip=CLIP,
            rate_per_min=rate if gap_s else None,
            rate_source=f"0.7 of {rate / 0.7:.1f}/min, from the burst case" if gap_s else "all at once",
            clock_uncertainty_s=0.0004,
        ),
        ledger=ledger,
    )


def knee_result() -> WebResult:
    """A web case whose search found its knee."""
    (case,) = (each for each in web_cases(Variant.MOCKED, {}) if each.mode is WebMode.KNEE)
    summary = WebSummary.of(
        {name: 0 if metric.unit == "count" else None for name, metric in WebSummary.metrics().items()}
        | {"due": 600, "sent": 600, "answered": 600, "offered_per_s": 60.0, "throughput_per_s": 59.6}
        | {"error_ratio": 0.0, "response_p50_s": 0.041, "response_p95_s": 0.18}
        | {"knee_per_s": 76.1, "knee_broken_per_s": 82.0}
        | {f"{endpoint}_answered": 0 for endpoint in ("health", "upload", "status", "download")}
    )
    slos = [Slo("response_p95_s", "<=", 1.0, "slos.toml:90"), Slo("knee_per_s", ">=", 1, "slos.toml:95")]
    seconds = [Second(s, 60, 59 + s % 2, 0, 0, 2 + s % 3, 0.04, 0.15 + 0.01 * (s % 4)) for s in range(10)]
    seconds.append(Second(10, 0, 3, 0, 0, 0, None, None))  # the answers that were still to come
    return WebResult(
        case=case,
        summary=summary,
        verdict=judge(summary, slos, ()),
        load=LoadSpec(run_s=10.0, rate_per_s=60.0),
        window=Window(BEGAN.timestamp() + 0.5, BEGAN.timestamp() + 10),
        requests=f"{case.id}_requests",
        facts=WebFacts("0.8 of the knee", CLIP, "cores used: api 0.9", "cores used: api 1.4"),
        seconds=tuple(seconds),
        users=tuple(2 * second for second in range(10)),
        steps=tuple(_step(rate) for rate in (16.0, 32.0, 64.0, 128.0, 90.5, 76.1, 82.0)),
    )


def _step(rate_per_s: float) -> Step:
    held = rate_per_s < 80
    figures: dict[str, float | None] = dict.fromkeys(STEP_METRICS)
    figures |= {
        "throughput_per_s": min(rate_per_s, 79.0),
        "response_p50_s": 0.03 + rate_per_s / 3000,
        "response_p95_s": 0.1 if held else 1.4,
    }
    return Step(rate_per_s, "" if held else "p95 over its SLO", figures)


def write_run(results: Path, back: int = 0, *, full: bool = True) -> Path:
    """The run of *back* hours before the last one; 50MB-c2-burst got slow three runs ago."""
    began = BEGAN - timedelta(hours=back)
    folder = RunFolder.create(
        results / f"{began:%Y-%m-%dT%H-%M-%SZ}", MACHINE | {"git_commit": f"{back:010d}"}
    )
    zero_s = began.timestamp() + 10
    for size_mb, slower in ((50, 1.0), (100, 2.0)):
        for concurrency in (1, 2, 4):
            for mode in Mode:
                zero_s += 60
                slow = size_mb == 50 and concurrency == 2 and mode is Mode.BURST and back < 3
                invalid = size_mb == 100 and concurrency == 4 and mode is Mode.SUSTAINED and back == 0
                service_s = (0.9 if slow else 0.36 + 0.002 * (back % 5)) / slower
                problems = (FAULT,) if invalid else ()
                folder.write(WORKER, worker_case(size_mb, concurrency, mode, service_s=service_s,
                                                 zero_s=zero_s, problems=problems))  # fmt: skip
    if full:
        folder.write(WEB, knee_result())
        case = WorkerCase(Variant.MOCKED, 200, 1, Mode.BURST, 60)
        error = HarnessError("tried to read the ledger; the database closed the connection; look at its log")
        folder.write_broken(WORKER, case, error, [Phase("deploy", zero_s, zero_s + 2)])
    return folder.path


if __name__ == "__main__":
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    for hours in range(runs - 1, -1, -1):
        write_run(Path(sys.argv[1]), hours, full=hours == 0)
