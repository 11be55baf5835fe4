"""The case as a queue that can be run again: what each task took of a worker, and what follows from it. Pure.

A case is a first-come-first-served queue with a known schedule and *c* servers. All that chance adds is how
long each task keeps a server. Given those durations every instant follows, by the recursion of Kiefer and
Wolfowitz ("On the Theory of Queues with Many Servers", Transactions of the AMS 78 (1955) 1-18): the next task
takes the server that is free first, and begins when both are there.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from perf.measure.ledger import Bools, Floats, Ledger, Objects
from perf.pipeline import State


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """The finished tasks in the order of their start, as columns of one length n.

    Attributes:
        arrival_s: when each was due, in seconds since the first of the case.
        occupancy_s: how long it kept a server: from when it and a server were both there, until its end.
            The service time, and what the pipeline needs to hand a task to a worker.
        service_s: of that, the service time.
        done: False for a task that failed.
        worker: who served it.
    """

    arrival_s: Floats
    occupancy_s: Floats
    service_s: Floats
    done: Bools
    worker: Objects

    def __len__(self) -> int:
        return len(self.arrival_s)


def served(ledger: Ledger, concurrency: int) -> Served:
    """What each task that was started and finished took; `replay` of it gives the ledger's instants again."""
    both = ledger.where(~np.isnan(ledger.started_s) & ~np.isnan(ledger.finished_s))
    tasks = both.where(np.lexsort((both.finished_s, both.started_s)).astype(np.intp))
    origin_s = float(ledger.scheduled_s.min()) if len(ledger) else 0.0
    arrival_s, finished_s = tasks.scheduled_s - origin_s, tasks.finished_s - origin_s
    free_s = [-np.inf] * concurrency
    occupancy_s = np.empty(len(tasks))
    for k, (due_s, end_s) in enumerate(zip(arrival_s.tolist(), finished_s.tolist(), strict=True)):
        begin_s = max(due_s, free_s[0])
        occupancy_s[k] = max(0.0, end_s - begin_s)
        heapq.heapreplace(free_s, begin_s + occupancy_s[k])
    service_s = tasks.finished_s - tasks.started_s
    return Served(arrival_s, occupancy_s, service_s, tasks.is_in(State.DONE), tasks.worker)


def replay(arrival_s: Floats, occupancy_s: Floats, concurrency: int) -> Floats:
    """When each task finishes, in seconds since the first was due.

    Args:
        arrival_s: n instants in the order of service.
        occupancy_s: r x n durations: r runs at once.
        concurrency: servers.

    Returns:
        r x n instants.
    """
    runs = np.arange(len(occupancy_s))
    free_s = np.full((len(occupancy_s), concurrency), -np.inf)
    finished_s = np.empty_like(occupancy_s)
    for k, due_s in enumerate(arrival_s.tolist()):
        first = free_s.argmin(axis=1)
        finished_s[:, k] = np.maximum(free_s[runs, first], due_s) + occupancy_s[:, k]
        free_s[runs, first] = finished_s[:, k]
    return finished_s


def offered_utilisation(rate_per_min: float, occupancy_s: Floats, concurrency: int) -> Floats:
    """Rho = arrival rate * mean occupancy / servers, for r x n occupancies.

    Below 1 a queue is stable, above it grows without end (Loynes, "The Stability of a Queue with
    Non-independent Inter-arrival and Service Times", Proc. Cambridge Phil. Soc. 58 (1962) 497-520: for any
    stationary arrivals and services, independent or not).
    """
    rho: Floats = rate_per_min / 60 * occupancy_s.mean(axis=1) / concurrency
    return rho
