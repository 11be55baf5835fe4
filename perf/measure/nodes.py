"""What each node did of a case. Pure.

A queue gives a task to whoever asks: nodes of one speed do about as much as each other. One that does less is
slower, further away, or was not there all the time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from perf.measure.ledger import Ledger
from perf.pipeline import State


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of a case.

    Attributes:
        count: how many there are.
        usd_per_h: what each costs, in US dollars an hour; None where that is not known.
    """

    count: int
    usd_per_h: float | None = None


@dataclass(frozen=True, slots=True)
class NodeShare:
    """One node of a case.

    Attributes:
        node: its name, as its workers report it.
        done: tasks that it did.
        share: of all that are done.
        throughput_per_min: of it alone, over the makespan of the case; None where that is not known.
        service_mean_s: of its tasks; None where it did none.
    """

    node: str
    done: int
    share: float
    throughput_per_min: float | None
    service_mean_s: float | None


def node_of(worker: str) -> str:
    """The node of a worker process, ``node/child/pid``."""
    return worker.rsplit("/", 2)[0]


def shares(ledger: Ledger, nodes: Collection[str] = (), makespan_s: float | None = None) -> list[NodeShare]:
    """What each node did, by name: those that did a task, and those that were to.

    Empty where the pipeline does not say who did what.
    """
    done = ledger.select(State.DONE)
    names = np.array([node_of(str(worker)) if worker else "" for worker in done.worker], dtype=np.object_)
    if not names.any():
        return []
    service_s = done.finished_s - done.started_s
    found = []
    for node in sorted({*names[names != ""].tolist(), *nodes}):
        mine = names == node
        count = int(mine.sum())
        rate = 60 * count / makespan_s if makespan_s else None
        mean_s = float(np.nanmean(service_s[mine])) if count else None
        found.append(NodeShare(node, count, count / len(done), rate, mean_s))
    return found
