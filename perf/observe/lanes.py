"""Runs commands in lanes, a process of its own: what a pool of workers does, with nothing around it.

A program, and no module of the suite. All its commands are in one session, as those of a worker are: Linux
shares processors out between sessions first (sched_autogroup, sched(7)), so that four commands in a session
each would be given four shares beside a neighbour, where a worker with four has one.

Its argument is a file with {"commands": [[...], ...], "lanes": n}; it prints what `Ended` says.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict


class Ended(TypedDict):
    """What became of the commands.

    service_s: of each, in the order given. makespan_s: of all. cpu_s: processor time of all (getrusage(2)).
    error: what the first one that failed said; empty where none did.
    """

    service_s: list[float]
    makespan_s: float
    cpu_s: float
    error: str


def run(commands: Sequence[Sequence[str]], lanes: int) -> Ended:
    """Run the commands; a lane takes the next one as it becomes free, as a worker's children do."""
    with ThreadPoolExecutor(lanes) as pool:
        begin_s = time.monotonic()
        ended = list(pool.map(_one, commands))
        makespan_s = time.monotonic() - begin_s
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Ended(
        service_s=[took_s for took_s, _ in ended],
        makespan_s=makespan_s,
        cpu_s=used.ru_utime + used.ru_stime,
        error=next((error for _, error in ended if error), ""),
    )


def _one(command: Sequence[str]) -> tuple[float, str]:
    begin_s = time.monotonic()
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        return 0.0, str(error)
    took_s = time.monotonic() - begin_s
    return took_s, (done.stderr.strip() or f"exit status {done.returncode}") if done.returncode else ""


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    json.dump(run(asked["commands"], asked["lanes"]), sys.stdout)
