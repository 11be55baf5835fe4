"""What one run says of a metric by which runs are held against each other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perf.measure.figures import Better, Metric, Unit
from perf.measure.intervals import Interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value, in the metric's unit, and its nominal 95 % interval where there is one."""

    value: float
    interval: Interval | None
    unit: Unit
    better: Better

    @property
    def carries(self) -> bool:
        """Whether it means the same on every machine: it is a ratio to what the same machine did."""
        return self.unit == "ratio"


def estimates(
    metrics: Mapping[str, Metric], values: Mapping[str, float | None], intervals: Mapping[str, Interval]
) -> dict[str, Estimate]:
    """Those of the metrics that say which way is better, and that were measured."""
    return {
        name: Estimate(value, intervals.get(name), metric.unit, metric.better)
        for name, metric in metrics.items()
        if metric.better and (value := values.get(name)) is not None
    }
