"""A whole run as it lies in its folder, and runs before it.

Cases that pass, one that fails, one that is invalid, one that broke, and the web tier's knee.
`python -m tests.perf.sample_run FOLDER [RUNS]` writes them, to look at.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from perf.errors import HarnessError
from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.matrix import Case, Mode, Variant
from perf.measure.ideal import Ideal
from perf.measure.intervals import intervals
from perf.measure.ledger import Ledger, TaskRecord
from perf.measure.metrics import summarise
from perf.measure.validity import Problem
from perf.measure.web import Second
from perf.measure.web_summary import WEB_METRICS, WebSummary
from perf.report.artifacts import RunFolder, csv_text, write_broken
from perf.report.web_artifacts import FORMAT
from perf.run import CaseResult
from perf.web_matrix import WebAxes, WebMode, web_cases
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
    "other load: processes kept 1.13 of 2 processors busy (allowed: 0.25)", "end them and run again"
)


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
) -> CaseResult:
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
    case = Case(Variant.MOCKED, size_mb, concurrency, mode, count)
    names = ("deploy", "calibrate", "inject", "drain", "judge")
    phases = [
        {"name": n, "begin_s": zero_s - 4 + 2 * i, "end_s": zero_s - 2 + 2 * i} for i, n in enumerate(names)
    ]
    facts = {
        "clip": {"is": "1.0 MB, 1 s, 1280x720@24", "stand_in": True},
        "rate_per_min": rate if gap_s else None,
        "rate_source": f"0.7 of {rate / 0.7:.1f}/min, from the burst case" if gap_s else "all at once",
        "workers": [{"host": "ci-7", "pid": 99, "concurrency": concurrency}],
        "phases": phases,
    }
    return CaseResult(case, ledger, summary, verdict, ideal, spread, None, facts)


def write_knee(folder: Path) -> str:
    """A web case whose search found its knee, as its artifacts; its id."""
    case = next(each for each in web_cases(Variant.MOCKED, WebAxes()) if each.mode is WebMode.KNEE)
    values: dict[str, Any] = {
        name: 0 if metric.unit == "count" else None for name, metric in WEB_METRICS.items()
    }
    values |= {"due": 600, "sent": 600, "answered": 600, "offered_per_s": 60.0, "throughput_per_s": 59.6}
    values |= {"error_ratio": 0.0, "response_p50_s": 0.041, "response_p95_s": 0.18}
    values |= {"knee_per_s": 76.1, "knee_broken_per_s": 82.0}
    summary = WebSummary(**values)
    verdict = judge(
        summary,
        [Slo("response_p95_s", "<=", 1.0, "slos.toml:90"), Slo("knee_per_s", ">=", 1, "slos.toml:95")],
        (),
    )
    rates = (16.0, 32.0, 64.0, 128.0, 90.5, 76.1, 82.0)
    steps = [_step(rate) for rate in rates]
    document = {
        "format": FORMAT,
        "id": case.id,
        "case": asdict(case),
        "verdict": asdict(verdict),
        "summary": asdict(summary),
        "load": {"run_s": 10.0, "rate_per_s": 60.0},
        "steps": steps,
        "facts": {"load_source": "0.8 of the knee", "clip": {"is": "50 MB"}},
        "machine": MACHINE,
    }
    (folder / f"case_{case.id}.json").write_text(json.dumps(document, default=str))
    seconds = [Second(s, 60, 59 + s % 2, 0, 0, 2 + s % 3, 0.04, 0.15 + 0.01 * (s % 4)) for s in range(10)]
    rows: list[Any] = [tuple(Second.__slots__), *(tuple(asdict(each).values()) for each in seconds)]
    (folder / f"seconds_{case.id}.csv").write_text(csv_text(rows))
    users = [("Timestamp", "User Count"), *((s, 2 * s) for s in range(10))]
    (folder / f"{case.id}_stats_history.csv").write_text(csv_text(users))
    return case.id


def _step(rate_per_s: float) -> dict[str, Any]:
    held = rate_per_s < 80
    return {
        "rate_per_s": rate_per_s,
        "broken": "" if held else "p95 over its SLO",
        "throughput_per_s": min(rate_per_s, 79.0),
        "response_p50_s": 0.03 + rate_per_s / 3000,
        "response_p95_s": 0.1 if held else 1.4,
    }


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
                folder.write(worker_case(size_mb, concurrency, mode, service_s=service_s, zero_s=zero_s,
                                         problems=(FAULT,) if invalid else ()))  # fmt: skip
    if full:
        write_knee(folder.path)
        case = Case(Variant.MOCKED, 200, 1, Mode.BURST, 60)
        error = HarnessError("tried to read the ledger; the database closed the connection; look at its log")
        phases = [{"name": "deploy", "begin_s": zero_s, "end_s": zero_s + 2}]
        write_broken(folder.path, case, error, phases, MACHINE)
    return folder.path


if __name__ == "__main__":
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    for hours in range(runs - 1, -1, -1):
        write_run(Path(sys.argv[1]), hours, full=hours == 0)
