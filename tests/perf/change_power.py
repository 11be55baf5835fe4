# ruff: noqa: T201
"""Prints how often change points are found: `python -m tests.perf.change_power [SERIES]`.

Each figure comes from so many simulated series: 12 runs at one level, then some at another, each value with
an independent spread of the given standard deviation; or no change at all.
"""

from __future__ import annotations

import sys

import numpy as np

from perf.measure.changepoints import change_points

BEFORE = 12
AFTER = (3, 5, 8, 12)


def found(seed: int, spread: float, step: float, after: int) -> list[int]:
    """The places at which a change is told."""
    rng = np.random.default_rng(seed)
    levels = np.concatenate([np.ones(BEFORE), np.full(after, 1 + step)])
    values = levels * np.exp(rng.normal(0, spread, len(levels)))
    return [each.place for each in change_points(values.tolist())]


def shares(series: int, spread: float, step: float, after: int) -> tuple[float, float]:
    """Of how many series a change is told at all, and within 2 runs of the true place."""
    told = [found(seed, spread, step, after) for seed in range(series)]
    near = [any(abs(place - BEFORE) <= 2 for place in places) for places in told]
    return float(np.mean([bool(places) for places in told])), float(np.mean(near))


def main(series: int) -> None:
    """Print the table."""
    print(
        f"Change points in {series} series of {BEFORE} runs and some after a step; nominal false alarms 1 %"
    )
    print(f"{'spread':>7} {'step':>6}  " + "  ".join(f"after {after:>2} (near)" for after in AFTER))
    for spread in (0.03, 0.06):
        for step in (0.0, 0.05, 0.1, 0.2, 0.5):
            row = [shares(series, spread, step, after) for after in AFTER]
            print(f"{spread:>7} {step:>6}  " + "  ".join(f"{a:>7.3f} ({n:.2f})" for a, n in row))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
