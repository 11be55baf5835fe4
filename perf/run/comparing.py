"""Compares two sides: pairs of blocks until the rule decides, and what is to be said of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perf.cases.against import AgainstCase
from perf.deploy.candidates import Reference
from perf.judge.check import Problem
from perf.judge.compare import ALPHA, Comparison, compare, conclusion, judged
from perf.judge.disturbed import wrong_work
from perf.judge.outcome import Outcome
from perf.judge.work_checks import TOO_FAST
from perf.load.turns import AGAINST, HERE, turns
from perf.measure.blocks import MEASURES
from perf.measure.pairs import LOOKS, level_of
from perf.run.context import Context
from perf.run.sides import COUNTED, Blocks, Side


@dataclass
class Comparing:
    """Pairs until the rule decides.

    Attributes:
        case: the case.
        context: what it runs with.
        blocks: runs the pairs.
        seed: of their order.
        effect: the slowdown that matters, as a share.
        found: what the last look showed.
        took_s: all pairs so far.
        doubted: whether the bare runs were made again, since blocks looked too fast.
    """

    case: AgainstCase
    context: Context
    blocks: Blocks
    seed: int
    effect: float
    found: tuple[Comparison, ...] = field(default=())
    took_s: float = 0.0
    doubted: bool = False

    def run(self) -> None:
        """Look at as many pairs as perf.measure.pairs says, and where the budget ends."""
        begin_s = time.monotonic()
        level = level_of(ALPHA, self.case.family * len(MEASURES))
        for order in turns(self.seed, self.case.id):
            self.blocks.run(order)
            self.took_s = time.monotonic() - begin_s
            if self._too_fast() and not self.doubted:
                self.doubted = True
                self.blocks.doubt()
            count = len(self.blocks.pairs)
            # The budget ends by the clock, whatever was found: that look takes the place of the next one.
            last = self.blocks.broken or self.took_s * (count + 1) / count > self.case.budget_s
            counting = judged(self.blocks.pairs)
            due = len(counting) in LOOKS and counting[-1] is self.blocks.pairs[-1]
            if last or due:
                self.found = compare(self.blocks.pairs, effect=self.effect, level=level)
                last = last or conclusion(self.found) is not Outcome.UNDECIDED or len(counting) == LOOKS[-1]
            self.context.listener.note(self._said(len(counting)))
            if last or wrong_work(self.blocks.faults):
                return

    def _too_fast(self) -> bool:
        return any(each.check in TOO_FAST for each in wrong_work(self.blocks.faults))

    def _said(self, counting: int) -> str:
        said = "; ".join(map(str, self.found)) or f"first look at {LOOKS[0]}"
        return f"{counting} pairs, {len(self.blocks.pairs) - counting} left out, seed {self.seed}: {said}"


def problems_of(blocks: Blocks, reference: Reference) -> list[Problem]:
    """Why the comparison says nothing."""
    counts = blocks.counts[AGAINST]
    undone = {name: counts[name] for name in COUNTED[1:] if counts[name]}
    found = list(wrong_work(blocks.faults))
    if undone:
        said = ", ".join(f"{number} {name}" for name, number in undone.items())
        found.append(
            Problem(
                f"{reference} did not do its tasks ({said} of {counts['total']}), so there is nothing to "
                "compare with",
                "see its log",
                "other side works",
            )
        )
    return found


def differences(sides: Mapping[str, Side]) -> str:
    """What the workers of both sides report, or both have installed, and is not the same.

    Such as ``kombu 5.7.0, there 5.6.2``. What only one of them has installed serves the suite, or nobody.
    """
    both = sides[HERE].packages.keys() & sides[AGAINST].packages.keys()
    here, there = (
        {name: sides[key].packages[name] for name in both} | _said_of(sides[key].workers[0].settings)
        for key in (HERE, AGAINST)
    )
    names = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    return "; ".join(f"{name} {here.get(name, '-')}, there {there.get(name, '-')}" for name in names)


def _said_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A worker's settings with its versions beside them."""
    flat = dict(settings)
    versions = flat.pop("versions", {})
    return flat | dict(versions)
