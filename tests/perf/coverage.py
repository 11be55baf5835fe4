# ruff: noqa: T201
"""Prints how well the intervals and the stability verdicts do: `python -m tests.perf.coverage [SEEDS]`.

Each figure comes from so many simulated cases (tests/perf/simulated.py). The truth that an interval should
hold is the mean of the metric over 2,000 further cases of the same kind.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache

import numpy as np

from perf.matrix import Mode
from perf.measure.intervals import intervals
from perf.measure.metrics import summarise
from perf.measure.replay import replay
from perf.measure.stability import Trend, stability
from tests.perf.simulated import LAWS, services, simulate

METRICS = ("throughput_per_min", "response_mean_s", "response_p50_s", "response_p95_s")
RHOS = (0.5, 0.7, 0.9, 1.05, 1.2, 2.0)


def judged(seed: int, count: int, servers: int, law: str, rho: float | None, drift: float = 0.0):
    """The summary and the intervals of one simulated case."""
    mode = Mode.BURST if rho is None else Mode.SUSTAINED
    ledger = simulate(seed, count=count, servers=servers, law=law, rho=rho, drift=drift).ledger
    summary = summarise(ledger, concurrency=servers, mode=mode, ideal=None)
    return summary, intervals(ledger, summary, concurrency=servers, mode=mode)


@cache
def truth(count: int, servers: int, law: str, rho: float | None, drift: float = 0.0) -> dict[str, float]:
    """The mean of each metric over many cases, by the recursion (a test holds it against the simulator)."""
    rng = np.random.default_rng(7)
    gap_s = 0.0 if rho is None else 1 / (rho * servers)
    arrival_s = np.arange(count) * gap_s
    taken = np.array([services(LAWS[law], count, rng, drift) for _ in range(2000)])
    finished = replay(arrival_s, taken, servers)
    response = np.sort(finished - arrival_s, axis=1)
    rank = {percent: -(-percent * count // 100) - 1 for percent in (50, 95)}
    return {
        "throughput_per_min": float((60 * count / finished.max(axis=1)).mean()),
        "response_mean_s": float(response.mean()),
        "response_p50_s": float(response[:, rank[50]].mean()),
        "response_p95_s": float(response[:, rank[95]].mean()),
    }


def coverage(seeds: int, *case) -> dict[str, float]:
    """The share of the intervals that hold the truth, by metric; NaN where none is given."""
    true = truth(*case)
    held, had = Counter(), Counter()
    for seed in range(seeds):
        _, found = judged(seed, *case)
        held.update(name for name in METRICS if name in found and true[name] in found[name])
        had.update(list(found))
    return {name: held[name] / had[name] if had[name] else float("nan") for name in METRICS}


def verdicts(seeds: int, count: int, servers: int, law: str, rho: float) -> Counter:
    """How often each trend was found."""
    return Counter(stability(*judged(seed, count, servers, law, rho)).trend for seed in range(seeds))


def main(seeds: int) -> None:
    print(f"Coverage of nominal 95 % intervals, {seeds} cases each")
    print(
        f"{'n':>5} {'c':>2} {'law':<14} {'mode':<10} {'drift':>5} {'X':>6} {'mean':>6} {'p50':>6} {'p95':>6}"
    )
    for count in (16, 24, 60, 200):
        for servers in (1, 4):
            for law in ("lognormal 0.3", "uniform", "exponential"):
                for rho, drift in ((None, 0.0), (0.7, 0.0), (None, 0.8)):
                    found = coverage(seeds, count, servers, law, rho, drift)
                    mode = "burst" if rho is None else f"rho {rho}"
                    shares = " ".join(f"{100 * found[name]:6.1f}" for name in METRICS)
                    print(f"{count:>5} {servers:>2} {law:<14} {mode:<10} {drift:>5} {shares}", flush=True)
    print(f"\nStability, {seeds} cases each: stable / undecided / growing")
    print(f"{'n':>5} {'c':>2} {'law':<14} " + " ".join(f"{f'rho {rho}':>13}" for rho in RHOS))
    for count in (24, 60, 200):
        for servers in (1, 4):
            for law in LAWS:
                found = [verdicts(seeds, count, servers, law, rho) for rho in RHOS]
                cells = (f"{c[Trend.STABLE]}/{c[Trend.UNDECIDED]}/{c[Trend.GROWING]}" for c in found)
                print(f"{count:>5} {servers:>2} {law:<14} " + " ".join(f"{c:>13}" for c in cells), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
