# ruff: noqa: T201
"""A million tasks through all that follows a measurement: metrics, checks, intervals, files, report.

    python -m tests.perf.million [1000000] > tests/perf/data/million.txt

One burst case of the kind of sample_run.py, its tasks through four workers. The seconds of each step, and the
most memory that the process had. What is written must tell of all of them, in a size that a browser opens.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from perf.cases.worker import Mode
from perf.judge.check import problems
from perf.judge.evidence import TaskEvidence
from perf.judge.run_checks import RUN_CHECKS
from perf.judge.task_checks import TASK_CHECKS
from perf.measure.ideal import Ideal
from perf.measure.intervals import intervals
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.report.regenerate import make_report
from perf.run.kinds import KINDS
from perf.run.worker import WORKER
from perf.store.folder import RunFolder
from tests.perf.sample_run import BEGAN, MACHINE, tasks, worker_case

SERVERS = 4


@contextmanager
def step(name: str) -> Iterator[None]:
    """Tell how long the block takes."""
    begin_s = time.monotonic()
    yield
    print(f"{name:40} {time.monotonic() - begin_s:7.2f} s", flush=True)


def main() -> None:
    """See above."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    small = worker_case(50, SERVERS, Mode.BURST, service_s=0.3, zero_s=BEGAN.timestamp())
    case = replace(small.case, count=count)
    ideal = Ideal(200.0 * SERVERS, (0.29, 0.3, 0.31), SERVERS)
    with step(f"made: {count:,} records"):
        records = tasks(count, SERVERS, 0.3, 0.0, BEGAN.timestamp())
    with step("the ledger"):
        ledger = Ledger.of(records)
    with step("metrics"):
        summary = summarise(ledger, concurrency=SERVERS, mode=Mode.BURST, ideal=ideal)
    with step("checks"):
        found = problems((*TASK_CHECKS, *RUN_CHECKS), TaskEvidence(ledger, summary))
    with step("intervals"):
        spread = intervals(ledger, summary, concurrency=SERVERS, mode=Mode.BURST, ideal=ideal)
    result = replace(small, case=case, summary=summary, intervals=spread, ledger=ledger, ideal=ideal)
    with tempfile.TemporaryDirectory(prefix="million-") as folder:
        run = RunFolder.create(Path(folder) / "results" / "2026-11-23T10-00-00Z", MACHINE)
        with step("files of the case"):
            run.write(WORKER, result)
        with step("report"):
            made = make_report(run.path, Path(folder) / "cache", kinds=KINDS, say=lambda _: None)
        document = json.loads((run.path / f"case_{case.id}.json").read_text())
        assert document["summary"]["done"] == count
        sizes = {path.name: path.stat().st_size for path in (made.html, *run.path.glob("case_*.json"))}
    print(f"checks that found something: {len(found)}, of {len(TASK_CHECKS) + len(RUN_CHECKS)}")
    print("written:", ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in sizes.items()))
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
