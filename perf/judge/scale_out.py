"""The verdict on an autoscaling case: what growing explains is no reason to distrust it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perf.cases.scale_out import ScaleOutCase
from perf.cases.worker import Mode
from perf.judge.check import Problem
from perf.judge.evidence import Tolerances
from perf.judge.explained import judge_explained
from perf.judge.slos import Slo
from perf.judge.tasks import Round, problems_of
from perf.judge.verdict import Verdict
from perf.measure.scale_out import ScaleOutSummary

#: Workers join, and are more than there were: that is what it is for. New ones wait for their first task.
GROWING = frozenset(
    {"same workers", "parallelism as set", "as many processes", "all worked", "utilisation law"}
)


def judge_scale_out(
    found: Round, summary: ScaleOutSummary, slos: Sequence[Slo], case: ScaleOutCase, tolerances: Tolerances
) -> tuple[Verdict, tuple[Problem, ...]]:
    """The verdict, and what the checks found that growing explains."""
    seen = problems_of(
        found, concurrency=case.concurrency, mode=Mode.SUSTAINED, ideal=None, tolerances=tolerances
    )
    explained = tuple(each for each in seen if each.check in GROWING)
    if summary.scale_out_s is None:  # it did not grow: that is told by `nodes_after`, once
        slos = [slo for slo in slos if summary.value(slo.metric) is not None]
    own = list(_kept_up(summary, case.after_s))
    return judge_explained(summary, slos, seen, own, explains=GROWING), explained


def _kept_up(summary: ScaleOutSummary, load_s: float) -> Iterator[Problem]:
    """Where the nodes that were there caught up under the load, nothing asked for more of them."""
    if summary.scale_out_s is None and summary.caught_up_s is not None and summary.caught_up_s < load_s:
        yield Problem(
            "the raised load was no more than the nodes that were there can do: what they can was measured "
            "too low",
            "run again on a machine that does nothing else meanwhile",
            "load asked for more",
        )
