"""The verdict on a case disturbed on purpose: what that explains is no reason to distrust it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from perf.judge.check import Problem
from perf.judge.run_checks import MACHINE_CHECKS
from perf.judge.slos import Slo
from perf.judge.verdict import Verdict, judge
from perf.measure.figures import Figures


def judge_explained(
    summary: Figures,
    slos: Sequence[Slo],
    seen: Sequence[Problem],
    own: Sequence[Problem],
    *,
    explains: Collection[str],
) -> Verdict:
    """The verdict.

    What others did on the machine explains nothing but a time: a task that is lost beside other load is lost.

    Args:
        summary: what is judged.
        slos: what by.
        seen: what the checks of every case found.
        own: what those of this kind found.
        explains: the checks whose finding is explained.
    """
    ours = [each for each in seen if each.check not in {*explains, *MACHINE_CHECKS}]
    verdict = judge(summary, slos, [*own, *ours])
    machine = [each for each in seen if each.check in MACHINE_CHECKS]
    if machine and verdict.took_too_long(summary):
        return judge(summary, slos, machine)
    return verdict
