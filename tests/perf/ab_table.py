# ruff: noqa: T201
"""How often `--against` is right, from real runs whose truth is known (tests/perf/ab_runs.py).

    python -m tests.perf.ab_table run RUNS.jsonl [--aa 34] [--power 7] [--beside quiet] [--of "+10 %"]
    python -m tests.perf.ab_table table RUNS.jsonl [RUNS.jsonl ...]
    python -m tests.perf.ab_table one-case
    python -m tests.perf.ab_table package
    python -m tests.perf.ab_table polling

The first makes runs, a line in the file for each, and goes on from there when it is started again. The second
prints the table; of several files, each made on a machine of its own, a run is held against stored ones of
its own file. The third slows the worker at a concurrency of 2 alone and shows which cases fail. The fourth
lets kombu decide when to poll, and looks for the slowdown that came with its version 5.7; the last holds a
worker whose polls kombu decides on against ours, with the same short interval for both.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from scipy.stats import binomtest

from tests.perf.ab_runs import (
    AT_C2,
    KOMBU_POLLS,
    NEIGHBOURS,
    PATCHES,
    TASKS,
    TRANSPORT,
    Wanted,
    bench,
    figures,
    patched,
    suite,
    wanted,
)

Run = Mapping[str, Any]
#: What comparing with a stored run allows, as pytest-benchmark's --benchmark-compare-fail=mean:10%.
SLACK = 1.1
#: What a person would compare.
SECONDS = ("service_s", "makespan_s")


def make(path: Path, each_of: Iterable[Wanted], minutes: float) -> None:
    """Make the runs that the file lacks, until time is up."""
    end_s = time.monotonic() + 60 * minutes
    done = {(each["patch"], each["neighbour"], each["number"]) for each in read(path)}
    with bench() as made_on:
        for each in each_of:
            if (each.patch, each.neighbour, each.number) in done:
                continue
            if time.monotonic() > end_s:
                return
            made = made_on.run(each)
            with path.open("a") as file:
                file.write(json.dumps(made) + "\n")
            print(_said(each, made), flush=True)


def _said(each: Wanted, made: Run) -> str:
    took = f"{made.get('pairs')} pairs, {made.get('seconds')} s ({made['wall_s']} s in all)"
    return (
        f"{each.patch}, {each.neighbour}, {each.number}: {made['outcome']}, {took} {made.get('message', '')}"
    )


def read(path: Path) -> list[Run]:
    """The runs so far; a line that was cut short is none."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def worse(each: Run) -> bool:
    """Whether the suite says so."""
    return bool(each["outcome"] == "worse")


def beside_stored(runs: Sequence[Run]) -> Iterator[tuple[bool, bool] | None]:
    """What a limit in seconds and comparing means with a stored run say of each run, or None.

    The limit is 10 % above the mean of the first run of all. The stored run is the latest one before it
    that had no patch, as `pytest-benchmark compare` takes the one that was saved last.
    """
    plain = (each for each in runs if each["patch"] == "A/A" and "here" in each)
    stored = first = next(plain, None)
    for each in runs:
        if first is None or stored is None or each is first or "here" not in each:
            yield None
            continue
        yield slower(each, first), slower(each, stored)
        if each["patch"] == "A/A":
            stored = each


def slower(one: Run, other: Run) -> bool:
    """Whether one of the means of this run is too far above that of another."""
    return any(one["here"][name] > SLACK * other["here"][name] for name in SECONDS)


def share(found: int, of: int) -> str:
    """``2/34 = 5.9 % (0.7 to 20)``: with the exact 95 % interval (Clopper and Pearson)."""
    if not of:
        return "-"
    interval = binomtest(found, of).proportion_ci(0.95, "exact")
    return f"{found}/{of} = {100 * found / of:.1f} % ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def table(files: Sequence[Sequence[Run]]) -> Iterator[str]:
    """The lines of it, of the runs in each file."""
    # Seconds are compared within a file alone: the next may be of another machine.
    runs = [pair for one in files for pair in zip(one, beside_stored(one), strict=True)]
    head = (
        "patch",
        "neighbour",
        "worse",
        "better",
        "undecided",
        "invalid",
        "pairs",
        "s",
        "seconds",
        "stored",
    )
    yield row(*head)
    for patch in PATCHES:
        for name in (*NEIGHBOURS, "all"):
            chosen = [
                one for one in runs if one[0]["patch"] == patch and name in (one[0]["neighbour"], "all")
            ]
            if chosen:
                yield row(patch, name, *cells(chosen))
    yield ""
    yield "worse: of all runs that came to an outcome; of A/A runs, each is a false alarm."
    yield "pairs, s: the median to the verdict. seconds: a limit of 10 % above a first run, in seconds;"
    yield "stored: 10 % above the mean of the latest stored run: how often each raises an alarm."


