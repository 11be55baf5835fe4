"""How load grows with time: users of a closed loop, arrivals of an open one. Pure: no clock, no Locust."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

SHAPES = ("ramp", "steps", "stable")


@dataclass(frozen=True, slots=True)
class Growth:
    """How many users there are to be.

    ``stable``: all at once. ``ramp``: *spawn_per_s* more each second. ``steps``: *step_users* more every
    *step_s*, the first of them at once, as Locust's old --step-load did.
    """

    shape: str
    users: int
    spawn_per_s: float
    step_users: int
    step_s: float

    def users_at(self, elapsed_s: float) -> int:
        """The users, *elapsed_s* after the start."""
        if self.shape == "steps":
            return min(self.users, self.step_users * (1 + math.floor(elapsed_s / self.step_s)))
        if self.shape == "ramp":
            return min(self.users, 1 + math.floor(elapsed_s * self.spawn_per_s))
        return self.users

    def next_change_s(self, elapsed_s: float) -> float:
        """When their number next differs, in s from the start; infinity when it never will."""
        if self.users_at(elapsed_s) >= self.users:
            return math.inf
        period_s = self.step_s if self.shape == "steps" else 1 / self.spawn_per_s
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
