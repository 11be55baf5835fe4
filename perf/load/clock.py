"""The pipeline's clock, read once and carried on by this process's monotonic clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from perf.cases.errors import HarnessError

PROBES = 15


@dataclass(frozen=True, slots=True)
class PipelineClock:
    """Instants of the pipeline's clock without asking it each time.

    Workers on any host stamp their instants by one clock, the database's; the injector's offsets come from
    one monotonic clock anchored to it, so there is no skew to correct.

    Attributes:
        offset_s: its Unix time minus the monotonic clock.
        uncertainty_s: half the round trip of the probe that was used: the anchor may be off by so much.
    """

    offset_s: float
    uncertainty_s: float

    def at(self, monotonic_s: float) -> float:
        """Its Unix time at a reading of `time.monotonic`."""
        return monotonic_s + self.offset_s

    def now(self) -> float:
        """Its Unix time now."""
        return self.at(time.monotonic())


def anchor(
    ask: Callable[[], float], clock: Callable[[], float] = time.monotonic, probes: int = PROBES
) -> PipelineClock:
    """Anchor to the clock that *ask* reads (`Pipeline.clock_s`), by the probe with the shortest round trip.

    Cristian, F. (1989), Probabilistic clock synchronization, Distributed Computing 3: the answer was
    made somewhere within the round trip, so its middle is off by half the round trip at most.

    Raises:
        HarnessError: what it reads is no instant.
    """
    if probes > 1:
        ask()  # the first may pay for a connection
    best = PipelineClock(0.0, float("inf"))
    for _ in range(probes):
        before = clock()
        answer = ask()
        after = clock()
        if not isinstance(answer, int | float) or not math.isfinite(answer):
            raise HarnessError(f"the pipeline's clock_s() says {answer!r}; expected a number, Unix seconds")
        half = (after - before) / 2
        if half < best.uncertainty_s:
            best = PipelineClock(answer - (before + after) / 2, half)
    return best
