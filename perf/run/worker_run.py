"""How a worker case runs, from the deployment's preparation to the verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from perf.cases.worker import Mode, WorkerCase
from perf.judge.evidence import Bare
from perf.judge.run_checks import RATIO_STOOD
from perf.judge.slos import Slo
from perf.judge.tasks import Judged, Round, judge_tasks
from perf.judge.verdict import Verdict
from perf.judge.work_checks import TOO_FAST
from perf.load.plan import Planned, plan
from perf.load.schedule import offsets
from perf.measure.ideal import Ideal, ideal_of, merged
from perf.measure.machine import MachineUse, machine_use
from perf.measure.nodes import Nodes
from perf.measure.numbers import number
from perf.observe.machine import MachineObserver
from perf.observe.observer import observing
from perf.pipeline import Clip, ReportedWorker
from perf.run.cell import Cell, nodes_of
from perf.run.context import Context
from perf.run.deciding import decided, still_open
from perf.run.worker_result import WorkerFacts, WorkerResult

#: Bare runs beside a disturbed case grow to so many times as many as usual.
MOST_BARE = 8


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
class WorkerRun:
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
        """Inject, wait and judge, as often as it takes; what was tried before is told.

        Raises:
            HarnessError: the deployment is not as the case wants it, or it broke.
        """
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
