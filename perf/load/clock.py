"""The database's clock, read once and carried on by this process's monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, text

PROBES = 15


@dataclass(frozen=True, slots=True)
class DatabaseClock:
    """Instants of the database's clock without asking it each time.

    Workers on any host stamp their instants by the database; the injector's offsets come from one
    monotonic clock anchored to it, so there is no skew to correct.

    Attributes:
        offset_s: database's Unix time minus the monotonic clock.
        uncertainty_s: half the round trip of the probe that was used: the anchor may be off by so much.
    """

    offset_s: float
    uncertainty_s: float

    def at(self, monotonic_s: float) -> float:
        """The Unix time of the database at a reading of `time.monotonic`."""
        return monotonic_s + self.offset_s

    def now(self) -> float:
        """The Unix time of the database now."""
        return self.at(time.monotonic())


def anchor(ask: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> DatabaseClock:
    """Anchor to the clock that *ask* reads, by the probe with the shortest round trip.

    Cristian, F. (1989), Probabilistic clock synchronization, Distributed Computing 3: the answer was
    made somewhere within the round trip, so its middle is off by half the round trip at most.
    """
    best = DatabaseClock(0.0, float("inf"))
    for _ in range(PROBES):
        before = clock()
        answer = ask()
        after = clock()
        half = (after - before) / 2
        if half < best.uncertainty_s:
            best = DatabaseClock(answer - (before + after) / 2, half)
    return best


def anchor_to_database(engine: Engine) -> DatabaseClock:
    """Anchor to `clock_timestamp()`."""
    query = text("select extract(epoch from clock_timestamp())::float8")
    with engine.connect() as connection:
        connection.execute(query)  # the first one pays for the connection
        return anchor(lambda: float(connection.execute(query).scalar_one()))
