"""What was seen while a case ran. Data only: what follows from it is in perf.measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from perf.cases.cloudwatch import CloudMetric
from perf.pipeline import ReportedWorker


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task. Instants are Unix seconds by the pipeline's clock; None = it did not come to that.

    Attributes:
        task_id: the id of the task and of its row.
        scheduled_s: when it was due.
        sent_s: when its send began.
        uploaded_s: when its row was made.
        started_s: when its last attempt began.
        finished_s: when it became done or failed.
        updated_s: the row's last change of state.
        status: one of the values of perf.pipeline.State.
        attempts: how often processing was begun.
        deliveries: how often the queue delivered it.
        worker: who made the last attempt.
        error: why it failed.
    """

    task_id: str
    scheduled_s: float
    sent_s: float | None
    uploaded_s: float | None
    started_s: float | None
    finished_s: float | None
    updated_s: float | None
    status: str
    attempts: int = 0
    deliveries: int = 0
    worker: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """What a look at the tasks showed during a case.

    Attributes:
        at_s: when, in seconds since the first task was due.
        backlog: tasks due and not finished.
    """

    at_s: float
    backlog: int


@dataclass(frozen=True, slots=True)
class MachineSample:
    """Counters at an instant; those in s add up over all processors, as they are in /proc/stat.

    Attributes:
        monotonic_s: when.
        wall_s: the system's clock then.
        busy_s: processors busy for processes.
        steal_s: processors given to other guests.
        total_s: processors' time in all.
        own_s: processors busy for the run's own processes.
        available_mb: memory that can be had without swapping.
        swapped_in_mb: read back from swap since the start of the system.
        pressure_s: time in which some task waited for memory.
        throttled_s: time for which the container's quota held it back.
        thermal_s: time for which heat held the processors back.
        disk_busy_s: time in which the busiest disk worked.
        disk_wait_s: time in which some task waited for a disk.
        network_mb: sent and received over all interfaces but the loopback.
        parts_s: processors busy for each part of the pipeline, by process: ``(pid, part)``.
    """

    monotonic_s: float
    wall_s: float
    busy_s: float
    steal_s: float
    total_s: float
    own_s: float
    available_mb: float
    swapped_in_mb: float = 0.0
    pressure_s: float = 0.0
    throttled_s: float = 0.0
    thermal_s: float = 0.0
    disk_busy_s: float = 0.0
    disk_wait_s: float = 0.0
    network_mb: float = 0.0
    parts_s: Mapping[tuple[int, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MachineSeen:
    """The samples of a machine, and what it has."""

    samples: tuple[MachineSample, ...]
    cpus: int
    memory_mb: float


@dataclass(frozen=True, slots=True)
class WorkersSeen:
    """The workers by their own report, by id: as the case began, and at any time of it, as it ended."""

    before: Mapping[str, ReportedWorker]
    after: Mapping[str, ReportedWorker]


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """Messages in the queue before the first task, and left when the last had finished; None = not looked."""

    before: int
    after: int | None


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """The pipeline's clock against this machine's monotonic one.

    Attributes:
        moved_s: the largest movement between two readings, beyond what both can be off.
        uncertainty_s: by how much the reading that all instants follow from may be off.
        drift_s: how far it was from that reading at most, slowly: no step.
    """

    moved_s: float
    uncertainty_s: float
    drift_s: float = 0.0


class CloudState(StrEnum):
    """What is known of a metric of CloudWatch: no data is a state of its own, and never 0."""

    THERE = "there"
    #: Nothing was counted: there is no such metric, nobody sends it, or nothing happened.
    ABSENT = "metric absent"
    #: It is counted, and what was counted to the end of the case is not told yet.
    LATE = "late"
    #: CloudWatch could not be asked.
    REFUSED = "not to be had"


@dataclass(frozen=True, slots=True)
class CloudSeries:
    """The values of a metric around a case.

    Attributes:
        metric: which.
        state: whether they are there.
        why: where they are not.
        at_s: when each period began, in Unix seconds.
        values: of the periods.
    """

    metric: CloudMetric
    state: CloudState
    why: str = ""
    at_s: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CloudSeen:
    """What CloudWatch counted; a case lasted from *begin_s* to *end_s*, in Unix seconds."""

    begin_s: float
    end_s: float
    series: tuple[CloudSeries, ...]

    def left(self) -> list[CloudMetric]:
        """What is not there."""
        return [each.metric for each in self.series if each.state is not CloudState.THERE]


@dataclass(frozen=True, slots=True)
class BareRuns:
    """The bare command on one clip, *concurrency* at a time.

    Attributes:
        service_s: how long each run took, sorted.
        makespan_s: how long all of them took.
        concurrency: runs at a time.
        cpu_s: processor time of each run, on average.
        size_bytes: of what a run made.
        made: what that is, as the pipeline describes it.
    """

    service_s: tuple[float, ...]
    makespan_s: float
    concurrency: int
    cpu_s: float = 0.0
    size_bytes: int = 0
    made: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResultsSeen:
    """What the tasks that are done left.

    Attributes:
        sizes: bytes of each result by its task's id; None = there is none.
        opened: the task whose result was opened, and what the pipeline says that it is.
    """

    sizes: Mapping[str, int | None]
    opened: tuple[str, Mapping[str, str]] | None = None
