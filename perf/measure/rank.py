"""Percentiles, in one place. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perf.measure.ledger import Floats


def nearest_rank(ordered: Sequence[float] | Floats, percent: int) -> float:
    """The nearest-rank percentile: the smallest value that *percent* % of the data do not exceed.

    Definition 1 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The American
    Statistician 50 (1996) 361-365; numpy's ``inverted_cdf``. Always one of the data, so that a number
    in a report was measured and not interpolated between two others. The rank is computed in whole
    numbers, since 0.95 * n is not exact.

    Args:
        ordered: the data, ascending, at least one.
        percent: 1..100.
    """
    rank = -(-percent * len(ordered) // 100)
    return float(ordered[rank - 1])


def samples_for_bound(percent: int) -> int:
    """How many samples it takes until their largest bounds a percentile with 95 % confidence.

    Distribution-free: that all n independent samples lie below the quantile q has a probability of q^n
    at most, and that must be under 0.05 (Wilks, "Determination of Sample Sizes for Setting Tolerance
    Limits", Annals of Mathematical Statistics 12 (1941) 91-96). 59 for the 95th percentile, 299 for the 99th.
    """
    return math.ceil(math.log(0.05) / math.log(percent / 100))
