"""When each task is due. Pure: no clock and no I/O; the schedule is fixed before the first send."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perf.cases.errors import UsageError
from perf.cases.worker import Mode


def burst(count: int) -> NDArray[np.float64]:
    """All tasks at once: *count* offsets of 0 s."""
    return np.zeros(_checked(count))


def uniform(count: int, rate_per_min: float) -> NDArray[np.float64]:
    """Evenly spaced tasks: offsets in s, the first at 0.

    Args:
        count: number of tasks.
        rate_per_min: tasks per minute.

    Raises:
        UsageError: fewer than 2 tasks, between which there is no rate, or a rate that is not above 0.
    """
    if _checked(count) < 2:
        raise UsageError(f"{count} task at {rate_per_min:g} per minute: a rate needs at least 2 tasks")
    if not (math.isfinite(rate_per_min) and rate_per_min > 0):
        raise UsageError(f"{rate_per_min:g} tasks per minute: expected a number above 0")
    return np.linspace(0.0, (count - 1) * 60 / rate_per_min, count)


def offsets(mode: Mode, count: int, rate_per_min: float | None) -> NDArray[np.float64]:
    """The schedule of a case: *count* offsets in s from its start, in order.

    Args:
        mode: how the tasks arrive.
        count: number of tasks.
        rate_per_min: tasks per minute; for a sustained schedule only.

    Raises:
        UsageError: a sustained schedule without a rate, a burst with one, or values that make no sense.
    """
    if mode is Mode.BURST:
        if rate_per_min is not None:
            raise UsageError(
                f"a burst at {rate_per_min:g} per minute: a burst has no rate; leave it out or use sustained"
            )
        return burst(count)
    if rate_per_min is None:
        raise UsageError("a sustained schedule needs a rate in tasks per minute")
    return uniform(count, rate_per_min)


def _checked(count: int) -> int:
    if count < 1:
        raise UsageError(f"{count} tasks: expected at least 1")
    return count
