"""The search for the knee: which rate to try next. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perf.measure.numbers import number
from perf.measure.web_summary import WebSummary

#: Throughput has stopped growing when more than this share of what is due piles up during a step ...
PILE_UP = 0.05
#: ... and more than so many requests do, which a slow answer at the end of a short step can look like.
PILE_UP_REQUESTS = 3
MAX_STEPS = 16


@dataclass(frozen=True, slots=True)
class Step:
    """A rate that was tried; *broken* says why it did not hold, and is empty when it did."""

    rate_per_s: float
    broken: str


def bracket(steps: Sequence[Step]) -> tuple[float | None, float | None]:
    """The highest rate that held below every one that broke, and the lowest that broke."""
    broken = min((step.rate_per_s for step in steps if step.broken), default=None)
    held = [step.rate_per_s for step in steps if not step.broken]
    below = [rate for rate in held if broken is None or rate < broken]
    return max(below, default=None), broken


def next_rate_per_s(steps: Sequence[Step], first_per_s: float, resolution: float = 1.1) -> float | None:
    """The rate to try next; None when the search has ended.

    Doubled until one breaks, or halved until one holds; then the geometric middle of the two, for
    rates differ by ratios. The search ends when the rate that broke / the one that held is at most
    *resolution*: 2 steps of the latter kind for 1.2, 3 for 1.1.
    """
    held, broken = bracket(steps)
    if len(steps) >= MAX_STEPS or (held and broken and broken / held <= resolution):
        return None
    if broken is None:
        return first_per_s if held is None else 2 * held
    return broken / 2 if held is None else math.sqrt(held * broken)


def stalls(summary: WebSummary) -> str:
    """Why throughput does not follow the rate any more; empty when it does."""
    growth, due = summary.in_flight_growth, summary.due
    if growth <= max(PILE_UP_REQUESTS, PILE_UP * due):
        return ""
    return (
        f"throughput stopped growing: {number(summary.throughput_per_s)}/s answered of "
        f"{number(summary.offered_per_s)}/s due"
    )
