"""The port: what the suite asks of a pipeline under test, and of the place where it runs.

To measure a pipeline of your own, write a class with the methods of `Pipeline`: they say how a task of yours
is made, how far it is, and what your database knows of it. Nothing else of the suite knows a table, a
payload, a key of the storage or an argument of ffmpeg. fixtures/video_pipeline.py is the one that the suite
ships with; those in examples/ are others, and `python -m perf init` writes the beginning of one.

All instants are Unix seconds by the pipeline's own clock (`Pipeline.clock_s`), whatever the clocks of
its hosts show.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from numbers import Integral
from pathlib import Path
from reprlib import repr as shortened
from typing import Any, Protocol, TypeVar, runtime_checkable

from perf.cases.cloudwatch import CloudMetric
from perf.cases.errors import HarnessError

T = TypeVar("T")


def answered(asked: str, answer: T, fits: bool, expected: str) -> T:
    """What an adapter has answered, where it is asked: else figures come of it, or it breaks far from there.

    Args:
        asked: the method, such as ``rows``.
        answer: what it gave.
        fits: whether that is what the port has it give.
        expected: what that would be.

    Raises:
        HarnessError: it does not fit.
    """
    if not fits:
        raise HarnessError(f"the pipeline's {asked}() answers {shortened(answer)}; expected {expected}")
    return answer


def is_count(value: Any) -> bool:
    """Whether it is a whole number, 0 or more."""
    return isinstance(value, Integral) and int(value) >= 0


class State(StrEnum):
    """How a task is found: the four states of the pipeline, or what else became of it."""

    UPLOADED = "uploaded"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"
    #: The database has no row of it.
    MISSING = "missing"
    #: The send itself failed.
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What a pipeline knows of a task; None = it did not come to that.

    Attributes:
        status: one of the first four of State; anything else makes the case INVALID.
        uploaded_s: when its row was made.
        started_s: when its last attempt began.
        finished_s: when it became done or failed.
        updated_s: the row's last change of state.
        attempts: how often processing was begun.
        deliveries: how often the queue delivered it.
        worker: which worker process made the last attempt, ``node/child/pid``.
        error: why it failed.
    """

    status: str
    uploaded_s: float | None = None
    started_s: float | None = None
    finished_s: float | None = None
    updated_s: float | None = None
    attempts: int = 0
    deliveries: int = 0
    worker: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ReportedWorker:
    """A worker by its own report.

    Attributes:
        id: tells it from every other, also from the one that takes its place.
        node: the host or container it runs on.
        pid: its process there.
        concurrency: worker processes it runs.
        recipe: how it does the work, such as ffmpeg's arguments; compared with `Pipeline.recipe`.
        settings: whatever else it says of itself; recorded with the results. No secrets.
        stopped: whether it has ended, or was silent for so long that it is taken for dead.
    """

    id: str
    node: str
    pid: int
    concurrency: int
    recipe: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    stopped: bool = False

    @property
    def name(self) -> str:
        """``node/pid``."""
        return f"{self.node}/{self.pid}"


class Pipeline(Protocol):
    """The system under test as the suite knows it. Every method may raise HarnessError, with a reason."""

    #: How the work is done, as the workers report it too; empty = they do not say.
    recipe: str

    def clock_s(self) -> float:
        """The instant now, in Unix seconds, by the one clock that stamps all tasks."""

    def make_tasks(self, clip: str, task_ids: Sequence[str]) -> Mapping[str, str]:
        """Make these tasks, ten at most, each to process the object *clip* of the storage.

        Returns:
            The tasks that were not sent, with the reason. None of them may run, or wait for ever.
        """

    def finished(self, task_ids: Sequence[str]) -> tuple[int, int]:
        """How many of these tasks are done, and how many failed."""

    def rows(self, task_ids: Sequence[str]) -> Mapping[str, TaskRow]:
        """What is known of each of these tasks; of those that are unknown, nothing."""

    def changed_since(self, since_s: float, ours: Collection[str]) -> tuple[str, ...]:
        """The ids of tasks that are not *ours* and that changed since an instant: of somebody else."""

    def workers(self, since_s: float | None = None) -> list[ReportedWorker]:
        """The workers that are there now; with *since_s* those that were there at any time since, too."""

    def forget(self, task_ids: Sequence[str]) -> None:
        """Remove what these tasks left: rows and results. Their messages must then do no harm."""

    def bare_command(self, source: Path, target: Path) -> Sequence[str]:
        """The command that does the work of a task with nothing around it: the ideal; empty = there is none.

        Without one nothing is a ratio to it: an objective of `efficiency`, say, has no data then, and never
        passes.
        """

    @property
    def results(self) -> Results | None:
        """What its tasks make; None where they leave nothing that could be looked at."""


class Results(Protocol):
    """What the tasks of a pipeline make: how it is seen that the work was done."""

    def sizes(self, task_ids: Sequence[str]) -> Mapping[str, int | None]:
        """The bytes of each task's result; None = there is none."""

    def fetch(self, task_id: str, target: Path) -> None:
        """Copy a task's result to a file."""

    def describe(self, made: Path) -> Mapping[str, str]:
        """What a result is, such as codec, picture and duration: alike for alike work.

        Of something that is no result, ``{"unreadable": why}``.
        """


