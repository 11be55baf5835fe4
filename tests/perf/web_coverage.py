# ruff: noqa: T201
"""Prints how well the intervals of web loads do: `python -m tests.perf.web_coverage [SEEDS]`.

Each figure is the share of so many simulated loads whose nominal 95 % interval holds the truth: what the same
model gives over 12,000 s. The model is an API with a first-come-first-served queue and four servers (the
recursion of Kiefer and Wolfowitz, "On the Theory of Queues with Many Servers", 1955), called at even
distances, as the suite does; every other request is an upload, which takes three times as long as the rest.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from perf.measure.web import Requests, Window
from perf.measure.web_intervals import web_intervals

SERVERS = 4
BEFORE_S = 10  # simulated before each load, so that it begins in the steady state
TRUTH_LOADS, TRUTH_S = 200, 60
METRICS = (
    "response_mean_s",
    "response_p50_s",
    "response_p95_s",
    "response_p99_s",
    "upload_p95_s",
    "error_ratio",
    "throughput_per_s",
)

#: Service laws of mean 1, by name.
LAWS: dict[str, Callable[..., np.ndarray]] = {
    "exponential": lambda rng, size: rng.exponential(size=size),
    "lognormal 1": lambda rng, size: rng.lognormal(-0.5, 1, size=size),
    "Pareto 2.5": lambda rng, size: 1.5 * rng.pareto(2.5, size=size),
}


@dataclass(frozen=True)
class Load:
    """One kind of load.

    Attributes:
        rate_per_s: requests per second.
        law: of the service times.
        utilisation: of the servers; None = no queue, each request is served at once.
        slow: for 0.5 s of every 2.5 s on average, in periods of random length, all takes 2.5 times as long,
            and 4 % fail instead of 0.25 %; otherwise 1 % fail at random.
    """

    rate_per_s: int
    law: str
    utilisation: float | None
    slow: bool = False

    def __str__(self) -> str:
        queue = "no queue" if self.utilisation is None else f"rho {self.utilisation}"
        return f"{self.rate_per_s:>5} {queue:<9} {self.law:<12} {'slow periods' if self.slow else '':<12}"


LOADS = tuple(
    Load(rate, law, utilisation, slow)
    for rate in (100, 300)
    for utilisation, law, slow in (
        (None, "lognormal 1", False),
        (None, "Pareto 2.5", False),
        (0.5, "exponential", False),
        (0.5, "lognormal 1", False),
        (0.5, "exponential", True),
        (0.8, "exponential", False),
        (0.8, "lognormal 1", False),
    )
)


@dataclass(frozen=True)
class Simulated:
    """Loads side by side: instants from the start of the measured time, and loads x requests of the rest."""

    due_s: np.ndarray
    response_s: np.ndarray
    failed: np.ndarray

    def requests(self, number: int) -> Requests:
        ended_s = self.due_s + self.response_s[number]
        return Requests(
            endpoints_of(len(self.due_s)),
            self.due_s,
            self.due_s,
            ended_s,
            ~self.failed[number],
            self.response_s[number],
        )


def endpoints_of(count: int) -> np.ndarray:
    return np.where(np.arange(count) % 2 == 0, "health", "upload").astype(np.object_)


def simulate(load: Load, loads: int, run_s: float, seed: int) -> Simulated:
    rng = np.random.default_rng(seed)
    count = int((run_s + BEFORE_S) * load.rate_per_s)
    due_s = np.arange(count) / load.rate_per_s
    mean_s = (load.utilisation or 0.5) * SERVERS / load.rate_per_s
    service_s = LAWS[load.law](rng, (loads, count)) * mean_s * np.where(np.arange(count) % 2 == 0, 0.5, 1.5)
    fails = np.full((loads, count), 0.01)
    if load.slow:
        slow = np.array([slow_periods(rng, due_s) for _ in range(loads)])
        service_s *= np.where(slow, 2.5, 1) / 1.3
        fails = np.where(slow, 0.04, 0.0025)
    response_s = service_s if load.utilisation is None else queued(due_s, service_s)
    return Simulated(due_s - BEFORE_S, response_s, rng.random((loads, count)) < fails)


def slow_periods(rng: np.random.Generator, due_s: np.ndarray) -> np.ndarray:
    """Which requests are due in a slow period: exponential ones of 0.5 s, 2 s apart, from a random moment."""
    slow = np.zeros(len(due_s), dtype=bool)
    is_slow, at_s = bool(rng.random() < 0.2), 0.0
    while at_s < due_s[-1]:
        next_s = at_s + rng.exponential(0.5 if is_slow else 2)
        slow[np.searchsorted(due_s, at_s) : np.searchsorted(due_s, next_s)] = is_slow
        is_slow, at_s = not is_slow, next_s
    return slow


def queued(due_s: np.ndarray, service_s: np.ndarray) -> np.ndarray:
    """The response times: each request takes the server that is free first."""
    free_s = np.zeros((len(service_s), SERVERS))
    response_s = np.empty_like(service_s)
    for place, instant_s in enumerate(due_s):
        end_s = np.maximum(free_s[:, 0], instant_s) + service_s[:, place]
        free_s[:, 0] = end_s
        free_s.sort(axis=1)
        response_s[:, place] = end_s - instant_s
    return response_s


@cache
def truth(load: Load) -> dict[str, float]:
    found = simulate(load, TRUTH_LOADS, TRUTH_S, seed=7)
    measured = found.due_s >= 0
    well = ~found.failed[:, measured]
    response_s = found.response_s[:, measured]
    uploads = np.broadcast_to(endpoints_of(len(found.due_s))[measured] == "upload", well.shape)
    p50, p95, p99 = np.quantile(response_s[well], (0.5, 0.95, 0.99), method="inverted_cdf")
    return {
        "response_mean_s": float(response_s[well].mean()),
        "response_p50_s": float(p50),
        "response_p95_s": float(p95),
        "response_p99_s": float(p99),
        "upload_p95_s": float(np.quantile(response_s[well & uploads], 0.95, method="inverted_cdf")),
        "error_ratio": float(1 - well.mean()),
        "throughput_per_s": float(load.rate_per_s * well.mean()),
    }


def coverage(load: Load, run_s: float, seeds: int) -> tuple[dict[str, float], dict[str, float]]:
    """The share of the intervals that hold the truth, and their median width as a share of it, by metric.

    The seed is not the one that the intervals were designed with.
    """
    true, simulated = truth(load), simulate(load, seeds, run_s, seed=11)
    held: Counter[str] = Counter()
    widths: dict[str, list[float]] = {name: [] for name in METRICS}
    for number in range(seeds):
        found = web_intervals(simulated.requests(number), Window(0, run_s), ("health", "upload"))
        for name in METRICS:
            held[name] += true[name] in found[name]
            widths[name].append((found[name].high - found[name].low) / true[name])
    return (
        {name: held[name] / seeds for name in METRICS},
        {name: float(np.median(widths[name])) for name in METRICS},
    )


def main(seeds: int) -> None:
    print(f"Coverage of nominal 95 % intervals, {seeds} loads each, in %; (median width, in % of the truth)")
    heads = ("mean", "p50", "p95", "p99", "upload p95", "errors", "X")
    print(f"{'s':>3} {'/s':>5} {'':<35} " + " ".join(f"{head:>12}" for head in heads))
    for run_s in (6, 60):
        for load in LOADS:
            held, widths = coverage(load, run_s, seeds)
            cells = (f"{100 * held[name]:5.1f} ({100 * widths[name]:.0f})" for name in METRICS)
            print(f"{run_s:>3} {load} " + " ".join(f"{cell:>12}" for cell in cells), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
