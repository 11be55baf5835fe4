"""How load grows with time: users of a closed loop, arrivals of an open one. Pure: no clock, no Locust."""

from __future__ import annotations

import math
from collections.abc import Iterator

SHAPES = ("ramp", "steps", "stable")


def users_at(
    shape: str, elapsed_s: float, *, users: int, spawn_per_s: float, step_users: int, step_s: float
) -> int:
    """How many users there are to be, *elapsed_s* after the start.

    ``stable``: all at once. ``ramp``: *spawn_per_s* more each second. ``steps``: *step_users* more every
    *step_s*, the first of them at once; as Locust's old --step-load did.
    """
    if shape == "steps":
        return min(users, step_users * (1 + math.floor(elapsed_s / step_s)))
    if shape == "ramp":
        return min(users, 1 + math.floor(elapsed_s * spawn_per_s))
    return users


def next_change_s(
    shape: str, elapsed_s: float, *, users: int, spawn_per_s: float, step_users: int, step_s: float
) -> float:
    """When the number of users next differs, in s from the start; infinity when it never will."""
    period_s = {"steps": step_s, "ramp": 1 / spawn_per_s}.get(shape, math.inf)
    arguments = {"users": users, "spawn_per_s": spawn_per_s, "step_users": step_users, "step_s": step_s}
    if not math.isfinite(period_s) or users_at(shape, elapsed_s, **arguments) >= users:
        return math.inf
    return (math.floor(elapsed_s / period_s) + 1) * period_s


def arrivals(rate_per_s: float, run_s: float, *, generator: int = 0, generators: int = 1) -> Iterator[float]:
    """When this generator's arrivals are due, in s from the start.

    Those of all generators together are evenly spaced, 1/rate apart, the first at 0 and none at or
    after *run_s*; they are dealt out in turn, so that each generator's own are evenly spaced as well.
    """
    number = generator
    while (due_s := number / rate_per_s) < run_s:
        yield due_s
        number += generators
