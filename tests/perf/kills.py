# ruff: noqa: T201
"""What a worker that is killed costs: 500 tasks over five kills, and how long until its tasks are done.

    python -m tests.perf.kills [TASKS [KILLS]] > tests/perf/data/kills.txt

The whole pipeline on this machine, two nodes of one process each, stand-in clips; tasks arrive at half of
what a burst of 40 did. At equal distances one node after the other gets SIGKILL, with all its processes, and
is started again as a supervisor would. The recovery of a task is from the kill to its end, for each that
had arrived by then and was not done: what the node had begun or fetched, and whatever waits with it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, pairwise

import numpy as np
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
from perf.load.clock import PipelineClock
from perf.load.plan import plan
from perf.measure.ledger import Floats
from perf.measure.numbers import number
from perf.pipeline import Fleet, State
from perf.report.progress import QuietLine
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.run.tasks import Beside, Nothing, run_tasks
from tests.perf.soak import TWICE

TASKS, KILLS = 500, 5
PROBE, SHARE = 40, 0.5
FLEET = Fleet(2, 1)


class Killer:
    """Kills the nodes in turn, at these seconds after the first task."""

    def __init__(self, fleet: LocalFleet, at_s: Sequence[float]) -> None:
        self._fleet = fleet
        self._at_s = at_s
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.killed_s: list[float] = []

    def start(self, started_s: float, clock: PipelineClock) -> None:
        """See Beside."""
        self._thread = threading.Thread(target=self._kill, args=(started_s, clock), daemon=True)
        self._thread.start()

    def look(self, task_ids: Sequence[str]) -> None:
        """See Beside."""

    def stop(self) -> None:
        """See Beside."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(60)

    def _kill(self, started_s: float, clock: PipelineClock) -> None:
        for at_s, name in zip(self._at_s, cycle(self._fleet.nodes), strict=False):
            if self._over.wait(max(0.0, started_s + at_s - time.monotonic())):
                return
            self.killed_s.append(clock.now())
            self._fleet.kill(name)
            self._fleet.nodes[name].start()


def recoveries(found: Round, killed_s: Sequence[float]) -> list[Floats]:
    """For each kill the seconds to the end of what had come since the last one and was not done."""
    sent_s, finished_s = found.ledger.sent_s, found.ledger.finished_s
    return [
        finished_s[(sent_s > before_s) & (sent_s < at_s) & (finished_s > at_s)] - at_s
        for before_s, at_s in pairwise((0.0, *killed_s))
    ]


def report(found: Round, killed_s: Sequence[float], twice: int) -> Iterator[str]:
    """The lines of the answer."""
    ledger = found.ledger
    done, failed = len(ledger.select(State.DONE)), len(ledger.select(State.FAILED))
    yield f"tasks {len(ledger)}, kills {len(killed_s)}: done {done}, failed {failed}, " + (
        f"lost {len(ledger) - done - failed}, done twice {twice}, begun again {(ledger.attempts > 1).sum()}"
    )
    each = recoveries(found, killed_s)
    longest = ", ".join(number(max(some, default=0.0)) for some in each)
    yield f"until all that had arrived was done: {longest} s"
    if len(every := np.concatenate(each)):
        median, p99 = np.percentile(every, (50, 99))
        yield f"seconds from the kill to the end of those {len(every)} tasks: " + (
            f"median {number(median)}, p99 {number(p99)}, most {number(every.max())}"
        )


def main() -> None:
    """See above."""
    tasks, kills = (*map(int, sys.argv[1:]), *(TASKS, KILLS)[len(sys.argv) - 1 :])
    with (
        temporary_folder("kills") as folder,
        only_measured_run(),
        running_servers(os.environ, folder) as servers,
        local_deployment(Variant.MOCKED, servers, os.environ, folder) as deployment,
    ):
        pipeline, fleet = deployment.pipeline, deployment.control
        assert isinstance(pipeline, VideoPipeline)
        assert isinstance(fleet, LocalFleet)
        with pipeline.engine.begin() as session:
            session.execute(text(NOTE_ENDINGS))
        deployment.prepare(FLEET)
        context = Context(deployment, load_slos(SLOS, KINDS), folder, QuietLine(print, "kills", every_s=60.0))

        def run(offsets: Sequence[float], beside: Beside) -> Round:
            log = folder / f"tasks-{len(offsets)}.log"
            return run_tasks(context, Variant.MOCKED, deployment.clip(50), plan(offsets), log, beside=beside)

        ledger = run([0.0] * PROBE, Nothing()).ledger
        per_s = PROBE / float(np.nanmax(ledger.finished_s) - np.nanmin(ledger.scheduled_s))
        print(f"a burst of {PROBE}: {number(per_s)} tasks/s; so {number(SHARE * per_s)} a second arrive")
        long_s = tasks / (SHARE * per_s)
        killer = Killer(fleet, [long_s * (1 + place) / (kills + 1) for place in range(kills)])
        found = run([long_s * place / tasks for place in range(tasks)], killer)
        with pipeline.engine.connect() as session:
            twice = session.scalar(TWICE)
        print(*report(found, killer.killed_s, int(twice or 0)), sep="\n")


if __name__ == "__main__":
    main()
