"""What a block of tasks took, in the three ways in which a pipeline gets slower. Pure.

**service**: the work itself. The mean of finished - started over the block's tasks, in s.

**idle**: what a process does nothing of between two tasks, which is where transports get slower. The mean of
started - finished of its task before, over all tasks but the first of each process, in s. Two sides are
compared by what this does to a task's turn (service + idle, with the same service for both): 20 ms more
are 8 % of a turn of 250 ms, and nothing of one of 45 s.

**makespan**: what the user waits for. First scheduled to last finished, in s. It is also the efficiency,
upside down: what bare ffmpeg does is the same for both sides and cancels in their ratio. So is the response
time of a burst, which is a ramp up to the makespan: it is not judged apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from perf.measure.ledger import Ledger
from perf.measure.machine import MachineUse


@dataclass(frozen=True, slots=True)
class Block:
    """What a block took, in s: see this file's head; and what others did meanwhile.

    Attributes:
        service_s: the work itself.
        idle_s: between two tasks.
        makespan_s: what the user waits for.
        other_cores: processors that were busy for others, other guests of the host among them.
    """

    service_s: float
    idle_s: float
    makespan_s: float
    other_cores: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two blocks, one right after the other.

    Attributes:
        number: its place in the case, from 1.
        first: the side that was first, ``here`` or ``against``.
        here: the block of the code that is here; None where it gave nothing to compare.
        against: that of the other side.
        left_out: why the pair is not judged; empty = it is.
    """

    number: int
    first: str
    here: Block | None
    against: Block | None
    left_out: str = ""


def block_of(ledger: Ledger, machine: MachineUse | None = None) -> Block | None:
    """What the block took; None unless every task came to its end, and some process did two."""
    if len(ledger) == 0 or np.isnan(ledger.started_s).any() or np.isnan(ledger.finished_s).any():
        return None
    gaps = _gaps_s(ledger)
    if not gaps:
        return None
    return Block(
        service_s=float((ledger.finished_s - ledger.started_s).mean()),
        idle_s=float(np.mean(gaps)),
        makespan_s=float(ledger.finished_s.max() - ledger.scheduled_s.min()),
        other_cores=machine.other_cores + machine.steal_share * machine.cpus if machine else 0.0,
    )


def _gaps_s(ledger: Ledger) -> list[float]:
    """From the end of each process's task to the beginning of its next."""
    gaps: list[float] = []
    for name in {str(each) for each in ledger.worker if each}:
        mine = ledger.where(ledger.worker == name)
        order = np.argsort(mine.started_s)
        gaps += (mine.started_s[order][1:] - mine.finished_s[order][:-1]).tolist()
    return gaps


def _of_times(name: str) -> Callable[[Block, Block], float]:
    return lambda here, against: math.log(getattr(here, name) / getattr(against, name))


def _of_turns(here: Block, against: Block) -> float:
    # The mean service of both, so that the sides can change places and nothing but the sign changes.
    service_s = (here.service_s + against.service_s) / 2
    return math.log((service_s + here.idle_s) / (service_s + against.idle_s))


#: What is compared, and how its log ratio, here / against, follows from the blocks of a pair.
MEASURES: Mapping[str, Callable[[Block, Block], float]] = {
    "service": _of_times("service_s"),
    "idle": _of_turns,
    "makespan": _of_times("makespan_s"),
}
