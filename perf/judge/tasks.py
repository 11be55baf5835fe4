"""From what was measured of tasks to the verdict of their case. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perf.cases.worker import Mode
from perf.judge.check import Problem, problems
from perf.judge.evidence import Observed, TaskEvidence, Tolerances
from perf.judge.reasons import with_reasons
from perf.judge.run_checks import RUN_CHECKS, unsteady
from perf.judge.slos import Slo
from perf.judge.task_checks import TASK_CHECKS
from perf.judge.verdict import Verdict, judge
from perf.measure.ideal import Ideal
from perf.measure.intervals import Interval, intervals
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.nodes import Nodes
from perf.measure.rounds import joined
from perf.measure.summary import Summary


@dataclass(frozen=True, slots=True)
class Round:
    """One injection: its records, and what was seen of it. A burst may have several."""

    ledger: Ledger
    observed: Observed


@dataclass(frozen=True, slots=True)
class Judged:
    """What follows from the rounds of a case; what was observed is that of the last."""

    ledger: Ledger
    summary: Summary
    intervals: Mapping[str, Interval]
    verdict: Verdict
    observed: Observed


def problems_of(
    found: Round, *, concurrency: int, mode: Mode, ideal: Ideal | None, tolerances: Tolerances
) -> tuple[Problem, ...]:
    """What the checks find in one injection."""
    summary = summarise(found.ledger, concurrency=concurrency, mode=mode, ideal=ideal)
    evidence = TaskEvidence(found.ledger, summary, concurrency, mode, found.observed, tolerances)
    return problems((*TASK_CHECKS, *RUN_CHECKS), evidence)


def judge_tasks(
    rounds: Sequence[Round],
    slos: Sequence[Slo],
    *,
    concurrency: int,
    mode: Mode,
    ideal: Ideal | None,
    tolerances: Tolerances,
    nodes: Nodes | None = None,
) -> Judged:
    """The verdict on a case: checks first, of each round; where something is wrong there are no intervals.

    Args:
        rounds: at least one.
        slos: what it is judged by.
        concurrency: worker processes over the whole deployment.
        mode: how the tasks arrived.
        ideal: what the bare command does, if that is known.
        tolerances: from where on a disturbance counts.
        nodes: on which they were done; None where that is not known.
    """
    found: dict[str, Problem] = {}
    for each in rounds:
        wrong = problems_of(each, concurrency=concurrency, mode=mode, ideal=ideal, tolerances=tolerances)
        found |= {str(problem): problem for problem in wrong}
    ledger = joined([each.ledger for each in rounds])
    summary = summarise(
        ledger,
        concurrency=concurrency,
        mode=mode,
        ideal=ideal,
        rounds=len(rounds),
        nodes=nodes,
    )
    spread: dict[str, Interval] = {}
    if not found:
        spread = intervals(ledger, summary, concurrency=concurrency, mode=mode, ideal=ideal)
    verdict = judge(summary, slos, found.values(), spread)
    others = [problem for each in rounds for problem in unsteady(each.observed, tolerances)]
    if others and verdict.took_too_long(summary):
        spread, verdict = {}, judge(summary, slos, others)
    return Judged(ledger, summary, spread, with_reasons(verdict, ledger), rounds[-1].observed)
