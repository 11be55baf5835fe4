"""What the validity checks look at, and what they say. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field

from perf.matrix import Mode
from perf.measure.laws import Poll
from perf.measure.ledger import Ledger
from perf.measure.machine import MachineUse
from perf.measure.summary import Summary

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a measurement cannot be trusted, and what to do."""

    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a disturbance counts. `--max-other-load` sets the first; the rest are as they are.

    Attributes:
        other_cores: processors kept busy by what is not part of the run, averaged over the case. A quarter of
            one is above what an idle desktop or a CI runner's agent takes, and well below a busy neighbour.
        steal_share: of the processors' time, given to other guests.
        pressure_share: of the time, waiting for memory.
        throttled_share: of the time, held back by the container's quota or by heat.
        swapped_in_mb: read back from swap.
        clock_step_s: jump of the clock that all instants come from.
        gap_s: between two samples that are due every second: the suite itself did not run.
        lag_gaps: of the time between two arrivals, by which a send may be late (max; half of it for p99).
        lag_share: of a burst's makespan, by which a send may be late.
        rate_share: by which the rate offered may differ from the rate asked for.
    """

    other_cores: float = 0.25
    steal_share: float = 0.05
    pressure_share: float = 0.1
    throttled_share: float = 0.05
    swapped_in_mb: float = 100.0
    clock_step_s: float = 0.1
    gap_s: float = 3.0
    lag_gaps: float = 1.0
    lag_share: float = 0.1
    rate_share: float = 0.05


@dataclass(frozen=True, slots=True)
class Crew:
    """A worker as it reported itself, and what became of it by the end of the case."""

    name: str
    concurrency: int
    ffmpeg_args: tuple[str, ...] = ()
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What was seen around a case, beside its ledger. None = it was not looked at.

    Attributes:
        before: the workers as the case began, by id.
        after: those that were there at any time of the case, by id, as it ended.
        ffmpeg_args: the arguments that bare ffmpeg was calibrated with.
        strangers: ids of tasks of others that changed in the same table during the case.
        queue_before: messages in the queue as the case began.
        queue_after: messages left when all tasks had finished.
        polls: looks at the database during the case.
        clock_moved_s: by how much the database's clock moved against this machine's monotonic one.
        machine: this machine, where the workers run on it too.
    """

    before: dict[str, Crew] | None = None
    after: dict[str, Crew] | None = None
    ffmpeg_args: tuple[str, ...] | None = None
    strangers: tuple[str, ...] = ()
    queue_before: int | None = None
    queue_after: int | None = None
    polls: tuple[Poll, ...] = ()
    clock_moved_s: float | None = None
    machine: MachineUse | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the checks look at.

    Attributes:
        ledger: the records.
        summary: what was computed from them.
        concurrency: worker processes over the whole deployment.
        scheduled_ids: the ids that were due, each once; None = the ledger was made from them.
        tolerance_s: by how much an instant of the injector may be later than the database's.
        mode: how the tasks arrived; None where it is not known.
        around: what was seen beside the ledger.
        limits: from where on a disturbance counts.
    """

    ledger: Ledger
    summary: Summary
    concurrency: int
    scheduled_ids: tuple[str, ...] | None
    tolerance_s: float
    mode: Mode | None = None
    around: Surroundings = field(default_factory=Surroundings)
    limits: Limits = field(default_factory=Limits)


def listed(names: list[str]) -> str:
    """The first few names: ``a, b, c, ...``."""
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def tasks(ids: list[str]) -> str:
    """The number of tasks, and the first few by name: ``5 tasks (a, b, c, ...)``."""
    return f"{len(ids)} task{'s' if len(ids) > 1 else ''} ({listed(ids)})"