class WebTier(Protocol):
    """The web tier of a pipeline, where it has one. Its endpoints are data: perf/cases/endpoints.py."""

    url: str

    def downloadable(self, clip: Clip) -> AbstractContextManager[str]:
        """The id of something that can be downloaded while nothing is processed; gone with the block."""

    def made_since(self, since_s: float, answered: Collection[str], clip: Path) -> Collection[str]:
        """What uploads of this clip have made since an instant and is still there.

        Of a deployment that others use too: *answered*, and what no answer was seen of and is the clip.
        """

    def remove(self, made: Collection[str]) -> None:
        """Remove what these uploads left: rows, objects, messages where that can be done."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A video as a case uses it.

    Attributes:
        path: the file on this machine.
        key: what `Pipeline.make_tasks` is given.
        what: its size, length and picture, for people.
        size_bytes: its size.
        stand_in: whether it has the name of another size than its own.
    """

    path: Path
    key: str
    what: str
    size_bytes: int
    stand_in: bool

    @property
    def said(self) -> str:
        """What it is, and whether it is small and stands in for one of the case's size."""
        return f"{self.what}, a small stand-in" if self.stand_in else self.what


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many workers there are: nodes, and worker processes on each.

    Attributes:
        exact: whether a deployment elsewhere must have just so many nodes, also where one is asked for; else
            as many processes on however many nodes will do.
    """

    nodes: int
    per_node: int
    exact: bool = field(default=False, compare=False)

    @property
    def total(self) -> int:
        """Worker processes over all nodes."""
        return self.nodes * self.per_node

    def __str__(self) -> str:
        return f"{self.nodes} node(s) x {self.per_node}" if self.total else "no workers"


#: No workers at all.
NONE = Fleet(0, 0)


def by_node(workers: Iterable[ReportedWorker]) -> dict[str, int]:
    """Worker processes of each node."""
    found: dict[str, int] = {}
    for worker in workers:
        found[worker.node] = found.get(worker.node, 0) + worker.concurrency
    return found


class Monitor(Protocol):
    """Who counts from outside what the parts of a deployment do, and tells it minutes later: CloudWatch."""

    @property
    def metrics(self) -> Sequence[CloudMetric]:
        """What it is asked for."""

    def points(self, metric: CloudMetric, begin_s: float, end_s: float) -> Sequence[tuple[float, float]]:
        """When each period of a metric began, in Unix seconds, and its value; in order, none = no data.

        Raises:
            HarnessError: it does not tell, and why.
        """


class Weight(StrEnum):
    """How much a finding weighs: a run begins where nothing is WRONG."""

    OK = "ok"
    NOTE = "note"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at a part of a deployment found, in one line.

    Attributes:
        part: what was looked at, in a word.
        text: what was found; where that is no good, also what would be.
        weight: how much that is.
    """

    part: str
    text: str
    weight: Weight = Weight.OK

    def __str__(self) -> str:
        return f"{self.weight:<5}  {self.part:<11}  {self.text}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of the pipeline under test.

    Attributes:
        name: what people call it.
        root: the folder that its code is in.
        python: the interpreter of the environment that it runs in.
    """

    name: str
    root: Path
    python: Path


class Deployment(Protocol):
    """Where a pipeline runs, as a case sees it: perf/deploy/deployment.py."""

    pipeline: Pipeline
    #: None where the pipeline has no web tier; its cases then cannot run.
    web: WebTier | None
    #: What it consists of, for people: queue, database, region. No secrets.
    description: Mapping[str, str]
    #: Whether the workers run on this machine, so that the bare command here is their ideal.
    is_here: bool
    #: Who looks at its parts from outside; None where nobody does.
    monitor: Monitor | None

    def prepare(self, fleet: Fleet) -> list[ReportedWorker]:
        """Scale the fleet, and wait until the workers report it and the queue is empty."""

    def idle(self) -> None:
        """End all processing, and wait until no worker reports itself."""

    def clip(self, size_mb: int) -> Clip:
        """The clip of this size (in MB, 2**20 bytes), in storage already."""

    def queued(self) -> int:
        """Messages in the queue: waiting, in flight and delayed; as SQS counts them, approximately."""

    def abandon(self) -> None:
        """Give up on tasks that are not finished, so that the next case starts on an idle deployment."""

    def look(self) -> Sequence[Finding]:
        """Look at all its parts, and change none; empty where they are this machine's own."""

    def beside(self, candidate: Candidate) -> AbstractContextManager[Deployment]:
        """The same place with this candidate's workers, on a queue of their own; they end with the block.

        Raises:
            HarnessError: workers cannot be started here.
        """


@runtime_checkable
class Elastic(Protocol):
    """A Deployment may have this beside its other methods: the autoscaling cases run where it has."""

    pipeline: Pipeline
    description: Mapping[str, str]

    def by_itself(self) -> AbstractContextManager[None]:
        """Within the block the fleet grows by its own rules, from what `prepare` has made of it.

        Raises:
            HarnessError: it has none.
        """
