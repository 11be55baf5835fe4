# ruff: noqa: T201
"""What each fault does to the workers, over N repetitions of each fault case.

    python -m tests.perf.fault_table N RUNS.jsonl [--faults s3-away,...] [--minutes 60] [--lock FILE]
    python -m tests.perf.fault_table N RUNS.jsonl --stock
    python -m tests.perf.fault_table 0 RUNS.jsonl

With --stock the same is done to a stock Celery worker with the same task, under a supervisor that starts it
again (tests/perf/stock_worker.py); in the table its row stands below that of ours.

A few cases make a run, a line in the file each; started again, it goes on from there. The table is printed in
the end, and lies beside the file as RUNS.txt. The faults of `tests.perf.smokes` can be added to that file.
With --lock each run waits for that file's lock, where others measure on the same machine.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from perf.cases.faults import CHOSEN, FAULTS, Fault
from perf.measure.numbers import number
from perf.report.aligned import aligned
from perf.report.fault_table import COLUMNS
from tests.perf.stock_worker import DEATHS, VISIBILITY_TIMEOUT_S

ROOT = Path(__file__).parents[2]
#: For each case. What a stock worker loses is waited for to the end.
DEADLINE_S, STOCK_DEADLINE_S = 150, 300
OURS, STOCK = "ours", "stock"

Run = Mapping[str, Any]


def make(path: Path, faults: Sequence[Fault], given: argparse.Namespace) -> None:
    """Make the runs that the file lacks, a repetition of all faults before the next, until time is up."""
    end_s = time.monotonic() + 60 * given.minutes
    worker, together = (STOCK, 1) if given.stock else (OURS, given.together)
    done = {(each["fault"], each["number"]) for each in _made(path, worker)}
    for number_ in range(1, given.times + 1):
        missing = [fault for fault in faults if (str(fault), number_) not in done]
        for start in range(0, len(missing), together):
            with locked(given.lock):
                if time.monotonic() > end_s:
                    return
                for fault, made in run(missing[start : start + together], worker).items():
                    _add(path, {"fault": str(fault), "number": number_, "worker": worker, **made})
                    print(f"{fault} {number_} {worker}: {made['outcome']} {made['message']}", flush=True)


def add_next(path: Path, fault: Fault, made: Run) -> None:
    """A run of ours that was made elsewhere, as the next repetition of its fault."""
    number_ = 1 + sum(each["fault"] == fault for each in _made(path, OURS))
    _add(path, {"fault": str(fault), "number": number_, "worker": OURS, **made})


def _made(path: Path, worker: str) -> list[Run]:
    return [each for each in read(path) if _worker(each) == worker and each["outcome"] != "BROKEN"]


def _add(path: Path, line: Run) -> None:
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


@contextmanager
def locked(lock: Path | None) -> Iterator[None]:
    """Hold the file's lock, if one is given."""
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _worker(run_: Run) -> str:
    return str(run_.get("worker", OURS))


def run(faults: Sequence[Fault], worker: str = OURS) -> dict[Fault, Run]:
    """These fault cases in a process of their own: what each came to, and its metrics."""
    with tempfile.TemporaryDirectory(prefix="fault-table-") as folder:
        deaths = Path(folder) / "deaths"
        argv = [sys.executable, "-m", "pytest", "-q", "perf/test_worker_faults.py"]
        argv += [f"--faults={','.join(faults)}", f"--results={folder}"]
        deadline_s = DEADLINE_S * len(faults)
        if worker == STOCK:
            argv += ["-p", "tests.perf.stock_worker"]
            deadline_s = STOCK_DEADLINE_S * len(faults)
        try:
            ended = subprocess.run(
                argv, cwd=ROOT, capture_output=True, text=True, timeout=deadline_s, check=False,
                env={**os.environ, DEATHS: str(deaths)},
            )  # fmt: skip
            said = (ended.stdout + ended.stderr).splitlines()[-3:]
        except subprocess.TimeoutExpired:
            said = [f"not over within {deadline_s} s"]
        died = len(deaths.read_text().split()) if deaths.exists() else 0
        more = {"deaths": died} if worker == STOCK else {}
        return {fault: {**read_run(Path(folder), fault, said), **more} for fault in faults}


def read_run(folder: Path, fault: Fault, said: Sequence[str]) -> Run:
    """What a fault case came to, by the results in this folder; by what was *said* where it left none."""
    for path in folder.glob(f"*/case_*-{fault}.json"):
        found = json.loads(path.read_text())
        verdict = found["verdict"]
        missed = [each["slo"]["metric"] for each in verdict["results"] if not each["passed"]]
        message = "; ".join([*(each["reason"] for each in verdict["problems"]), *missed])
        return {"outcome": verdict["kind"], "message": message, "summary": found["summary"]}
    broken = [json.loads(path.read_text())["error"] for path in folder.glob(f"*/broken_*-{fault}.json")]
    return {"outcome": "BROKEN", "message": "; ".join(broken or said), "summary": {}}


def read(path: Path) -> list[Run]:
    """The runs so far; a line that was cut short is none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def table(runs: Sequence[Run]) -> Iterator[str]:
    """The lines of it: sums over the repetitions; of the seconds to recover the median and the largest."""
    counts = [name for name in COLUMNS if name != "back s"]
    rows = [("fault", "worker", "runs", "pass", *counts, "deaths", "back s", "most")]
    for fault, worker in product(Fault, (OURS, STOCK)):
        ended = [each for each in runs if each["fault"] == fault and _worker(each) == worker]
        mine = [each for each in ended if each["summary"]]
        if not mine:
            continue
        sums = [sum(each["summary"][COLUMNS[name]] or 0 for each in mine) for name in counts]
        back = [each["summary"]["recovery_s"] for each in mine if each["summary"]["recovery_s"] is not None]
        seconds = (number(median(back)), number(max(back))) if back else ("-", "-")
        passed = sum(each["outcome"] == "PASS" for each in mine)
        deaths = "-" if worker == OURS else str(sum(each["deaths"] for each in mine))
        rows.append((str(fault), worker, str(len(mine)), str(passed), *map(str, sums), deaths, *seconds))
    yield from aligned(rows, left=(0, 1))
    yield ""
    beside = sum(each.get("busy", False) for each in runs)
    yield f"runs beside a process that kept one core busy: {beside} of {len(runs)}."
    yield "sent to again: tasks of all runs together. dead: dead-lettered; twice: ended more than once;"
    yield "again: attempts beyond a task's first; deaths: of workers, each started again."
    yield "stock: Celery and kombu as they come, acks_late, autoretry; same task. Its queue hides a message"
    yield f"for {VISIBILITY_TIMEOUT_S} s, and not for the 1800 s that kombu takes where it makes the queue."
    yield "back: seconds from the end of the outage until completions are on their course, median and most."
    for each in runs:
        if each["outcome"] in ("FAIL", "INVALID"):
            yield f"{each['fault']} {each['number']} {_worker(each)}: {each['outcome']} {each['message']}"
    yield ""
    yield from (f"{fault}: {striking.what}" for fault, striking in FAULTS.items())


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("times", type=int)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--faults", default="")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--lock", type=Path)
    parser.add_argument("--stock", action="store_true", help="of a stock Celery worker")
    parser.add_argument("--together", type=int, default=3, help="cases of one run (3)")
    given = parser.parse_args()
    make(given.runs, CHOSEN.parse(given.faults) or tuple(Fault), given)
    lines = list(table(read(given.runs)))
    given.runs.with_suffix(".txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
