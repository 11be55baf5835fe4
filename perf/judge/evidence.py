"""What the checks look at. Data only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from perf.cases.worker import Mode
from perf.load.request_log import GeneratorLog
from perf.measure.ledger import Ledger
from perf.measure.machine import MachineUse
from perf.measure.summary import Summary
from perf.measure.web_summary import WebSummary
from perf.observe.seen import BareRuns, ClockSeen, Poll, QueueSeen, ResultsSeen, WorkersSeen

#: How far the injector's clock may be from the pipeline's where nobody measured it.
CLOCK_TOLERANCE_S = 0.1
#: Where it was measured: beyond what is known of it, for what no reading sees.
CLOCK_SLACK_S = 0.01
#: With so little other load a bare run takes what it takes on an idle machine.
QUIET_CORES = 0.3


@dataclass(frozen=True, slots=True)
class Tolerances:
    """From where on a disturbance counts. `--max-other-load` sets the first; the rest are as they are.

    Attributes:
        other_cores: processors that others may keep busy, averaged over the case; None = as many as leave the
            ratios to bare ffmpeg what they are (`effect_share`), or half of all where there is no such ratio.
        effect_share: by which other load may have moved the ratio of the case to its bare runs.
        bare_change: by which bare runs before and after the case may differ.
        steal_share: of the processors' time, given to other guests.
        pressure_share: of the time, waiting for memory.
        disk_wait_share: of the time, waiting for a disk, beyond that of the bare runs.
        throttled_share: of the time, held back by the container's quota or by heat.
        swapped_in_mb: read back from swap.
        clock_step_s: jump of the clock that all instants come from.
        clock_drift_share: of a case, by which that clock may have gained or lost: slewed it does 0.1 at most.
        gap_s: between two samples that are due every second: the suite itself did not run.
        lag_gaps: of the time between two arrivals, by which a send may be late (max; half of it for p99).
        lag_share: of a burst's makespan, by which a send may be late.
        rate_share: by which the rate offered may differ from the rate asked for.
        idle_share: of the processes' time in which they did nothing while tasks waited.
        size_share: by which the size of a result may differ from that of a bare run's.
        fastest: how much of a bare run's least time every task must take at least.
        faster: how much of a bare run's time on an idle machine the median task must take at least.
        cpu_share: of a bare run's processor time that each task must have taken at least.
    """

    other_cores: float | None = None
    effect_share: float = 0.15
    bare_change: float = 1.4
    steal_share: float = 0.05
    pressure_share: float = 0.1
    disk_wait_share: float = 0.1
    throttled_share: float = 0.05
    swapped_in_mb: float = 100.0
    clock_step_s: float = 0.1
    clock_drift_share: float = 0.02
    gap_s: float = 3.0
    lag_gaps: float = 1.0
    lag_share: float = 0.1
    rate_share: float = 0.05
    idle_share: float = 0.05
    size_share: float = 0.1
    fastest: float = 0.3
    faster: float = 0.65
    cpu_share: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """What is known of the work itself, from runs with nothing around it.

    Attributes:
        alone: runs one at a time: what they made, and what no task can take less than. None where nothing was
            run.
        alone_use: the machine meanwhile; None where that is not the workers' machine.
        before: the machine during the runs before the case, *after* during those after it.
        change: median of the runs after it / of those before.
    """

    alone: BareRuns | None = None
    alone_use: MachineUse | None = None
    before: MachineUse | None = None
    after: MachineUse | None = None
    change: float = 1.0

    @property
    def uses(self) -> list[MachineUse]:
        """The machine during the runs around the case, as far as it was looked at."""
        return [use for use in (self.before, self.after) if use is not None]


def _mean(shares: Sequence[float]) -> float:
    """0 of none."""
    return sum(shares) / max(1, len(shares))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the observers saw of a case, beside what it measured. None = it was not looked at.

    Attributes:
        machine: this machine, where what is measured runs on it too.
        bare: the work itself.
        results: what the tasks have made.
        workers: by their own report.
        recipe: how the ideal was made, as `Pipeline.recipe` says.
        foreign: ids of tasks of others that changed in the same table during the case.
        queue: its messages.
        polls: looks at the tasks during the case.
        clock: the pipeline's.
    """

    machine: MachineUse | None = None
    bare: Bare = field(default_factory=Bare)
    results: ResultsSeen | None = None
    workers: WorkersSeen | None = None
    recipe: str | None = None
    foreign: tuple[str, ...] = ()
    queue: QueueSeen | None = None
    polls: tuple[Poll, ...] = ()
    clock: ClockSeen | None = None

    @property
    def others_in_bare_runs(self) -> float:
        """Processors that others kept busy during the bare runs around the case; 0 where there were none."""
        return _mean([use.other_cores for use in self.bare.uses])

    @property
    def longer_for_disks(self) -> float:
        """The share of the case in which something waited for a disk, beyond that of its bare runs."""
        waited = self.machine.disk_wait_share if self.machine else 0.0
        return waited - _mean([use.disk_wait_share for use in self.bare.uses])

    @property
    def ratio_moved(self) -> float:
        """By what share other load may have moved the case's ratio to its bare runs; 0 = by nothing known."""
        machine, usual = self.machine, self.others_in_bare_runs
        if machine is None or self.bare.before is None:
            return 0.0
        left = machine.cpus - min(machine.other_cores, usual)
        return abs(machine.other_cores - usual) / max(left, 1.0)


class Evidence(Protocol):
    """What every kind of case has of it."""

    @property
    def observed(self) -> Observed:
        """What the observers saw."""

    @property
    def tolerances(self) -> Tolerances:
        """From where on a disturbance counts."""


@dataclass(frozen=True, slots=True)
class TaskEvidence:
    """Of a case that puts tasks through the workers.

    Attributes:
        ledger: the records.
        summary: what was computed from them.
        concurrency: worker processes over the whole deployment; None where that is not known.
        mode: how the tasks arrived; None where it is not known.
    """

    ledger: Ledger
    summary: Summary
    concurrency: int | None = None
    mode: Mode | None = None
    observed: Observed = field(default_factory=Observed)
    tolerances: Tolerances = field(default_factory=Tolerances)

    @property
    def clock_tolerance_s(self) -> float:
        """By how much an instant of the injector may be later than the pipeline's.

        As the readings of the clock tell: from a laptop far away that is more than beside the database.
        """
        clock = self.observed.clock
        if clock is None:
            return CLOCK_TOLERANCE_S
        return 2 * clock.uncertainty_s + clock.drift_s + CLOCK_SLACK_S


@dataclass(frozen=True, slots=True)
class LoadEvidence:
    """Of a case that loads the web tier.

    Attributes:
        logs: what the generators wrote.
        summary: what was computed from it.
    """

    logs: tuple[GeneratorLog, ...]
    summary: WebSummary
    observed: Observed = field(default_factory=Observed)
    tolerances: Tolerances = field(default_factory=Tolerances)
