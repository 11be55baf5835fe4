"""What a case runs with, whatever its kind."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from perf.cases.case import Variant
from perf.cases.defaults import DEFAULTS
from perf.judge.check import Problem
from perf.judge.evidence import Bare, Tolerances
from perf.judge.slos import SloBook
from perf.measure.machine import MachineUse, machine_use
from perf.observe.completion import Progress
from perf.observe.machine import MachineObserver
from perf.pipeline import Deployment
from perf.run.ceiling import Ceiling


class ProgressListener(Protocol):
    """Who is told how far a case is: phases, and progress within them."""

    def phase(self, name: str) -> AbstractContextManager[None]:
        """A phase begins, and ends with the block."""

    def note(self, text: str) -> None:
        """How far it is, in words."""

    def show(self, progress: Progress) -> None:
        """How far the tasks are."""


@dataclass(frozen=True, slots=True)
class KneeFound:
    """The knee of a web tier as a search found it: requests/s that held, and the lowest that did not."""

    per_s: float | None
    broken_per_s: float | None
    #: The cores of each part of the pipeline, and their sum, at the lowest rate that broke.
    bottleneck: str = ""
    #: What makes it doubtful, and with it whatever is a share of it.
    doubts: tuple[Problem, ...] = ()


@dataclass
class References:
    """What a run has measured and later cases build on, by variant and cell.

    Attributes:
        alone: the bare command on the clip of a size, one run at a time, by variant and size in MB.
        capacities_per_min: the throughput of a burst that was done completely.
        ideals_per_min: that of bare runs around that burst; None where there were none.
        warm: the ids of the workers that have done tasks already.
        knees: of the web tier, by variant.
    """

    alone: dict[tuple[Variant, int], Bare] = field(default_factory=dict)
    capacities_per_min: dict[tuple[Variant, str], float] = field(default_factory=dict)
    ideals_per_min: dict[tuple[Variant, str], float | None] = field(default_factory=dict)
    warm: set[str] = field(default_factory=set)
    knees: dict[Variant, KneeFound] = field(default_factory=dict)


@dataclass
class Context:
    """What a case runs with.

    Attributes:
        deployment: the system under test.
        book: the SLOs.
        folder: where the logs and records of the load go.
        listener: who is told how far it is.
        references: what earlier cases measured; this one adds to it.
        drain_deadline_s: how long the queue may take to drain, instead of the variant's default.
        tolerances: from where on a disturbance makes a case INVALID.
        ceiling: what the run may take at most; knows what a node costs.
    """

    deployment: Deployment
    book: SloBook
    folder: Path
    listener: ProgressListener
    references: References = field(default_factory=References)
    drain_deadline_s: float | None = None
    tolerances: Tolerances = field(default_factory=Tolerances)
    ceiling: Ceiling = field(default_factory=Ceiling)

    def deadline_s(self, variant: Variant) -> float:
        """How long the queue may take to drain after the last task was due."""
        return self.drain_deadline_s or DEFAULTS[variant].drain_deadline_s

    def use_of(self, observer: MachineObserver) -> MachineUse | None:
        """What this machine did, where what is measured runs on it."""
        return machine_use(observer.seen) if self.deployment.is_here else None
