"""What pairs of blocks say of a ratio: an interval at looks that are fixed beforehand. Pure.

A pair is a block of each side, one right after the other on the same machine, so that what the machine did
to both cancels in their ratio (duet benchmarking: Bulej et al., "Duet Benchmarking", ICPE 2020). Ratios are
taken as logarithms: then twice as slow and twice as fast are as far from 1, and the sides can change places.

Looking after every pair and stopping at the first finding triples the false alarms (measured, tests/perf/
ab_table.py). So there are five looks, and each gets a fifth of the error that is allowed (Bonferroni: it
holds however the looks depend on each other).

Two intervals are made at each look, each at half of its error, so that both hold at once, and the narrower
counts (where there are pairs enough for both, which does not depend on what was measured). Student's t of
the mean is the sharper one where the noise is normal. The exact Wilcoxon interval (Hodges and Lehmann,
"Estimates of Location Based on Rank Tests", Annals of Mathematical Statistics 34 (1963) 598-611) is the
second opinion: bursts of other load make heavy tails, which widen the first and hardly touch the second. It
asks for symmetry alone, and where both sides are the same a pair's log ratio is symmetric by construction,
since a coin says which block comes first. It needs pairs enough: none below 8 at 1 %.

Before that, what other load explains is taken out of the log ratios (`less_other_load`): it differs between
two blocks, and was seen. Simulated beside a neighbour who comes and goes, that finds +10 % in 99 of 100 runs
and not in 53, and says "same" of the same in 99 and not in 40, at as few false alarms
(tests/perf/order_table.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from perf.measure.ledger import Floats

#: After so many pairs the data are looked at, and never in between.
LOOKS = (8, 12, 18, 27, 40)
#: What a processor that others keep busy can do at most, in ln of a time: it makes that 2.7 times as long.
STEEPEST = 1.0
#: How surely other load must differ between the sides to be one side's own.
OWN = 0.001


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the pairs say of a ratio, here / against.

    Attributes:
        ratio: the estimate; above 1 = here takes longer.
        low: the interval's lower edge.
        high: its upper edge.
        level: how often the interval misses the truth at most.
        pairs: it rests on.
        by: what made it: ``t`` or ``Wilcoxon``.
    """

    ratio: float
    low: float
    high: float
    level: float
    pairs: int
    by: str


def level_of(alpha: float, comparisons: int) -> float:
    """The error of one interval at one look, so that all looks of all comparisons together have *alpha*.

    Holm's procedure (Scandinavian Journal of Statistics 6 (1979) 65-70) holds the smallest of m p-values
    against alpha / m, and only what comes after it against more. Cases are decided one after the other,
    each test passes or fails at once, and none can be called back when a later one is in: so each of them
    has to pass Holm's first step, alpha / m, which is Bonferroni's.
    """
    return alpha / comparisons / len(LOOKS)


def less_other_load(logs: Sequence[float], others: Sequence[float]) -> Floats:
    """The log ratios, without what other load explains of them by a line through 0.

    The slope is the same whichever side of a pair is called here, so where both are the same what is left is
    as symmetric as it was, and intervals hold what they say: covariance adjustment in a randomised experiment
    (Rosenbaum, Statistical Science 17 (2002) 286-327). Other load only ever makes slower. Where it goes with
    one side, it is likely that side's own, such as a process that it left running: nothing is taken out.

    Args:
        logs: ln(here / against) of each pair.
        others: the processors that others kept busy during here's block, less those during the other.
    """
    values, loads = np.asarray(logs, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if not loads.any() or _goes_with_one_side(loads):
        return values
    slope = float(values @ loads) / float(loads @ loads)
    return values - min(max(slope, 0.0), STEEPEST) * loads


def _goes_with_one_side(loads: Floats) -> bool:
    _, low, high = t_interval(loads, OWN)
    return not low <= 0 <= high


def estimate(logs: Sequence[float] | Floats, level: float) -> Estimate:
    """The ratio and its interval, of at least two log ratios.

    Args:
        logs: ln(here / against) of each pair.
        level: how often the interval may miss the truth.
    """
    values = np.asarray(logs, dtype=np.float64)
    by, (middle, low, high) = "Wilcoxon", wilcoxon_interval(values, level / 2)
    # Where so few pairs give no interval by ranks, whatever they are, the error is the other's alone.
    t = t_interval(values, level if np.isinf(low) else level / 2)
    if t[2] - t[1] <= high - low:
        by, (middle, low, high) = "t", t
    ratio, low, high = (float(np.exp(each)) for each in (middle, low, high))
    return Estimate(ratio, low, high, level, len(values), by)


def t_interval(values: Floats, level: float) -> tuple[float, float, float]:
    """Mean, and the edges of Student's two-sided interval that misses it with probability *level*."""
    mean, count = float(values.mean()), len(values)
    half = float(stdtrit(count - 1, 1 - level / 2)) * float(values.std(ddof=1)) / float(np.sqrt(count))
    return mean, mean - half, mean + half


def wilcoxon_interval(values: Floats, level: float) -> tuple[float, float, float]:
    """Median of the Walsh averages (i + j) / 2, and the edges of the exact interval by ranks.

    The edges are infinite where so few values cannot be so sure.
    """
    first, second = np.triu_indices(len(values))
    walsh = np.sort((values[first] + values[second]) / 2)
    rank = _rank(len(values), level)
    if rank == 0:
        return float(np.median(walsh)), -np.inf, np.inf
    return float(np.median(walsh)), float(walsh[rank - 1]), float(walsh[-rank])


def _rank(count: int, level: float) -> int:
    """The most Walsh averages that may lie outside at each end, plus one; 0 where not even none may."""
    below = np.cumsum(_signed_rank(count))
    return int(np.searchsorted(below, level / 2, side="right"))


def _signed_rank(count: int) -> NDArray[np.float64]:
    """P(W = w) of Wilcoxon's signed-rank statistic, w = 0 ..: each of the ranks is in the sum or not."""
    chances = np.ones(1)
    for rank in range(1, count + 1):
        longer = np.zeros(len(chances) + rank)
        longer[: len(chances)] += chances / 2
        longer[rank:] += chances / 2
        chances = longer
    return chances
