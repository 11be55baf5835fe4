"""Cases made by an independent discrete-event model (simpy): its clock, its queue and its own books."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import simpy

from perf.measure.ledger import Ledger
from perf.observe.seen import TaskRecord
from perf.pipeline import State

Draw = Callable[[np.random.Generator], float]

#: Service laws of mean 1 s, by name; ffmpeg on one clip is like the first two.
LAWS: dict[str, Draw] = {
    "constant": lambda _: 1.0,
    "lognormal 0.3": lambda rng: float(rng.lognormal(-0.045, 0.3)),
    "uniform": lambda rng: float(rng.uniform(0.2, 1.8)),
    "exponential": lambda rng: float(rng.exponential()),
}


@dataclass
class Simulation:
    """What the model itself counted: nothing here is computed from the ledger."""

    ledger: Ledger
    #: Integral of the number in the system over time, in tasks * s, summed event by event.
    backlog_area: float = 0.0
    busy_area: float = 0.0
    in_system_max: int = 0
    end_s: float = 0.0
    responses_s: list[float] = field(default_factory=list)

    @property
    def throughput_per_min(self) -> float:
        return 60 * len(self.responses_s) / self.end_s


class Model:
    """A first-come-first-served queue with c servers."""

    def __init__(self, arrivals_s: Sequence[float], servers: int, services_s: Sequence[float]) -> None:
        self.env = simpy.Environment()
        self.pool = simpy.Resource(self.env, servers)
        self.idle = [f"host/{server}/{server}" for server in range(servers)]
        self.records: list[TaskRecord] = []
        self.number = self.busy = self.most = 0
        self.backlog_area = self.busy_area = self.since_s = 0.0
        self.responses_s: list[float] = []
        for k, (due_s, service_s) in enumerate(zip(arrivals_s, services_s, strict=True)):
            self.env.process(self.task(f"t{k:05}", due_s, service_s))

    def count(self, number: int = 0, busy: int = 0) -> None:
        passed = self.env.now - self.since_s
        self.backlog_area += passed * self.number
        self.busy_area += passed * self.busy
        if passed > 0:  # what comes and goes at one instant was never there at once
            self.most = max(self.most, self.number)
        self.since_s = self.env.now
        self.number += number
        self.busy += busy

    def task(self, name: str, due_s: float, service_s: float):
        yield self.env.timeout(due_s)
        self.count(number=1)
        with self.pool.request() as turn:
            yield turn
            worker = self.idle.pop(0)
            started = self.env.now
            self.count(busy=1)
            yield self.env.timeout(service_s)
            self.count(number=-1, busy=-1)
            self.idle.append(worker)
        self.responses_s.append(self.env.now - due_s)
        self.records.append(
            TaskRecord(
                name, due_s, due_s, due_s, started, self.env.now, self.env.now, State.DONE, 1, 1, worker
            )
        )

    def run(self) -> Simulation:
        self.env.run()
        ledger = Ledger.of(sorted(self.records, key=lambda record: record.task_id))
        return Simulation(
            ledger, self.backlog_area, self.busy_area, self.most, self.env.now, self.responses_s
        )


def services(law: Draw, count: int, rng: np.random.Generator, drift: float = 0.0) -> list[float]:
    """Durations of a law; with a drift, times exp of a first-order autoregression: a machine's speed."""
    level, found = 0.0, []
    for _ in range(count):
        level = drift * level + rng.normal(0, 0.1) if drift else 0.0
        found.append(law(rng) * float(np.exp(level)))
    return found


def simulate(
    seed: int,
    *,
    count: int,
    servers: int = 1,
    law: str = "lognormal 0.3",
    rho: float | None = None,
    drift: float = 0.0,
) -> Simulation:
    """A burst, or evenly spaced arrivals at utilisation rho."""
    gap_s = 0.0 if rho is None else 1 / (rho * servers)
    durations = services(LAWS[law], count, np.random.default_rng(seed), drift)
    return Model([k * gap_s for k in range(count)], servers, durations).run()
