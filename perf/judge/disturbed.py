"""Which pairs of blocks are not judged: a rule that was fixed before any was seen. Pure.

A pair is left out where a check finds something in one of its blocks, or where other load differed between
the two so much that it alone may have moved their ratio by `Tolerances.effect_share`. The rule looks at what
was around the blocks and at whether their work was done, never at how long they took, so it favours neither
side. What it left out is counted and told.

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
from perf.measure.machine import MachineUse
from perf.measure.numbers import number

WRONG = 3
#: The checks of what was around a block.
DISTURBANCES = {*(check.name for check in RUN_CHECKS), "injector on time"} - {"same workers"}
#: What `found` calls other load that differed within a pair.
OTHER_LOAD = "other load"


def faults(blocks: Mapping[str, Round], concurrency: int, tolerances: Tolerances) -> list[Problem]:
    """What is the matter with a pair, by the names of its sides; nothing where it counts."""
    # Load that both blocks had alike is in both, and leaves their ratio what it is.
    alike = replace(tolerances, other_cores=inf if tolerances.other_cores is None else tolerances.other_cores)
    found: list[Problem] = []
    for side, block in blocks.items():
        problems = problems_of(block, concurrency=concurrency, mode=Mode.BURST, ideal=None, tolerances=alike)
        found += [replace(each, reason=f"{side}: {each.reason}") for each in problems]
    moved = _moved([block.observed.machine for block in blocks.values()])
    if moved > tolerances.effect_share:
        reason = f"other load that one block had alone may move the ratio by up to {number(100 * moved)} %"
        found.append(Problem(reason, "end it, or let it run evenly", OTHER_LOAD))
    return found


def _moved(uses: Sequence[MachineUse | None]) -> float:
    """The share by which other load that differed may have moved the ratio of two blocks."""
    known = [use for use in uses if use is not None]
    if len(known) < 2:
        return 0.0
    others = [use.other_cores for use in known]
    return (max(others) - min(others)) / max(known[0].cpus - min(others), 1.0)


def wrong_work(faults_of_pairs: Sequence[Sequence[Problem]]) -> tuple[Problem, ...]:
    """What was found so often that a side cannot be trusted: the first of its kind, and how often."""
    work = [each for faults in faults_of_pairs for each in faults if each.check not in DISTURBANCES]
    often = Counter(each.check for each in work if each.check != OTHER_LOAD)
    return tuple(
        replace(next(each for each in work if each.check == check), remedy=f"found {times} times: look at it")
        for check, times in often.items()
        if times >= WRONG
    )
