"""How an autoscaling case runs: tasks at two rates, while the fleet is left to grow by its own rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perf.cases.case import Variant
from perf.cases.errors import HarnessError
from perf.cases.scale_out import AFTER, BEFORE, ScaleOutCase, scale_out_cases
from perf.judge.check import Problem
from perf.judge.scale_out import judge_scale_out
from perf.judge.tasks import Round
from perf.load.fleet_watch import FleetWatch
from perf.load.plan import plan
from perf.measure.machine import machine_use
from perf.measure.numbers import number
from perf.measure.scale_out import NodesSeen, ScaleOutSummary, scale_out_summary
from perf.observe.machine import MachineObserver
from perf.observe.observer import observing
from perf.pipeline import Clip, Elastic, Fleet, ReportedWorker
from perf.run.cell import Cell
from perf.run.context import Context
from perf.run.kind import Kind
from perf.run.tasks import run_tasks
from perf.store.ledgers import StoredLedger
from perf.store.result import Result, Table


@dataclass(frozen=True, slots=True)
class ScaleOutFacts:
    """What an autoscaling case ran on and with.

    Attributes:
        deployment: what it consists of.
        workers: as they reported themselves before the load rose.
        clip: what every task processed.
        capacity_per_min: of one node.
        capacity_source: where that comes from.
        rise_s: when the load rose, in Unix seconds.
        nodes: how many reported themselves, in the order of time.
        explained: what checks found that growing explains.
    """

    deployment: Mapping[str, str]
    workers: tuple[ReportedWorker, ...]
    clip: Clip
    capacity_per_min: float
    capacity_source: str
    rise_s: float
    nodes: tuple[NodesSeen, ...]
    explained: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True)
class ScaleOutResult(Result):
    """All that an autoscaling case gave."""

    case: ScaleOutCase
    summary: ScaleOutSummary
    facts: ScaleOutFacts
    ledger: StoredLedger


class ScaleOutKind(Kind[ScaleOutCase, ScaleOutResult]):
    """The load rises and the fleet grows. Long, and changes a fleet's size by itself: by its marker alone."""

    name = "autoscaling"
    parameter = "scale_out"
    marker = "autoscaling"
    feature = "Scenario 2: autoscaling"
    case = ScaleOutCase
    result = ScaleOutResult
    summary = ScaleOutSummary
    headlines = ("scale_out_s", "node_there_s", "warm_up_ratio", "caught_up_s", "nodes_after")
    consolidated = "autoscaling_consolidated.csv"

    def cases(self, variant: Variant, options: Mapping[str, Any]) -> Sequence[ScaleOutCase]:
        """See perf.cases.scale_out."""
        return scale_out_cases(variant, options)

    def run(self, case: ScaleOutCase, context: Context) -> ScaleOutResult:
        """Send at the lower and at the higher rate, on one node at first.

        Raises:
            HarnessError: nothing makes this fleet grow, or the suite broke.
        """
        deployment = context.deployment
        if not isinstance(deployment, Elastic):
            raise HarnessError(f"{case.id}: this deployment has no fleet that grows (perf.pipeline.Elastic)")
        cell = Cell(case.load, context, Fleet(1, case.concurrency, exact=True))
        workers, clip = cell.prepare()
        alone = cell.alone(clip)
        per_min, source = cell.per_min(clip)
        watch, machine = FleetWatch(deployment.pipeline, context.ceiling.nodes), MachineObserver()
        planned = plan(case.offsets_s(per_min))
        log = context.folder / f"worker_tasks_{case.id}.log"
        with observing(machine), deployment.by_itself():
            found = run_tasks(context, case.variant, clip, planned, log, beside=watch)
        found = replace(
            found, observed=replace(found.observed, bare=alone, machine=machine_use(machine.seen))
        )
        facts = ScaleOutFacts(
            deployment=dict(deployment.description),
            workers=tuple(workers),
            clip=clip,
            capacity_per_min=per_min,
            capacity_source=source,
            rise_s=float(found.ledger.scheduled_s.min()) + case.before_s,
            nodes=tuple(NodesSeen(*each) for each in watch.seen),
            explained=(),
        )
        return self._judged(case, context, found, facts)

    def _judged(
        self, case: ScaleOutCase, context: Context, found: Round, facts: ScaleOutFacts
    ) -> ScaleOutResult:
        first = {worker.node for worker in facts.workers}
        summary = scale_out_summary(found.ledger, first, facts.rise_s, facts.nodes)
        slos = self.slos(context.book, case)
        verdict, explained = judge_scale_out(found, summary, slos, case, context.tolerances)
        return ScaleOutResult(
            case=case,
            summary=summary,
            verdict=verdict,
            machine_use=found.observed.machine,
            facts=replace(facts, explained=explained),
            ledger=found.ledger,
        )

    def tables(self, result: ScaleOutResult) -> Mapping[str, Table]:
        """How many nodes there were, second by second."""
        rise_s = result.facts.rise_s
        rows = [(each.at_s, each.at_s - rise_s, each.nodes) for each in result.facts.nodes]
        return {"nodes": [("unix_s", "since_rise_s", "nodes"), *rows]}

    def circumstances(self, result: ScaleOutResult) -> Mapping[str, str]:
        """Arrival, workers, and what growing explains."""
        facts = result.facts
        return {
            "arrival": f"{BEFORE:g}, then {AFTER:g} of {number(facts.capacity_per_min)}/min, "
            f"which one node does by {facts.capacity_source}",
            "clip": facts.clip.said,
            "workers at first": ", ".join(f"{each.name} x {each.concurrency}" for each in facts.workers),
            "explained by it": "; ".join(each.reason for each in facts.explained),
        }


SCALE_OUT = ScaleOutKind()
