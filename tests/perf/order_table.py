# ruff: noqa: T201
"""Why a coin for each pair of blocks. Its last output is data/order_table.txt; 4 s for each thousand.

    python -m tests.perf.order_table 20000

Simulated pairs beside a neighbour that slows the machine down for one half of a period, and leaves it alone
for the other. Periods are drawn from half a block to twelve blocks, so that some are in step with the pairs.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from math import exp, log
from statistics import median

from perf.judge.compare import ALPHA, outcome_of
from perf.judge.outcome import EFFECT, Outcome
from perf.load.turns import AGAINST, HERE, turns
from perf.measure.blocks import MEASURES
from perf.measure.pairs import LOOKS, estimate, level_of

Order = Callable[[int], Iterator[tuple[str, str]]]
#: What the pairs' own noise is, and how much slower the neighbour makes the machine.
NOISE, SLOWER = 0.04, (1.2, 2.0)
#: Between two blocks, in blocks.
BETWEEN = 0.02


def coin(seed: int) -> Iterator[tuple[str, str]]:
    return turns(seed, "")


def abba(seed: int) -> Iterator[tuple[str, str]]:
    """What it was: ABBA or BAAB for every two pairs, by chance."""
    chance = random.Random(seed)
    while True:
        one, other = (HERE, AGAINST) if chance.random() < 0.5 else (AGAINST, HERE)
        yield one, other
        yield other, one


def took(work: float, begin: float, period: float, slower: float) -> float:
    """How long work takes that begins then: in the first half of each period it goes slower."""
    now = begin
    while work > 0:
        at = now % period
        speed, room = (1 / slower, period / 2 - at) if at < period / 2 else (1.0, period - at)
        step = min(room + 1e-9, work / speed)
        work, now = work - step * speed if step < work / speed else 0.0, now + step
    return now - begin


def logs(order: Iterator[tuple[str, str]], effect: float, chance: random.Random) -> Iterator[float]:
    """The log ratios of pairs, here / against, where here has this much more to do."""
    period, slower = exp(chance.uniform(log(0.5), log(12))), chance.uniform(*SLOWER)
    now = chance.uniform(0, period)
    for sides in order:
        found: dict[str, float] = {}
        for side in sides:
            work = exp(chance.gauss(0, NOISE)) * (1 + effect if side == HERE else 1)
            found[side] = took(work, now, period, slower)
            now += found[side] + BETWEEN
        yield log(found[HERE] / found[AGAINST])


def outcome(pairs: Iterator[float]) -> tuple[Outcome, int]:
    """What the rule says of one metric, and after how many pairs."""
    level, seen = level_of(ALPHA, len(MEASURES)), list[float]()
    for look in LOOKS:
        seen += [next(pairs) for _ in range(look - len(seen))]
        found = outcome_of(estimate(seen, level), EFFECT)
        if found is not Outcome.UNDECIDED:
            return found, look
    return Outcome.UNDECIDED, LOOKS[-1]


def main(count: int) -> None:
    print(f"{count} comparisons each; allowed of one metric: {100 * ALPHA / len(MEASURES):.2f} % false")
    print(f"{'order':<7}{'effect':>8}{'worse':>10}{'better':>10}{'same':>8}{'undecided':>11}{'pairs':>7}")
    for order in (abba, coin):
        for effect in (0.0, 0.1):
            chance = random.Random(20261127)
            found = [outcome(logs(order(each), effect, chance)) for each in range(count)]
            times = Counter(each for each, _ in found)
            worse, better, same, left = (
                100 * times[each] / count
                for each in (Outcome.WORSE, Outcome.BETTER, Outcome.SAME, Outcome.UNDECIDED)
            )
            shares = f"{worse:8.2f} %{better:8.2f} %{same:6.1f} %{left:9.1f} %"
            print(f"{order.__name__:<7}{effect:>+8.0%}{shares}{median(each for _, each in found):>7g}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
