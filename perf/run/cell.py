"""What cases of one size and number of workers share: the workers, the capacity and the bare work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from perf.cases.case import Variant
from perf.cases.defaults import DEFAULTS
from perf.cases.errors import HarnessError
from perf.cases.worker import Mode, WorkerCase
from perf.judge.evidence import QUIET_CORES, Bare
from perf.judge.tasks import Round
from perf.load.plan import Planned, plan
from perf.measure.ideal import ideal_of
from perf.measure.ledger import Ledger
from perf.measure.machine import MachineUse, machine_use
from perf.measure.metrics import summarise
from perf.measure.summary import Summary
from perf.observe.calibration import calibrate
from perf.observe.machine import MachineObserver
from perf.observe.observer import observing
from perf.observe.seen import BareRuns
from perf.pipeline import Clip, Fleet, ReportedWorker
from perf.run.context import Context
from perf.run.tasks import outstanding, run_tasks

#: A probe of the capacity, where no burst case of the cell ran before: so many tasks per worker process.
PROBE_ROUNDS = 4
#: By less than this the few bare runs before a case differ from those around the burst on any machine.
SLOWER = 0.85
#: Bare runs alone: the least of them is what no task can take less than.
ALONE_RUNS = 2


@dataclass
class Cell:
    """What is known of a cell before its case runs: its workers, its capacity, and the bare work.

    Attributes:
        case: any case of the cell.
        context: what it runs with.
        fleet: who does its tasks, if not one node.
    """

    case: WorkerCase
    context: Context
    fleet: Fleet | None = None

    def prepare(self) -> tuple[list[ReportedWorker], Clip]:
        """The workers and the clip of the case; workers that have done nothing yet are warmed up."""
        with self.context.listener.phase("deploy"):
            workers = self.context.deployment.prepare(self.fleet or _fleet(self.case))
            self.context.ceiling.nodes(nodes_of(workers))
            clip = self.context.deployment.clip(self.case.size_mb)
        self._warm_up(clip, {worker.id for worker in workers})
        return workers, clip

    def per_min(self, clip: Clip) -> tuple[float, str]:
        """The throughput of the cell's burst case, or of a probe where none was done completely."""
        known = self.context.references.capacities_per_min
        if self._key in known:
            return known[self._key], "the burst case"
        self._probe(clip)
        return known[self._key], "a probe"

    def remember(self, summary: Summary) -> None:
        """A burst of the cell was measured."""
        if summary.throughput_per_min and summary.done == summary.total:
            self.context.references.capacities_per_min[self._key] = summary.throughput_per_min
            self.context.references.ideals_per_min[self._key] = summary.ideal_throughput_per_min

    def speed(self, bare: BareRuns) -> float:
        """The machine's now, by bare runs, against that at the burst: 1 unless it is clearly slower."""
        then_per_min = self.context.references.ideals_per_min.get(self._key)
        ratio = ideal_of(bare).throughput_per_min / then_per_min if then_per_min else 1.0
        return ratio if ratio < SLOWER else 1.0

    def alone(self, clip: Clip) -> Bare:
        """The bare command on this clip, one run at a time: made once for a size, on this machine.

        Also where the workers are elsewhere: what their tasks make is held against it. Beside other load it
        is made again for the next case, until it was quiet once.
        """
        if not self.has_bare(clip):
            return Bare()
        known, key = self.context.references.alone, (self.case.variant, self.case.size_mb)
        if key not in known or _disturbed(known[key]):
            machine, is_here = MachineObserver(), self.context.deployment.is_here
            with self.context.listener.phase("bare runs"), observing(machine):
                runs = calibrate(self.context.deployment.pipeline, clip.path, 1, ALONE_RUNS if is_here else 1)
            known[key] = Bare(alone=runs, alone_use=machine_use(machine.seen) if is_here else None)
        return known[key]

    def alone_again(self, clip: Clip) -> Bare:
        """Once more, where tasks took less than it: the faster of both, as machines slow down for a while."""
        known, key = self.context.references.alone, (self.case.variant, self.case.size_mb)
        earlier = known.pop(key)
        known[key] = min(earlier, self.alone(clip), key=_fastest_s)
        return known[key]

    def has_bare(self, clip: Clip) -> bool:
        """Whether there is a command that does the work with nothing around it."""
        return bool(self.context.deployment.pipeline.bare_command(clip.path, clip.path))

    def bare(self, clip: Clip, times: int) -> tuple[BareRuns, MachineUse | None]:
        """The bare command for this clip, as many at once as there are workers, and the machine meanwhile.

        Args:
            clip: what it works on.
            times: how many times as many runs as usual.
        """
        machine, case = MachineObserver(), self.case
        rounds = DEFAULTS[case.variant].calibration_rounds if case.mode is Mode.BURST else 1
        with self.context.listener.phase("calibrate"), observing(machine):
            runs = case.workers * rounds * times
            bare = calibrate(self.context.deployment.pipeline, clip.path, case.workers, runs)
        return bare, machine_use(machine.seen)

    def tasks(self, clip: Clip, planned: Sequence[Planned], name: str) -> Round:
        """Put these tasks through the deployment."""
        log = self.context.folder / f"worker_tasks_{name}.log"
        return run_tasks(self.context, self.case.variant, clip, planned, log)

    @property
    def _key(self) -> tuple[Variant, str]:
        return self.case.variant, self.case.cell

    def _warm_up(self, clip: Clip, workers: set[str]) -> None:
        """A task for each process of workers that have done none: a cold start is no part of a case."""
        if workers <= self.context.references.warm:
            return
        planned = plan([0.0] * self.case.workers)
        with self.context.listener.phase("warm up"):
            left = outstanding(self.tasks(clip, planned, f"{self.case.id}-warm-up").ledger)
        if left:
            raise HarnessError(
                f"{self.case.id}: warm-up: {left} of {len(planned)} tasks did not finish; look at the "
                "workers' log"
            )
        self.context.references.warm |= workers

    def _probe(self, clip: Clip) -> None:
        """Measure the cell's capacity by a short burst."""
        planned = plan([0.0] * (PROBE_ROUNDS * self.case.workers))
        ledger = self.tasks(clip, planned, f"{self.case.id}-probe").ledger
        self.remember(summarise(ledger, concurrency=self.case.workers, mode=Mode.BURST, ideal=None))
        if self._key not in self.context.references.capacities_per_min:
            raise HarnessError(
                f"{self.case.id}: the capacity of {self.case.cell} could not be measured: a probe of "
                f"{len(planned)} tasks left {len(ledger.select('done'))} done{_first_error(ledger)}; look at "
                "the workers' log, or give --rate"
            )


def _first_error(ledger: Ledger) -> str:
    """Such as `` (exit code 1)``; empty where no task has one."""
    return next((f" ({error.splitlines()[-1]})" for error in ledger.error.tolist() if error), "")


def nodes_of(workers: Sequence[ReportedWorker]) -> int:
    """On how many nodes they are."""
    return len({worker.node for worker in workers})


def _fleet(case: WorkerCase) -> Fleet:
    return Fleet(case.nodes, case.concurrency, exact=case.nodes_asked)


def _fastest_s(bare: Bare) -> float:
    return min(bare.alone.service_s) if bare.alone else inf


def _disturbed(bare: Bare) -> bool:
    return bare.alone_use is not None and bare.alone_use.other_cores > QUIET_CORES
