"""Percentiles, in one place. Pure."""

from __future__ import annotations

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
