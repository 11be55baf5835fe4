"""The verdict on a fault case: what it came to, and what can be trusted of it though it was struck. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from perf.breakable import Fate
from perf.cases.worker import Mode
from perf.judge.check import Problem
from perf.judge.evidence import Tolerances
from perf.judge.explained import judge_explained
from perf.judge.reasons import with_reasons
from perf.judge.slos import Slo
from perf.judge.tasks import Round, problems_of
from perf.judge.verdict import Verdict
from perf.load.strikes import Struck
from perf.measure.fault_summary import FaultSummary, fault_summary

#: What the SLOs of a fault case say themselves: a lost task is a FAIL here, not a reason for doubt.
TOLD_BY_SLOS = frozenset({"nothing lost"})
#: By which a worker that did not survive the fault is found: no doubt where its tasks are lost with it.
ENDED = frozenset({"same workers"})


@dataclass(frozen=True, slots=True)
class FaultJudged:
    """What follows from a fault case; *explained* is what checks found that the fault explains."""

    summary: FaultSummary
    verdict: Verdict
    explained: tuple[Problem, ...]


def judge_faults(
    found: Round,
    struck: Sequence[Struck],
    fates: Mapping[str, Fate],
    slos: Sequence[Slo],
    *,
    explains: Collection[str],
    concurrency: int,
    tolerances: Tolerances,
) -> FaultJudged:
    """The verdict: what the fault does not explain makes it INVALID, as it does any case."""
    summary = fault_summary(found.ledger, fates, struck)
    seen = problems_of(found, concurrency=concurrency, mode=Mode.SUSTAINED, ideal=None, tolerances=tolerances)
    if not all(_held(summary, slos)):  # what was lost never recovers, and workers that ended are why
        slos = [slo for slo in slos if summary.value(slo.metric) is not None]
        explains = {*explains, *(ENDED if _none_joined(found) else ())}
    explained = tuple(each for each in seen if each.check in explains)
    verdict = judge_explained(summary, slos, seen, list(_missed(struck)), explains={*explains, *TOLD_BY_SLOS})
    return FaultJudged(summary, with_reasons(verdict, found.ledger), explained)


def _held(summary: FaultSummary, slos: Sequence[Slo]) -> Iterator[bool]:
    values = ((slo, summary.value(slo.metric)) for slo in slos)
    return (slo.holds(value) for slo, value in values if value is not None)


def _none_joined(found: Round) -> bool:
    """Whether all workers at the end are of those at the beginning: nobody else can have taken a task."""
    workers = found.observed.workers
    return workers is not None and workers.after.keys() <= workers.before.keys()


def _missed(struck: Sequence[Struck]) -> Iterator[Problem]:
    """A strike that hit nothing has tried nothing."""
    if not struck:
        yield Problem("nothing was struck", "see the run's log", "strike hit")
    for each in struck:
        if not each.hits:
            yield Problem(
                f"the strike {each.strike.fault} hit nothing: no request came to it while it lasted",
                "give a higher --utilisation",
                "strike hit",
            )
