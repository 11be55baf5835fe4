# ruff: noqa: T201
"""How often the mocked smoke fails though nothing is wrong: runs of one case per mode and two faults.

    python -m tests.perf.smokes 50 RUNS.jsonl [--lock FILE] [--fault-runs FAULTS.jsonl]
    python -m tests.perf.smokes 0 RUNS.jsonl

Every second run is made beside a process that keeps a core busy. The faults take turns. A line for each run;
the table is printed in the end, and lies beside the file as RUNS.txt; started again, it goes on from there.
The fault cases are repetitions for the table of the faults as well (tests/perf/fault_table.py): --fault-runs
adds them to its file.

False are FAIL and BROKEN: work that was done is called undone or too slow, or the suite breaks. INVALID is
not false, but of no use either: it says that the machine was too busy for a verdict, and is counted apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from scipy.special import betaincinv

from perf.cases.faults import Fault
from tests.perf.fault_table import add_next, locked, read, read_run

ROOT = Path(__file__).parents[2]
#: Of each mode of the workers and of the web tier's smoke the smallest case.
CHOSEN = "(50MB and c1 and (burst or sustained)) or (web and smoke)"
FAULTS_EACH = 2
DEADLINE_S = 420
#: What keeps a core busy.
BUSY = [sys.executable, "-c", "while True: pass"]
BROKEN, FALSE = "BROKEN", ("FAIL", "BROKEN")

Run = Mapping[str, Any]


def faults_of(number: int) -> tuple[Fault, ...]:
    """Those of the run of this number, from 1 on: each has its turn."""
    first = FAULTS_EACH * (number - 1) % len(Fault)
    return tuple(islice(cycle(Fault), first, first + FAULTS_EACH))


def run(number: int, *, busy: bool, fault_runs: Path | None = None) -> Run:
    """One smoke in a process of its own; its faults are added to *fault_runs*."""
    faults = faults_of(number)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="smokes-") as folder, _beside(busy):
        argv = [sys.executable, "-m", "pytest", "-q", "perf/", f"--results={folder}"]
        argv += [f"--faults={','.join(faults)}", "-k", " or ".join((CHOSEN, *faults))]
        try:
            ended = subprocess.run(
                argv, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
            )
            status, said = str(ended.returncode), (ended.stdout + ended.stderr).splitlines()[-1:]
        except subprocess.TimeoutExpired:
            status, said = "none", [f"not over within {DEADLINE_S} s"]
        cases = {}
        for path in sorted(Path(folder).glob("*/case_*.json")):
            verdict = json.loads(path.read_text())["verdict"]
            missed = [str(each["slo"]["metric"]) for each in verdict["results"] if not each["passed"]]
            reasons = [*(each["reason"] for each in verdict["problems"]), *missed]
            cases[path.stem.removeprefix("case_")] = {"outcome": verdict["kind"], "why": "; ".join(reasons)}
        for path in sorted(Path(folder).glob("*/broken_*.json")):
            why = json.loads(path.read_text())["error"]
            cases[path.stem.removeprefix("broken_")] = {"outcome": BROKEN, "why": why}
        for fault in faults if fault_runs else ():
            add_next(fault_runs, fault, {"busy": busy, **read_run(Path(folder), fault, said)})
    if len(cases) != 3 + FAULTS_EACH:
        cases["the run"] = {"outcome": BROKEN, "why": f"{len(cases)} cases; {' '.join(said)}"}
    took_s = round(time.monotonic() - began_s, 1)
    return {"number": number, "busy": busy, "status": status, "took_s": took_s, "cases": cases}


@contextmanager
def _beside(busy: bool) -> Iterator[None]:
    process = subprocess.Popen(BUSY) if busy else None
    try:
        yield
    finally:
        if process is not None:
            process.kill()
            process.wait()


def line(made: Run) -> str:
    """A run in one line, and the reason of what did not pass."""
    outcomes = Counter(each["outcome"] for each in made["cases"].values())
    counted = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    beside = "beside a busy core" if made["busy"] else "alone"
    odd = [(case, each) for case, each in made["cases"].items() if each["outcome"] != "PASS"]
    told = [f"\n    {case}: {each['outcome']} {each['why']}" for case, each in odd]
    return f"{made['number']:3} {beside:18} {made['took_s']:5.0f} s  {counted}" + "".join(told)


def interval(hits: int, of: int) -> tuple[float, float]:
    """Clopper and Pearson's exact 95 % interval of a share."""
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return low, high


def table(runs: Sequence[Run]) -> Iterator[str]:
    """The lines of all runs, and what they come to, alone and beside a busy core."""
    yield from map(line, runs)
    yield ""
    for name, some in (
        ("alone", [each for each in runs if not each["busy"]]),
        ("beside a busy core", [each for each in runs if each["busy"]]),
        ("all", runs),
    ):
        cases = [found["outcome"] for each in some for found in each["cases"].values()]
        if not cases:
            continue
        false = sum(any(found["outcome"] in FALSE for found in each["cases"].values()) for each in some)
        low, high = interval(false, len(some))
        yield (
            f"{name}: {len(some)} runs, {len(cases)} cases: {cases.count('PASS')} PASS, "
            f"{cases.count('INVALID')} INVALID; runs with a false failure: {false}, "
            f"so {low:.1%} to {high:.1%} of runs (95 %)"
        )


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("times", type=int)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--lock", type=Path)
    parser.add_argument("--fault-runs", type=Path)
    given = parser.parse_args()
    for number in range(len(read(given.runs)) + 1, given.times + 1):
        with locked(given.lock):
            made = run(number, busy=number % 2 == 0, fault_runs=given.fault_runs)
        with given.runs.open("a") as file:
            file.write(json.dumps(made) + "\n")
        print(line(made), flush=True)
    lines = list(table(read(given.runs)))
    given.runs.with_suffix(".txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
