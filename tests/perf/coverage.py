# ruff: noqa: T201
"""Prints how well the intervals and the verdict on stability do: `python -m tests.perf.coverage [SEEDS]`.

Each figure comes from so many simulated cases (tests/perf/simulated.py). The truth that an interval should
hold is the mean of the metric over 2,000 further cases of the same kind.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cache

import numpy as np

from perf.cases.worker import Mode
from perf.judge.verdict import STABLE, judge
from perf.measure.intervals import Interval, intervals
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.replay import replay
from perf.measure.summary import Summary
from tests.perf.simulated import LAWS, services, simulate
from tests.perf.verdict_table import SERVERS, Scenario, Service, queue

METRICS = ("throughput_per_min", "response_mean_s", "response_p50_s", "response_p95_s")
RHOS = (0.5, 0.7, 0.9, 1.05, 1.2, 2.0)


class Trend(StrEnum):
    """What the verdict says of a sustained case's backlog, were the arrivals to go on."""

    STABLE = "stable"
    GROWING = "growing"
    #: The interval of the offered utilisation holds 1: the case is too short, or the load too near.
    UNDECIDED = "undecided"
    UNKNOWN = "unknown"


def trend(summary: Summary, spread: Mapping[str, Interval]) -> Trend:
    """What the suite's own verdict on stability says."""
    (found,) = judge(summary, [STABLE], (), spread).results
    if found.passed is None:
        return Trend.UNKNOWN
    if found.borderline or found.interval is None:
        return Trend.UNDECIDED
    return Trend.STABLE if found.passed else Trend.GROWING


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
    return Counter(trend(*judged(seed, count, servers, law, rho)) for seed in range(seeds))


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


def by_period(phase: float) -> Service:
    """The machine is half as fast for a third of the case, beginning anywhere in it."""

    def service(rng: np.random.Generator, part: float, server: int) -> float:
        return float(rng.lognormal(-0.011, 0.15)) * (2.0 if (part - phase) % 1 < 1 / 3 else 1.0)

    return service


def with_stragglers(rng: np.random.Generator, part: float, server: int) -> float:
    return float(rng.lognormal(-0.011, 0.15)) * (10.0 if rng.random() < 0.05 else 1.0)


def unequal(rng: np.random.Generator, part: float, server: int) -> float:
    return float(rng.lognormal(-0.011, 0.15)) * (2.0 if server else 1.0)


def unlike(seeds: int) -> None:
    """The same where tasks are not alike, by the queue of tests/perf/verdict_table.py."""
    print(f"\nTasks that are not alike, c=2, {seeds} cases each; the truth is the mean of 1,000 further ones")
    print(f"{'n':>5} {'what':<28} {'mode':<8} {'X':>6} {'mean':>6} {'p50':>6} {'p95':>6}")
    laws: dict[str, Callable[[float], Service]] = {
        "speed in periods": by_period,
        "stragglers, 5 % of 10x": lambda _: with_stragglers,
        "unequal workers, 1:2": lambda _: unequal,
    }
    for name, law in laws.items():
        for rho in (None, 0.6):
            for random_order in (False, True):
                scenario = Scenario("", frozenset(), rho, random_order=random_order)
                for count in (16, 60, 200):
                    held = unlike_coverage(scenario, law, count, seeds)
                    shares = " ".join(f"{100 * share:6.1f}" for share in held)
                    what = f"{name}{', random' if random_order else ''}"
                    mode = "burst" if rho is None else f"rho {rho}"
                    print(f"{count:>5} {what:<28} {mode:<8} {shares}", flush=True)


def unlike_coverage(
    scenario: Scenario, law: Callable[[float], Service], count: int, seeds: int
) -> list[float]:
    """The share of the intervals that hold the truth, in the order of METRICS."""
    mode = Mode.BURST if scenario.rho is None else Mode.SUSTAINED

    def case(seed: int) -> tuple[Ledger, Summary]:
        rng = np.random.default_rng(seed)
        ledger = Ledger.of(queue(replace(scenario, service=law(rng.random())), count, rng))
        return ledger, summarise(ledger, concurrency=SERVERS, mode=mode, ideal=None)

    further = [case(100_000 + seed)[1] for seed in range(1000)]
    true = {name: float(np.mean([summary.value(name) for summary in further])) for name in METRICS}
    held, had = Counter(), Counter()
    for seed in range(seeds):
        ledger, summary = case(seed)
        found = intervals(ledger, summary, concurrency=SERVERS, mode=mode)
        held.update(name for name in METRICS if name in found and true[name] in found[name])
        had.update(list(found))
    return [held[name] / had[name] if had[name] else float("nan") for name in METRICS]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    unlike(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
