"""Which pairs of blocks are not judged: a rule that was fixed before any was seen. Pure.

A pair is left out where a check finds something in one of its blocks: in what was around it, or in whether
its work was done, never in how long it took, so the rule favours neither side. What it left out is counted
and told. Other load is no reason: what it did to a pair is taken out of its ratio (perf.measure.pairs).

A check that finds fault with the work itself, and not with the machine, does so by chance once in a long
while; WRONG times is no chance, and nothing can be said of such a side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

from perf.cases.worker import Mode
from perf.judge.check import Problem
from perf.judge.evidence import Tolerances
from perf.judge.run_checks import RUN_CHECKS
from perf.judge.tasks import Round, problems_of

WRONG = 3
#: The checks of what was around a block.
DISTURBANCES = {*(check.name for check in RUN_CHECKS), "injector on time"} - {"same workers"}


def faults(blocks: Mapping[str, Round], concurrency: int, tolerances: Tolerances) -> list[Problem]:
    """What is the matter with a pair, by the names of its sides; nothing where it counts."""
    # How much others do is no matter here, unless somebody has said how much they may.
    most = inf if tolerances.other_cores is None else tolerances.other_cores
    alike = replace(tolerances, other_cores=most, effect_share=inf)
    found: list[Problem] = []
    for side, block in blocks.items():
        problems = problems_of(block, concurrency=concurrency, mode=Mode.BURST, ideal=None, tolerances=alike)
        found += [replace(each, reason=f"{side}: {each.reason}") for each in problems]
    return found


def wrong_work(faults_of_pairs: Sequence[Sequence[Problem]]) -> tuple[Problem, ...]:
    """What was found so often that a side cannot be trusted: the first of its kind, and how often."""
    work = [each for faults in faults_of_pairs for each in faults if each.check not in DISTURBANCES]
    often = Counter(each.check for each in work)
    return tuple(
        replace(next(each for each in work if each.check == check), remedy=f"found {times} times: look at it")
        for check, times in often.items()
        if times >= WRONG
    )
