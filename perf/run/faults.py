"""How a fault case runs: tasks at a steady rate, a strike on their schedule, and what becomes of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from perf.breakable import Breakable, Fate, Strikable
from perf.cases.case import Variant
from perf.cases.errors import HarnessError
from perf.cases.faults import FAULTS as STRIKES
from perf.cases.faults import OPTIONS, STRIKES_AT, Fault, FaultCase, fault_cases
from perf.cases.worker import Mode
from perf.judge.check import Problem
from perf.judge.evidence import Bare
from perf.judge.faults import judge_faults
from perf.judge.tasks import Round
from perf.load.plan import plan
from perf.load.schedule import offsets
from perf.load.striker import Striker
from perf.load.strikes import Strike, Struck
from perf.measure.fault_summary import FaultSummary
from perf.measure.machine import machine_use
from perf.measure.numbers import number
from perf.observe.machine import MachineObserver
from perf.observe.observer import observing
from perf.pipeline import Clip, Fleet, ReportedWorker
from perf.run.cell import Cell
from perf.run.context import Context
from perf.run.kind import Kind
from perf.run.tasks import run_tasks
from perf.store.ledgers import StoredLedger
from perf.store.result import Result, Table

#: How long the queue may take to be empty once every task has ended: longer than it hides a message.
SETTLE_S = {Variant.MOCKED: 40.0, Variant.LOCAL: 400.0}


@dataclass(frozen=True, slots=True)
class FaultFacts:
    """What a fault case ran on and with.

    Attributes:
        deployment: what it consists of.
        workers: as they reported themselves at the beginning.
        clip: what every task processed.
        rate_per_min: arrival rate.
        rate_source: where that comes from.
        explained: what checks found that the fault explains.
    """

    deployment: Mapping[str, str]
    workers: tuple[ReportedWorker, ...]
    clip: Clip
    rate_per_min: float
    rate_source: str
    explained: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True)
class FaultResult(Result):
    """All that a fault case gave."""

    case: FaultCase
    summary: FaultSummary
    facts: FaultFacts
    struck: tuple[Struck, ...]
    fates: Mapping[str, Fate]
    ledger: StoredLedger


class FaultKind(Kind[FaultCase, FaultResult]):
    """A fault under a load. Long, so by its marker or by name alone."""

    name = "faults"
    parameter = "fault_case"
    marker = "faults"
    feature = "Scenario 2: a bad day"
    case = FaultCase
    result = FaultResult
    summary = FaultSummary
    options = OPTIONS
    headlines = ("lost", "done_twice", "failed", "recovery_s", "retries")
    consolidated = "faults_consolidated.csv"

    def configured(self, options: Mapping[str, Any]) -> Self:
        """Faults that are named by an option are asked for, as by the marker."""
        kind = type(self)()
        kind.chosen = bool(options.get("faults"))
        return kind

    def cases(self, variant: Variant, options: Mapping[str, Any]) -> Sequence[FaultCase]:
        """See perf.cases.faults."""
        return fault_cases(variant, options)

    def run(self, case: FaultCase, context: Context) -> FaultResult:
        """Strike while tasks go through; the workers are ended afterwards, whatever became of them.

        Raises:
            HarnessError: the fault cannot be brought about here, or the suite broke.
        """
        deployment = context.deployment
        if not isinstance(deployment, Strikable):
            raise HarnessError(f"{case.id}: this deployment has nothing that can be struck (perf.breakable)")
        with context.listener.phase("fault proxies"):
            breakable = deployment.breakable()
        if why := breakable.lacks(case.fault):
            raise HarnessError(f"{case.id}: {case.fault} cannot be brought about here: {why}")
        inner = replace(context, deployment=breakable.deployment)
        try:
            return _FaultRun(case, inner, breakable, self).run()
        finally:
            breakable.deployment.idle()

    def tables(self, result: FaultResult) -> Mapping[str, Table]:
        """The strikes, and all that they did."""
        strikes = [
            (each.strike.fault, each.strike.offset_s, each.begun_s, each.ended_s, len(each.hits), each.how)
            for each in result.struck
        ]
        hits = [
            (each.strike.fault, hit.at_s, hit.where, hit.what, hit.done)
            for each in result.struck
            for hit in each.hits
        ]
        return {
            "strikes": [("fault", "offset_s", "begun_s", "ended_s", "hits", "how"), *strikes],
            "hits": [("fault", "at_s", "where", "what", "done"), *hits],
        }

    def circumstances(self, result: FaultResult) -> Mapping[str, str]:
        """The strike, arrival, workers, and what the fault explains."""
        facts = result.facts
        return {
            "strike": "; ".join(_said(each) for each in result.struck),
            "how": "; ".join(each.how for each in result.struck),
            "arrival": f"{number(facts.rate_per_min)}/min: {facts.rate_source}",
            "clip": facts.clip.said,
            "workers": ", ".join(f"{worker.name} x {worker.concurrency}" for worker in facts.workers),
            "explained by it": "; ".join(each.reason for each in facts.explained),
        }


FAULTS = FaultKind()


def _said(each: Struck) -> str:
    what = STRIKES[Fault(each.strike.fault)].what
    return (
        f"{what}, {number(each.strike.offset_s)} s after the first task was due, for "
        f"{number(each.ended_s - each.begun_s)} s: {len(each.hits)} hits"
    )


@dataclass
class _FaultRun:
    case: FaultCase
    context: Context
    breakable: Breakable
    kind: FaultKind

    def run(self) -> FaultResult:
        case = self.case
        cell = Cell(case.load, self.context, Fleet(case.nodes, case.concurrency // case.nodes))
        workers, clip = cell.prepare()
        alone = cell.alone(clip)
        per_min, source = cell.per_min(clip)
        rate_per_min = case.utilisation * per_min
        found, striker = self._struck(clip, alone, rate_per_min)
        judged = judge_faults(
            found,
            striker.struck,
            striker.fates,
            self.kind.slos(self.context.book, case),
            explains=STRIKES[case.fault].explains,
            concurrency=case.concurrency,
            tolerances=self.context.tolerances,
        )
        return FaultResult(
            case=case,
            summary=judged.summary,
            verdict=judged.verdict,
            machine_use=found.observed.machine,
            facts=FaultFacts(
                deployment=dict(self.context.deployment.description),
                workers=tuple(workers),
                clip=clip,
                rate_per_min=rate_per_min,
                rate_source=f"{case.utilisation:g} of {per_min:.1f}/min, from {source}",
                explained=judged.explained,
            ),
            struck=tuple(striker.struck),
            fates=striker.fates,
            ledger=found.ledger,
        )

    def _struck(self, clip: Clip, alone: Bare, rate_per_min: float) -> tuple[Round, Striker]:
        case, machine = self.case, MachineObserver()
        planned = plan(offsets(Mode.SUSTAINED, case.count(rate_per_min), rate_per_min).tolist())
        at_s = STRIKES_AT * planned[-1].offset_s
        striker = Striker(self.breakable, [Strike(case.fault, at_s, case.outage_s)], SETTLE_S[case.variant])
        log = self.context.folder / f"worker_tasks_{case.id}.log"
        with observing(machine):
            found = run_tasks(self.context, case.variant, clip, planned, log, beside=striker)
        observed = replace(found.observed, bare=alone, machine=machine_use(machine.seen))
        return replace(found, observed=observed), striker
