"""How a worker case runs, from the deployment's preparation to the verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import reduce
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator

from perf.cases.case import Variant
from perf.cases.worker import OPTIONS, Mode, WorkerCase, worker_cases
from perf.judge.evidence import Bare
from perf.judge.run_checks import RATIO_STOOD
from perf.judge.slos import Slo, SloBook
from perf.judge.tasks import Judged, Round, judge_tasks
from perf.judge.verdict import Verdict, with_loss
from perf.judge.work_checks import TOO_FAST
from perf.load.plan import Planned, plan
from perf.load.schedule import offsets
from perf.measure.ideal import Ideal, ideal_of, merged
from perf.measure.ledger import Ledger
from perf.measure.machine import MachineUse, machine_use
from perf.measure.nodes import Nodes, NodeShare, shares
from perf.measure.numbers import number
from perf.measure.summary import METRICS, Summary
from perf.observe.machine import MachineObserver
from perf.observe.observer import observing
from perf.observe.seen import TaskRecord
from perf.pipeline import Clip, ReportedWorker, State
from perf.run.cell import Cell, nodes_of
from perf.run.context import Context
from perf.run.deciding import decided, still_open
from perf.run.kind import Kind
from perf.store.result import Result, Table

#: Bare runs beside a disturbed case grow to so many times as many as usual.
MOST_BARE = 8
#: The columns of the procedure this suite replaces, in its order; then ours.
_KNOWN = ("total", "done", "failed", "processing", "uploaded", "throughput_per_min", "s_mean_s", "s_p50_s")
_RENAMED = {"throughput_per_min": "x_videos_per_min"}


def known_row(summary: Summary) -> dict[str, float | None]:
    """The columns of the procedure we replace, by its names."""
    return {_RENAMED.get(name, name): summary.value(name) for name in _KNOWN}


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


def write_ledger(ledger: Ledger) -> list[dict[str, Any]]:
    """The records as documents hold them."""
    names = TaskRecord.__slots__
    return [{name: getattr(record, name) for name in names} for record in ledger.to_records()]


def read_ledger(records: Sequence[Mapping[str, Any]]) -> Ledger:
    """The same read back."""
    return Ledger.of(TaskRecord(**record) for record in records)


#: A ledger as a field of a result; in documents it is its records.
StoredLedger = Annotated[
    Ledger, PlainValidator(read_ledger), PlainSerializer(write_ledger), Field(alias="records")
]


@dataclass(frozen=True, kw_only=True)
class WorkerResult(Result):
    """All that a worker case gave."""

    case: WorkerCase
    summary: Summary
    ideal: Ideal | None
    facts: WorkerFacts
    ledger: StoredLedger


class WorkerKind(Kind[WorkerCase, WorkerResult]):
    """Video size x worker concurrency x nodes x mode."""

    name = "worker"
    parameter = "case"
    feature = "Scenario 2: worker throughput"
    case = WorkerCase
    result = WorkerResult
    summary = Summary
    options = OPTIONS
    headlines = (
        "throughput_per_min",
        "efficiency",
        "response_p50_s",
        "response_p95_s",
        "service_p50_s",
    )
    consolidated = "scenario2_consolidated.csv"

    def cases(self, variant: Variant, options: Mapping[str, Any]) -> Sequence[WorkerCase]:
        """See perf.cases.worker."""
        return worker_cases(variant, options)

    def slos(self, book: SloBook, case: WorkerCase) -> tuple[Slo, ...]:
        """Those of the book and, of a sustained case, that it loses nothing: backlog and capacity."""
        return with_loss(book.for_case(case), case.mode)

    def run(self, case: WorkerCase, context: Context) -> WorkerResult:
        """Inject the case's tasks, wait for all of them, judge what was measured."""
        return _WorkerRun(case, context, self.slos(context.book, case)).run()

    def row(self, result: WorkerResult) -> Mapping[str, object]:
        """The known columns first, then the verdict and all metrics."""
        case, value = result.case, result.summary.value
        axes = case.axes
        nodes = axes.pop("nodes")  # no column of that procedure
        row: dict[str, object] = {**axes, "rate_per_min": result.facts.rate_per_min}
        row |= known_row(result.summary)
        row |= {"nodes": nodes, "verdict": result.verdict.kind, "case": case.id, "variant": case.variant}
        return row | {name: value(name) for name in METRICS if name not in _KNOWN}

    def tables(self, result: WorkerResult) -> Mapping[str, Table]:
        """What each node did, where there are several."""
        nodes = {worker.node for worker in result.facts.workers}
        if len(nodes) < 2:
            return {}
        found = shares(result.ledger, nodes, result.summary.makespan_s)
        return {"nodes": [NodeShare.__slots__, *(astuple(each) for each in found)]}

    def alike(self, result: WorkerResult) -> Mapping[str, str]:
        """Parameters, load, clip, ffmpeg's arguments and, of aws, the deployment."""
        case, facts = result.case, result.facts
        found = {**case.parameters, "clip": facts.clip.what, "recipe": facts.recipe}
        if case.mode is Mode.SUSTAINED:
            share = f"{case.utilisation:g} of the capacity"
            found["arrival"] = share if case.rate_per_min is None else f"{case.rate_per_min:g}/min"
        if case.variant is Variant.AWS:
            found |= {f"deployment's {name}": text for name, text in facts.deployment.items()}
        return found

    def service_times_s(self, result: WorkerResult) -> Sequence[float]:
        """Of the tasks that are done, in the order they were due."""
        done = result.ledger.select(State.DONE)
        return [float(each) for each in done.finished_s - done.started_s]

    def circumstances(self, result: WorkerResult) -> Mapping[str, str]:
        """Clip, arrival and workers."""
        facts = result.facts
        arrival, price = facts.rate_source, facts.price
        if result.case.variant is Variant.AWS and not price:
            price = "not known: PERF_NODE_TYPE or PERF_NODE_PRICE does not say what a node is"
        if facts.rate_per_min is not None:
            arrival = f"{number(facts.rate_per_min)}/min: {arrival}"
        return {
            "clip": facts.clip.what + (" (stands in)" if facts.clip.stand_in else ""),
            "arrival": arrival,
            "workers": ", ".join(f"{worker.name} x {worker.concurrency}" for worker in facts.workers),
            "recipe": facts.recipe,
            "tried before": "; ".join(facts.attempts),
            "price of a node": price,
        }


