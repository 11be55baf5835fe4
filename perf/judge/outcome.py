"""Whether a ratio got worse: the one rule, for two sides of a run and for a run beside its baseline. Pure.

The ratio is written so that above 1 is worse. By its estimate and interval, and the effect e that matters,
it is

**worse**       the interval lies above 1, and the estimate is at least what is needed: 1 + e / 2 or more
**better**      the interval lies below 1, and the estimate is at most 1 / that
**same**        the interval lies within 1 / (1 + e) .. 1 + e
**undecided**   otherwise

The first takes both, since with data enough every difference is found, also one that nobody would mind.
"""

from __future__ import annotations

from enum import StrEnum

#: The slowdown that matters where nothing says how much, as a share.
EFFECT = 0.1


class Outcome(StrEnum):
    """What became of a ratio, or of a case: missing where there is nothing to hold against it."""

    WORSE = "worse"
    MISSING = "missing"
    UNDECIDED = "undecided"
    BETTER = "better"
    SAME = "same"


def decide(ratio: float, low: float, high: float, *, effect: float, needed: float) -> Outcome:
    """The rule.

    Args:
        ratio: the estimate.
        low: the lower edge of its interval.
        high: the upper one.
        effect: the slowdown that matters, as a share.
        needed: from which ratio on it is worse.
    """
    if low > 1 and ratio >= needed:
        return Outcome.WORSE
    if high < 1 and ratio <= 1 / needed:
        return Outcome.BETTER
    if 1 / (1 + effect) < low and high < 1 + effect:
        return Outcome.SAME
    return Outcome.UNDECIDED