def cells(chosen: Sequence[tuple[Run, tuple[bool, bool] | None]]) -> Iterator[str]:
    """The figures of a row, of runs and what the two plain ways say of each."""
    runs = [each for each, _ in chosen]
    judged = [each for each in runs if each["outcome"] != "broken" and each["verdict"] != "INVALID"]
    yield share(sum(map(worse, judged)), len(judged))
    for outcome in ("better", "undecided"):
        yield str(sum(each["outcome"] == outcome for each in judged))
    yield str(len(runs) - len(judged))
    for figure in ("pairs", "seconds"):
        yield f"{median([each[figure] for each in judged]):g}" if judged else "-"
    alarms = [said for _, said in chosen if said]
    for naive in (0, 1):
        yield share(sum(each[naive] for each in alarms), len(alarms))


def row(*words: str) -> str:
    """Columns of fixed width."""
    widths = (13, 15, 33, 7, 10, 8, 6, 7, 33, 33)
    return "".join(f"{word:<{width}}" for word, width in zip(words, widths, strict=True)).rstrip()


def one_case() -> None:
    """Slow the worker at a concurrency of 2, and show what each case says."""
    _compare(AT_C2, TASKS, "--against=HEAD~1", "--concurrency=1,2")


def package() -> None:
    """Compare two versions of kombu where the worker polls as kombu does, at Celery's own interval."""
    versions = ("--against-package=kombu==5.6.2", "--concurrency=1")
    _compare(KOMBU_POLLS, TRANSPORT, *versions, WORKER_POLLING_INTERVAL_S="1")


def polling() -> None:
    """The worker before worker/transport.py decided when to poll, and after."""
    _compare(KOMBU_POLLS, TRANSPORT, "--against=HEAD~1", "--concurrency=1,4")


def _compare(text: str, file: str, *options: str, **variables: str) -> None:
    """Show what the comparisons say in a clone with this text behind one of its files."""
    with tempfile.TemporaryDirectory(prefix="ab-table-") as folder, patched(text, Path(folder), file) as at:
        _show(suite(at, *options, "--sizes=50", **variables))


def _show(documents: Sequence[Run]) -> None:
    for each in documents:
        made = figures(dict(each))
        print(each.get("id"), made["outcome"], made.get("verdict"), made.get("message", made))
        for name, found in made.get("ratios", {}).items():
            if "ratio" not in found:  # too few pairs
                continue
            ratio, low, high = (f"{found[key]:.3f}" for key in ("ratio", "low", "high"))
            print(f"  {name:<9}{found['outcome']:<10}{ratio} ({low} to {high}), {found['pairs']} pairs")


def main() -> None:
    """See the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run")
    runs.add_argument("file", type=Path)
    runs.add_argument("--aa", type=int, default=34, help="runs without a patch, of each neighbour")
    runs.add_argument("--power", type=int, default=7, help="runs of each patch, of each neighbour")
    runs.add_argument("--minutes", type=float, default=1e9, help="begin no run after so many")
    runs.add_argument("--beside", nargs="+", choices=NEIGHBOURS, default=list(NEIGHBOURS)[:3])
    runs.add_argument(
        "--of", nargs="+", choices=PATCHES, default=list(PATCHES), help="patches to make runs of"
    )
    commands.add_parser("table").add_argument("files", type=Path, nargs="+")
    commands.add_parser("one-case")
    commands.add_parser("package")
    commands.add_parser("polling")
    given = parser.parse_args()
    acts: dict[str, Callable[[], None]] = {
        "run": lambda: make(given.file, wanted(given.aa, given.power, given.beside, given.of), given.minutes),
        "table": lambda: print("\n".join(table([read(path) for path in given.files]))),
        "one-case": one_case,
        "package": package,
        "polling": polling,
    }
    acts[given.command]()


if __name__ == "__main__":
    main()
