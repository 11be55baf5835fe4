"""The kind of the worker cases: what they are, and how their results are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from perf.cases.case import Variant
from perf.cases.worker import OPTIONS, Mode, WorkerCase, worker_cases
from perf.judge.slos import Slo, SloBook
from perf.judge.verdict import with_loss
from perf.measure.nodes import NodeShare, shares
from perf.measure.numbers import counted, number
from perf.measure.summary import METRICS, Summary
from perf.pipeline import State
from perf.run.context import Context
from perf.run.kind import Kind
from perf.run.worker_result import WorkerResult
from perf.run.worker_run import WorkerRun
from perf.store.result import Table

#: The columns of the procedure this suite replaces, in its order; then ours.
_KNOWN = ("total", "done", "failed", "processing", "uploaded", "throughput_per_min", "s_mean_s", "s_p50_s")
_RENAMED = {"throughput_per_min": "x_videos_per_min"}


def known_row(summary: Summary) -> dict[str, float | None]:
    """The columns of the procedure we replace, by its names."""
    return {_RENAMED.get(name, name): summary.value(name) for name in _KNOWN}


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
        return WorkerRun(case, context, self.slos(context.book, case)).run()

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
            "clip": facts.clip.said,
            "arrival": arrival,
            "workers": ", ".join(
                f"{counted(each.concurrency, 'process', 'processes')} on {each.node} (pid {each.pid})"
                for each in facts.workers
            ),
            "recipe": facts.recipe,
            "tried before": "; ".join(facts.attempts),
            "price of a node": price,
        }


WORKER = WorkerKind()
