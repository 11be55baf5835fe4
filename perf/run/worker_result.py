"""What a worker case gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perf.cases.worker import WorkerCase
from perf.measure.ideal import Ideal
from perf.measure.summary import Summary
from perf.pipeline import Clip, ReportedWorker
from perf.store.ledgers import StoredLedger
from perf.store.result import Result


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a worker case ran on and with.

    Attributes:
        deployment: what it consists of.
        workers: as they reported themselves at the beginning.
        clip: what every task processed.
        rate_per_min: arrival rate of a sustained case.
        rate_source: where that rate comes from.
        clock_uncertainty_s: by how much the instants of the injector may be off against the pipeline's.
        recipe: how the ideal was made, and the work done.
        attempts: what was undecided or disturbed before, a line each, where it was tried again.
        price: what a node costs and who says so; empty where that is not known.
    """

    deployment: Mapping[str, str]
    workers: tuple[ReportedWorker, ...]
    clip: Clip
    rate_per_min: float | None
    rate_source: str
    clock_uncertainty_s: float
    recipe: str = ""
    attempts: tuple[str, ...] = ()
    price: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkerResult(Result):
    """All that a worker case gave."""

    case: WorkerCase
    summary: Summary
    ideal: Ideal | None
    facts: WorkerFacts
    ledger: StoredLedger
