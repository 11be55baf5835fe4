"""Faults on the schedule of a load, and what became of them. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from perf.breakable import Hit


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that is due.

    Attributes:
        fault: its name.
        offset_s: when it begins, from the start of the load.
        lasts_s: how long it lasts; 0 = as long as it takes.
    """

    fault: str
    offset_s: float
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Struck:
    """What became of a strike. Instants are Unix seconds by the pipeline's clock.

    Attributes:
        strike: what was due.
        begun_s: when it was begun.
        ended_s: when what was struck was there again.
        how: how it was brought about.
        hits: what it did.
    """

    strike: Strike
    begun_s: float
    ended_s: float
    how: str
    hits: tuple[Hit, ...]
