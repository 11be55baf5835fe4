# ruff: noqa: T201
"""Why a coin for each pair, and why other load is taken out of it. Its last output is data/order_table.txt.

    python -m tests.perf.order_table 10000      # 10 s for each thousand

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
from perf.measure.pairs import LOOKS, estimate, less_other_load, level_of

Order = Callable[[int], Iterator[tuple[str, str]]]
#: What the blocks' own noise is, and how much slower the neighbour makes the machine.
NOISE, SLOWER = 0.06, (1.2, 2.0)
#: How well it is seen what others do, in processors.
SEEN = 0.03
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


def took(work: float, begin: float, period: float, slower: float) -> tuple[float, float]:
    """How long work takes that begins then, and beside how many busy processors of the neighbour's."""
    now, beside = begin, 0.0
    while work > 0:
        at = now % period
        is_on = at < period / 2
        speed, room = (1 / slower, period / 2 - at) if is_on else (1.0, period - at)
        step = min(room + 1e-9, work / speed)
        beside += step * is_on
        work, now = work - step * speed if step < work / speed else 0.0, now + step
    return now - begin, beside / (now - begin)


def pairs(
    order: Iterator[tuple[str, str]], effect: float, chance: random.Random
) -> Iterator[tuple[float, float]]:
    """ln(here / against) where here has this much more to do, and other load here less that there."""
    period, slower = exp(chance.uniform(log(0.5), log(12))), chance.uniform(*SLOWER)
    now = chance.uniform(0, period)
    for sides in order:
        time: dict[str, float] = {}
        load: dict[str, float] = {}
        for side in sides:
            work = exp(chance.gauss(0, NOISE)) * (1 + effect if side == HERE else 1)
            time[side], seen = took(work, now, period, slower)
            load[side] = abs(seen + chance.gauss(0, SEEN))
            now += time[side] + BETWEEN
        yield log(time[HERE] / time[AGAINST]), load[HERE] - load[AGAINST]


def outcome(made: Iterator[tuple[float, float]], *, adjusted: bool) -> tuple[Outcome, int]:
    """What the rule says of one metric, and after how many pairs."""
    level, seen = level_of(ALPHA, len(MEASURES)), list[tuple[float, float]]()
    for look in LOOKS:
        seen += [next(made) for _ in range(look - len(seen))]
        logs, others = zip(*seen, strict=True)
        found = outcome_of(estimate(less_other_load(logs, others) if adjusted else logs, level), EFFECT)
        if found is not Outcome.UNDECIDED:
            return found, look
    return Outcome.UNDECIDED, LOOKS[-1]


def main(count: int) -> None:
    print(f"{count} comparisons each; allowed of one metric: {100 * ALPHA / len(MEASURES):.2f} % false")
    print(
        f"{'order':<7}{'load':<11}{'effect':>6}{'worse':>10}{'better':>10}{'same':>8}{'undecided':>11}{'pairs':>7}"
    )
    for order, adjusted in ((abba, False), (coin, False), (coin, True)):
        for effect in (0.0, 0.1):
            chance = random.Random(20261127)
            found = [outcome(pairs(order(each), effect, chance), adjusted=adjusted) for each in range(count)]
            times = Counter(each for each, _ in found)
            worse, better, same, left = (
                100 * times[each] / count
                for each in (Outcome.WORSE, Outcome.BETTER, Outcome.SAME, Outcome.UNDECIDED)
            )
            said = "taken out" if adjusted else "left in"
            shares = f"{worse:8.2f} %{better:8.2f} %{same:6.1f} %{left:9.1f} %"
            print(
                f"{order.__name__:<7}{said:<11}{effect:>+6.0%}{shares}{median(each for _, each in found):>7g}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]))