WORKER = WorkerKind()


@dataclass(frozen=True, slots=True)
class Rate:
    """Of arrivals, in tasks per minute, and where it comes from; None = all at once."""

    per_min: float | None
    source: str

    def at(self, speed: float) -> Rate:
        """The same share of the capacity of a machine that has become so slow."""
        if self.per_min is None or speed == 1:
            return self
        return Rate(speed * self.per_min, f"{self.source}, on a machine at {number(speed)} of that speed")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One injection, and the ideal of the bare runs around it where the workers are here."""

    round: Round
    ideal: Ideal | None
    rate: Rate

    def beside(self, alone: Bare) -> Attempt:
        """The same, held against other bare runs alone."""
        observed = self.round.observed
        bare = replace(observed.bare, alone=alone.alone, alone_use=alone.alone_use)
        return replace(self, round=replace(self.round, observed=replace(observed, bare=bare)))


def _ideal(tried: Sequence[Attempt]) -> Ideal | None:
    ideals = [each.ideal for each in tried if each.ideal is not None]
    return reduce(merged, ideals) if ideals else None


def _why_again(verdict: Verdict) -> str:
    """Why a case is to go on: more tasks could tell, or nothing is wrong but what others did meanwhile."""
    if verdict.open:
        return still_open(verdict)
    if {problem.check for problem in verdict.problems} == {RATIO_STOOD}:
        return "; ".join(problem.reason for problem in verdict.problems)
    return ""


def _too_fast(verdict: Verdict) -> bool:
    return any(problem.check in TOO_FAST for problem in verdict.problems)


@dataclass
class _WorkerRun:
    """A case until it is decided.

    A burst that is undecided is repeated beside those before it; a sustained load lasts twice as long, in
    place of the one before. What other load has disturbed is done again as it was, between more bare runs:
    a few short ones may each time miss a neighbour that comes and goes. Tasks that look too fast are held
    against bare runs of now as well, once: the machine may have been slower when those were made.
    """

    case: WorkerCase
    context: Context
    slos: tuple[Slo, ...]
    attempts: list[str] = field(default_factory=list)
    disturbed: int = 0
    doubted: bool = False

    def run(self) -> WorkerResult:
        cell = Cell(self.case, self.context)
        workers, clip = cell.prepare()
        count, stood, end_s = self.case.count, list[Attempt](), math.inf
        while True:
            began_s = time.monotonic()
            tried = [*stood, self._one(cell, clip, count)]
            judged = self._judged(tried, nodes_of(workers))
            if _too_fast(judged.verdict) and not self.doubted:
                self.doubted, alone = True, cell.alone_again(clip)
                tried = [each.beside(alone) for each in tried]
                judged = self._judged(tried, nodes_of(workers))
            end_s = min(end_s, time.monotonic() + self.case.decide_s)  # beyond the first
            longer = judged.verdict.open and self.case.mode is Mode.SUSTAINED
            next_s = (time.monotonic() - began_s) * (2 if longer else 1)
            why = _why_again(judged.verdict)
            if not why or time.monotonic() + next_s > end_s:
                return self._result(cell, judged, tried, workers, clip)
            self.attempts.append(f"{judged.summary.total} tasks: {why}")
            self.context.listener.note(f"once more: {self.attempts[-1]}")
            if longer:
                count *= 2
            elif judged.verdict.open:
                stood = tried
            else:  # what was disturbed is left out
                self.disturbed += 1

    def _one(self, cell: Cell, clip: Clip, count: int) -> Attempt:
        """One injection between bare runs before and after it: no drift of the machine favours either."""
        alone, rate = cell.alone(clip), self._rate(cell, clip)
        machine = MachineObserver()
        if not (self.context.deployment.is_here and cell.has_bare(clip)):
            with observing(machine):
                done = cell.tasks(clip, self._planned(count, rate), self._name)
            return Attempt(self._with(done, alone, self.context.use_of(machine)), None, rate)
        times = min(2**self.disturbed, MOST_BARE)
        before, use_before = cell.bare(clip, times)
        if self.case.rate_per_min is None:
            rate = rate.at(cell.speed(before))
        with observing(machine):
            done = cell.tasks(clip, self._planned(count, rate), self._name)
        after, use_after = cell.bare(clip, times)
        ideal = merged(ideal_of(before), ideal_of(after))
        bare = replace(alone, before=use_before, after=use_after, change=ideal.change)
        return Attempt(self._with(done, bare, machine_use(machine.seen)), ideal, rate)

    def _planned(self, count: int, rate: Rate) -> list[Planned]:
        return plan(offsets(self.case.mode, count, rate.per_min).tolist())

    @property
    def _name(self) -> str:
        """What the log of the injection is called: each has its own."""
        return f"{self.case.id}-more{len(self.attempts)}" if self.attempts else self.case.id

    def _with(self, done: Round, bare: Bare, use: MachineUse | None) -> Round:
        return replace(done, observed=replace(done.observed, bare=bare, machine=use))

    def _judged(self, tried: Sequence[Attempt], nodes: int) -> Judged:
        price = self.context.ceiling.price
        with self.context.listener.phase("judge"):
            return judge_tasks(
                [each.round for each in tried],
                self.slos,
                concurrency=self.case.workers,
                mode=self.case.mode,
                ideal=_ideal(tried),
                tolerances=self.context.tolerances,
                nodes=Nodes(nodes, price.usd_per_h if price else None),
            )

    def _result(
        self,
        cell: Cell,
        judged: Judged,
        tried: Sequence[Attempt],
        workers: Sequence[ReportedWorker],
        clip: Clip,
    ) -> WorkerResult:
        if self.case.mode is Mode.BURST:
            cell.remember(judged.summary)
        observed = judged.observed
        return WorkerResult(
            case=self.case,
            summary=judged.summary,
            verdict=decided(
                judged.verdict,
                self.case.decide_s,
                "tasks",
                "give more --count, a lower --rate, or more time",
            ),
            intervals=judged.intervals,
            machine_use=observed.machine,
            ideal=_ideal(tried),
            facts=WorkerFacts(
                deployment=dict(self.context.deployment.description),
                workers=tuple(workers),
                clip=clip,
                rate_per_min=tried[-1].rate.per_min,
                rate_source=tried[-1].rate.source,
                clock_uncertainty_s=observed.clock.uncertainty_s if observed.clock else 0.0,
                recipe=self.context.deployment.pipeline.recipe,
                attempts=tuple(self.attempts),
                price=price.source if (price := self.context.ceiling.price) else "",
            ),
            ledger=judged.ledger,
        )

    def _rate(self, cell: Cell, clip: Clip) -> Rate:
        """The arrival rate of the case."""
        case = self.case
        if case.mode is Mode.BURST:
            return Rate(None, "all at once")
        if case.rate_per_min is not None:
            return Rate(case.rate_per_min, "given")
        per_min, source = cell.per_min(clip)
        return Rate(case.utilisation * per_min, f"{case.utilisation:g} of {per_min:.1f}/min, from {source}")
