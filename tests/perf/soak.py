# ruff: noqa: T201
"""Ten thousand near-empty tasks through pipeline and ledger: none lost, none done twice, and what they cost.

    python -m tests.perf.soak [10000] > tests/perf/data/soak.txt

The whole pipeline on this machine, one worker of two processes, and the suite's own injection, wait and
ledger. The work is ffmpeg's copy of half a second of video. Tasks arrive at 0.7 of what a burst of 100 did,
for an emulated queue slows down with its depth. Memory is what each process has for itself (USS), read after
every twentieth of the tasks: the first fifth is warm-up, each later step is a value of the interval.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
from sqlalchemy import text

from fixtures.breaking import NOTE_ENDINGS
from fixtures.video_deployments import local_deployment
from fixtures.video_pipeline import VideoPipeline
from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.deploy.local_fleet import LocalFleet
from perf.deploy.machine_lock import only_measured_run
from perf.deploy.servers import running_servers
from perf.deploy.workdir import temporary_folder
from perf.judge.slos import load_slos
from perf.judge.tasks import Round
from perf.load.plan import plan
from perf.measure.numbers import number
from perf.measure.pairs import t_interval
from perf.observe.completion import Progress
from perf.pipeline import Fleet, State
from perf.report.progress import QuietLine
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.run.tasks import run_tasks
from worker.settings import find_ffmpeg

PROBE, SHARE, CONCURRENCY = 100, 0.7, 2
BLOCKS, WARM_UP = 20, 4
LEAST = 400
MIB = 2**20


class Memory(QuietLine):
    """How far the tasks are, in a line a minute; and what the processes have for themselves meanwhile."""

    def __init__(self, every: int, groups: Mapping[str, int]) -> None:
        super().__init__(print, "soak", every_s=60.0)
        self._every = every
        self._groups = {name: psutil.Process(pid) for name, pid in groups.items()}
        self.seen: list[tuple[int, dict[str, float]]] = []

    def show(self, progress: Progress) -> None:
        """Read it where another twentieth of the tasks is done."""
        super().show(progress)
        done = self.seen[-1][0] if self.seen else -1
        if progress.done >= max(self._every * len(self.seen), done + 1):
            self.seen.append((progress.done, {name: _mib(each) for name, each in self._groups.items()}))


def _mib(process: psutil.Process) -> float:
    """Of a worker with its pool; the suite by itself, for the servers are its children here."""
    whole = [process] if process.pid == os.getpid() else [process, *process.children()]
    return sum(each.memory_full_info().uss for each in whole if "ffmpeg" not in each.name()) / MIB


def growth(seen: Sequence[tuple[int, Mapping[str, float]]], name: str) -> tuple[float, float, float]:
    """MiB per 1,000 tasks after the warm-up: the mean of the steps, and its 95 % interval (Student's)."""
    after = seen[WARM_UP:]
    steps = [
        1000 * (later[1][name] - earlier[1][name]) / (later[0] - earlier[0])
        for earlier, later in pairwise(after)
    ]
    return t_interval(np.array(steps), 0.05)


def report(found: Round, twice: int, took_s: float, memory: Memory, names: Iterable[str]) -> Iterator[str]:
    """The lines of the answer."""
    ledger = found.ledger
    done, failed = len(ledger.select(State.DONE)), len(ledger.select(State.FAILED))
    unsent = len(ledger.select(State.UNSENT))
    assert found.observed.results is not None
    kept = sum(size is not None for size in found.observed.results.sizes.values())
    yield f"tasks {len(ledger)}: done {done}, failed {failed}, unsent {unsent}, " + (
        f"lost {len(ledger) - done - failed - unsent}, done twice {twice}, results there {kept}"
    )
    yield f"attempts {int(ledger.attempts.sum())}, deliveries {int(ledger.deliveries.sum())}"
    yield f"{number(done / took_s)} tasks/s over {number(took_s)} s, moto and PostgreSQL on the same cores"
    for name in names:
        mean, low, high = growth(memory.seen, name)
        first, last = memory.seen[WARM_UP][1][name], memory.seen[-1][1][name]
        yield (
            f"memory of the {name}: {first:.1f} MiB after the warm-up, {last:.1f} MiB in the end; "
            f"{mean:+.3f} MiB per 1,000 tasks, 95 % interval {low:+.3f} to {high:+.3f}"
        )


def main() -> None:
    """See above."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    if count < LEAST:
        raise SystemExit(f"{count} tasks are too few to tell how memory grows: {LEAST} at least")
    with (
        temporary_folder("soak") as folder,
        only_measured_run(),
        running_servers(os.environ, folder) as servers,
    ):
        shell = {**os.environ, "FFMPEG_ARGS": "-c copy -movflags +faststart"}
        clip = _tiny_clip(folder)
        with local_deployment(Variant.LOCAL, servers, shell, folder, clip) as deployment:
            pipeline, fleet = deployment.pipeline, deployment.control
            assert isinstance(pipeline, VideoPipeline)
            assert isinstance(fleet, LocalFleet)
            with pipeline.engine.begin() as session:
                session.execute(text(NOTE_ENDINGS))
            deployment.prepare(Fleet(1, CONCURRENCY))
            (node,) = fleet.nodes.values()
            groups = {"suite": os.getpid(), "worker": node.pid}

            def run(offsets: Sequence[float], memory: Memory) -> tuple[Round, float]:
                context = Context(deployment, load_slos(SLOS, KINDS), folder, memory)
                log = folder / f"tasks-{len(offsets)}.log"
                found = run_tasks(context, Variant.LOCAL, deployment.clip(50), plan(offsets), log)
                ledger = found.ledger
                return found, float(np.nanmax(ledger.finished_s) - np.nanmin(ledger.scheduled_s))

            _, took_s = run([0.0] * PROBE, Memory(PROBE, groups))
            per_s = SHARE * PROBE / took_s
            print(f"a burst of {PROBE}: {number(PROBE / took_s)} tasks/s; so {number(per_s)} a second arrive")
            memory = Memory(max(1, count // BLOCKS), groups)
            found, took_s = run([place / per_s for place in range(count)], memory)
            with pipeline.engine.connect() as session:
                twice = session.scalar(TWICE)
            print(*report(found, int(twice or 0), took_s, memory, groups), sep="\n")


TWICE = text("select count(*) from (select 1 from endings group by video_id having count(*) > 1) as twice")


def _tiny_clip(folder: Path) -> Path:
    target = folder / "tiny.mp4"
    argv = [str(find_ffmpeg()), "-loglevel", "error", "-f", "lavfi", "-i"]
    subprocess.run([*argv, "testsrc=duration=0.5:size=64x64:rate=10", str(target)], check=True, timeout=60)
    return target


if __name__ == "__main__":
    main()
