"""Whether a case lost capacity while it ran: did tasks keep their workers longer and longer? Pure.

The test is of Mann ("Nonparametric Tests against Trend", Econometrica 13 (1945) 245-259) and Kendall, of how
long each task kept a worker against the order in which they began: no law of the times is assumed, and a
single straggler cannot decide it. Times that come in runs, since the machine's speed drifts, make a rising
tau likelier than it says; its variance is corrected for the autocorrelation of the ranks (Hamed and Rao, "A
Modified Mann-Kendall Trend Test for Autocorrelated Data", Journal of Hydrology 204 (1998) 182-196). A drift
that bare runs before and after the case show as well is the machine's, and is taken out first.

A trend that is significant and small is no loss worth a verdict: the later part must also have kept its
workers MATTERS times as long as the earlier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import scipy

from perf.measure.ledger import Floats

#: With fewer tasks a trend and chance look alike.
FEWEST = 10
#: Probability of a trend like this, or more, where there is none.
SIGNIFICANT = 0.002
#: What is likelier than that and less likely than this is no loss yet, nor none: more tasks will tell.
SUSPECT = 0.05
MATTERS = 1.25
#: Splits and lags looked at at most: a case of a hundred thousand tasks must not take minutes.
MOST_TRIED = 100


@dataclass(frozen=True, slots=True)
class Slowdown:
    """How the times that tasks kept their workers went on.

    Attributes:
        ratio: median of the later part / that of the earlier, what the machine itself lost taken out.
        probability: of such a trend where there is none.
    """

    ratio: float
    probability: float

    @property
    def found(self) -> bool:
        """Whether capacity was lost."""
        return self.probability < SIGNIFICANT and self.ratio >= MATTERS

    @property
    def suspected(self) -> bool:
        """Whether it was or was not cannot be told yet."""
        return not self.found and self.probability < SUSPECT and self.ratio >= MATTERS


def slowdown(occupancy_s: Floats, machine_ratio: float = 1.0) -> Slowdown | None:
    """The slowdown of a case; None with fewer than FEWEST tasks.

    Args:
        occupancy_s: how long each task kept a worker, in the order they began.
        machine_ratio: a bare run after the case / one before it: how the machine's own speed changed.
    """
    count = len(occupancy_s)
    if count < FEWEST:
        return None
    # The machine's change is taken to come evenly, in the measure of its factor.
    own_s = occupancy_s / max(1.0, machine_ratio) ** np.linspace(0, 1, count)
    split = max(_splits(count), key=lambda at: _ratio(own_s, at))
    return Slowdown(_ratio(own_s, split), _probability(own_s, split))


def _splits(count: int) -> list[int]:
    """Where the later part may begin: each part is a quarter at least."""
    edge = max(3, count // 4)
    tried = min(MOST_TRIED, count - 2 * edge + 1)
    return [round(at) for at in np.linspace(edge, count - edge, tried).tolist()]


def _ratio(values: Floats, split: int) -> float:
    """The later part against the earlier."""
    return float(np.median(values[split:]) / max(np.median(values[:split]), 1e-12))


def _probability(values: Floats, split: int) -> float:
    """One-sided: that later times are longer."""
    place = np.arange(len(values))
    found = scipy.stats.kendalltau(place, values, alternative="greater")
    if math.isnan(found.statistic):  # all alike
        return 1.0
    inflation = _inflation(_left(values, split))
    if inflation <= 1:
        return float(found.pvalue)
    # The normal form, with the corrected variance.
    n = len(values)
    score = found.statistic * n * (n - 1) / 2
    variance = n * (n - 1) * (2 * n + 5) / 18 * inflation
    return 1 - NormalDist().cdf(max(0.0, score - 1) / math.sqrt(variance))


def _left(values: Floats, split: int) -> Floats:
    """What is left when the trend itself is taken out, a line or a step: else it would excuse itself."""
    place = np.arange(len(values))
    line: Floats = values - np.polyval(np.polyfit(place, values, 1), place)
    step: Floats = values - np.where(place < split, np.median(values[:split]), np.median(values[split:]))
    return step if np.abs(step).sum() < np.abs(line).sum() else line


def _inflation(left: Floats) -> float:
    """By how much autocorrelation widens the variance of Kendall's score (Hamed and Rao, equation 14)."""
    n = len(left)
    ranks = scipy.stats.rankdata(left)
    centred = ranks - ranks.mean()
    total = float(np.dot(centred, centred))
    if total == 0:
        return 1.0
    limit = NormalDist().inv_cdf(0.95) / math.sqrt(n)
    extra = 0.0
    for lag in range(1, min(n // 4, MOST_TRIED) + 1):
        r = float(np.dot(centred[lag:], centred[:-lag])) / total
        if abs(r) > limit:
            extra += (n - lag) * (n - lag - 1) * (n - lag - 2) * r
    return 1 + 2 / (n * (n - 1) * (n - 2)) * extra
