"""Worker processes that did nothing while tasks waited. Pure.

A process that takes its next task a moment after its last is idle for a hand-over, which is the pipeline's
own cost and stands in the efficiency. One that has died, or never took anything, is idle for as long as tasks
wait. So the idle stretches of each process are cut to the times at which a task waited, and only what of a
stretch exceeds an allowance counts. And only a stretch in which the others went on taking tasks: where none
of them did, as always where there is one process, the pipeline is slow to hand over, and that is for the
objectives to judge. A process that nobody saw is one of those that were to be there: it was
idle all the time. Where few tasks wait, as in a sustained case well below its capacity, a process may rightly
get nothing: then no stretch is long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from perf.measure.ledger import Bools, Floats, Ledger
from perf.measure.series import Steps, waiting_series

#: So many tasks at least the other processes began in a stretch: one may have been taken in its place.
OTHERS_BEGAN = 2
#: A stretch of so many median service times, and of so many seconds, is no more than a hand-over.
ALLOWED_SERVICES = 1.0
ALLOWED_S = 0.5


@dataclass(frozen=True, slots=True)
class Idle:
    """What was lost.

    Attributes:
        share: of the time of all processes, from the first task due to the last begun: what they did nothing
            of it while tasks waited, beyond the hand-overs.
        longest_s: the longest stretch of one process.
        process: which; empty for one that was never seen.
        seen: processes that did a task.
    """

    share: float
    longest_s: float
    process: str
    seen: int


def idle_while_waiting(ledger: Ledger, concurrency: int) -> Idle | None:
    """The idle time of the processes while tasks waited; None where nothing was started."""
    known = ~np.isnan(ledger.started_s)
    begun = ledger.where(known)
    if len(begun) == 0:
        return None
    waiting = waiting_series(ledger)
    first_s, last_s = float(np.nanmin(ledger.scheduled_s)), float(begun.started_s.max())
    names = sorted({str(name) for name in begun.worker if name})
    everybody = [*names, *[""] * (concurrency - len(names))]
    stretches = [(name, list(_stretches(begun, name, waiting, first_s, last_s))) for name in everybody]
    allowed_s = max(ALLOWED_S, ALLOWED_SERVICES * _median_service_s(begun))
    lost_s = sum(max(0.0, each - allowed_s) for _, some in stretches for each in some)
    longest_s, process = max(((each, name) for name, some in stretches for each in some), default=(0.0, ""))
    span_s = last_s - first_s
    share = lost_s / (concurrency * span_s) if span_s > 0 else 0.0
    return Idle(share, longest_s, process, len(names))


def _stretches(begun: Ledger, name: str, waiting: Steps, first_s: float, last_s: float) -> Iterator[float]:
    """The lengths of one process's idle stretches in which tasks waited and others took some."""
    is_mine: Bools = begun.worker == name
    mine, others_s = begun.where(is_mine), begun.started_s[~is_mine]
    order = np.argsort(mine.started_s)
    begins = mine.started_s[order].tolist()
    # A task that never ended keeps its process: it is not idle then, whatever else is wrong with it.
    ends = np.where(np.isnan(mine.finished_s), np.inf, mine.finished_s)[order].tolist()
    for idle_s, busy_s in zip([first_s, *ends], [*begins, last_s], strict=True):
        took = np.count_nonzero((others_s > idle_s) & (others_s <= busy_s))
        if busy_s > idle_s and took >= OTHERS_BEGAN:
            yield from _cut(waiting, idle_s, busy_s)


def _cut(waiting: Steps, begin_s: float, end_s: float) -> Iterator[float]:
    """The lengths of the maximal stretches between two instants in which a task waited."""
    inside = waiting.times_s[(waiting.times_s > begin_s) & (waiting.times_s < end_s)].tolist()
    length_s = 0.0
    for a, b in pairwise([begin_s, *inside, end_s]):
        if waiting.at(a) > 0:
            length_s += b - a
        elif length_s:
            yield length_s
            length_s = 0.0
    if length_s:
        yield length_s


def _median_service_s(begun: Ledger) -> float:
    service_s: Floats = begun.finished_s - begun.started_s
    known = service_s[~np.isnan(service_s)]
    return float(np.median(known)) if len(known) else 0.0
