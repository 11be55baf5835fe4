"""Since when a series is another: the change points of its level. Pure.

The statistic is that of the likelihood ratio for one shift of the mean (Hawkins, "Testing a Sequence of
Observations for a Shift in Location", Journal of the American Statistical Association 72 (1977) 180-186): for
each split the difference of the two means in standard errors, and of these the largest. Its distribution has
no closed form, and depends on where the splits may be; so its probability is that of the same series in
random order, which needs no law of the values. Of 9 runs and 3 after a step that is 2 / 220 at best, however
clear the step is; so a hundredth of the error goes to Student's t of the split, times the number of splits
(Bonferroni; Worsley, JASA 74 (1979) 365-367), which finds such a step at once. Where a change is found the
two parts are searched in turn (binary segmentation: Scott and Knott, Biometrics 30 (1974) 507-512). This is
what E-divisive does with another distance (Matteson and James, JASA 109 (2014) 334-345; used on performance
tests by Daly et al., ICPE 2020, and by Apache Otava).

Why not a package: Otava 0.8.0 pins numpy below ours and brings 47 packages; `ruptures` 1.1.10 is well kept,
but gives the best segmentation for a penalty and no probability: the penalty would have to be tuned until
false changes are rare, on every team's own noise. A series here has at most a few hundred values, so that all
splits can be tried, and the whole is sixty lines. How often it is right: `python -m tests.perf.change_power`,
tests/perf/data/change_power.txt.

Values are taken as logarithms: a step is a factor. Each side of a change has FEWEST values at least: two slow
runs in a row are no change of level. A step that another undoes soon after may hide until more runs follow,
as in every segmentation that begins with the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from perf.measure.ledger import Floats

#: Values on each side of a change.
FEWEST = 3
#: Probability of a change like this, or more, in a series without one.
SIGNIFICANT = 0.01
ORDERS = 1999
#: The share of the error that is given to Student's t.
OF_T = 0.01
_SEED = 1977  # the same series gives the same changes


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """From where on a series is another.

    Attributes:
        place: the position of the first value of the new level.
        factor: geometric mean of the level after it / of that before it.
        probability: of such a change by chance, where there is none.
    """

    place: int
    factor: float
    probability: float


def change_points(values: Sequence[float]) -> list[ChangePoint]:
    """The changes of level, in order. Values that are not above 0 have no logarithm: then there are none."""
    if not values or min(values) <= 0:
        return []
    logs = np.log(np.asarray(values, dtype=float))
    found = sorted(_within(logs, 0, len(logs), np.random.default_rng(_SEED)))
    edges = [0, *(place for place, _ in found), len(logs)]
    levels = [float(logs[begin:end].mean()) for begin, end in pairwise(edges)]
    return [
        ChangePoint(place, math.exp(after - before), probability)
        for (place, probability), before, after in zip(found, levels[:-1], levels[1:], strict=True)
    ]


def _within(logs: Floats, begin: int, end: int, rng: np.random.Generator) -> list[tuple[int, float]]:
    """The places of changes in a part of the series, each with its probability."""
    part = logs[begin:end]
    if len(part) < 2 * FEWEST or np.ptp(part) < 1e-12:
        return []
    scores = _scores(part[None, :])[0]
    orders = rng.permuted(np.tile(part, (ORDERS, 1)), axis=1)
    enough = scores.max() * (1 - 1e-6)
    as_large = int((_scores(orders).max(axis=1) >= enough).sum())
    by_order = (1 + as_large) / (1 + ORDERS)
    by_t = 2 * len(scores) * float(stdtr(len(part) - 2, -scores.max()))
    probability = min(by_order / (1 - OF_T), by_t / OF_T, 1.0)
    if probability > SIGNIFICANT:
        return []
    place = begin + FEWEST + int((scores >= enough).argmax())
    return [
        (place, probability),
        *_within(logs, begin, place, rng),
        *_within(logs, place, end, rng),
    ]


def _scores(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each row and each split (FEWEST values at least on a side): the difference in standard errors."""
    count = rows.shape[1]
    left = np.arange(FEWEST, count - FEWEST + 1)
    right = count - left
    centred = rows - rows.mean(axis=1, keepdims=True)
    sums = np.cumsum(centred, axis=1)[:, left - 1]
    between = sums**2 * (1 / left + 1 / right)
    total = (centred**2).sum(axis=1, keepdims=True)
    inside = np.maximum(total - between, 1e-9 * total)  # rounding alone must not tell two clean steps apart
    scores: NDArray[np.float64] = np.sqrt(between * (count - 2) / inside)
    return scores
