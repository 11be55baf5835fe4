# ruff: noqa: T201
"""What each fault does to the workers, over N repetitions of each fault case.

    python -m tests.perf.fault_table N RUNS.jsonl [--faults s3-away,...] [--minutes 60] [--lock FILE]
    python -m tests.perf.fault_table 0 RUNS.jsonl

A few cases make a run, a line in the file each; started again, it goes on from there. The table is printed in
the end, and lies beside the file as RUNS.txt. With --lock each run waits for that file's lock, where others
measure on the same machine.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from perf.cases.faults import CHOSEN, FAULTS, Fault
from perf.measure.numbers import number
from perf.report.aligned import aligned
from perf.report.fault_table import COLUMNS

ROOT = Path(__file__).parents[2]
DEADLINE_S = 150

Run = Mapping[str, Any]


def make(path: Path, faults: Sequence[Fault], given: argparse.Namespace) -> None:
    """Make the runs that the file lacks, a repetition of all faults before the next, until time is up."""
    end_s = time.monotonic() + 60 * given.minutes
    done = {(each["fault"], each["number"]) for each in read(path) if each["outcome"] != "BROKEN"}
    for number_ in range(1, given.times + 1):
        missing = [fault for fault in faults if (str(fault), number_) not in done]
        for start in range(0, len(missing), given.together):
            with _locked(given.lock):
                if time.monotonic() > end_s:
                    return
                for fault, made in run(missing[start : start + given.together]).items():
                    line = {"fault": str(fault), "number": number_, **made}
                    with path.open("a") as file:
                        file.write(json.dumps(line) + "\n")
                    print(f"{fault} {number_}: {made['outcome']} {made['message']}", flush=True)


@contextmanager
def _locked(lock: Path | None) -> Iterator[None]:
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(faults: Sequence[Fault]) -> dict[Fault, Run]:
    """These fault cases in a process of their own: what each came to, and its metrics."""
    with tempfile.TemporaryDirectory(prefix="fault-table-") as folder:
        argv = [sys.executable, "-m", "pytest", "-q", "perf/test_worker_faults.py"]
        argv += [f"--faults={','.join(faults)}", f"--results={folder}"]
        deadline_s = DEADLINE_S * len(faults)
        try:
            ended = subprocess.run(
                argv, cwd=ROOT, capture_output=True, text=True, timeout=deadline_s, check=False
            )
            said = (ended.stdout + ended.stderr).splitlines()[-3:]
        except subprocess.TimeoutExpired:
            said = [f"not over within {deadline_s} s"]
        return {fault: _read_run(Path(folder), fault, said) for fault in faults}


def _read_run(folder: Path, fault: Fault, said: Sequence[str]) -> Run:
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
    rows = [("fault", "runs", "pass", *counts, "back s", "most")]
    for fault in Fault:
        mine = [each for each in runs if each["fault"] == fault and each["summary"]]
        if not mine:
            continue
        sums = [sum(each["summary"][COLUMNS[name]] or 0 for each in mine) for name in counts]
        back = [each["summary"]["recovery_s"] for each in mine if each["summary"]["recovery_s"] is not None]
        seconds = (number(median(back)), number(max(back))) if back else ("-", "-")
        passed = sum(each["outcome"] == "PASS" for each in mine)
        rows.append((str(fault), str(len(mine)), str(passed), *map(str, sums), *seconds))
    yield from aligned(rows, left=(0,))
    yield ""
    yield "sent to again: tasks of all runs together. dead: dead-lettered; twice: ended more than once;"
    yield "again: attempts beyond a task's first."
    yield "back: seconds from the end of the outage until completions are on their course, median and most."
    for each in runs:
        if each["outcome"] in ("FAIL", "INVALID"):
            yield f"{each['fault']} {each['number']}: {each['outcome']} {each['message']}"
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
    parser.add_argument("--together", type=int, default=3, help="cases of one run (3)")
    given = parser.parse_args()
    make(given.runs, CHOSEN.parse(given.faults) or tuple(Fault), given)
    lines = list(table(read(given.runs)))
    given.runs.with_suffix(".txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
