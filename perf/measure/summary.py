"""The metrics of a case: their names, units and meanings, in one place. metrics.py computes them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from perf.matrix import Mode
from perf.web_matrix import WebMode

Unit = Literal["s", "per_min", "per_s", "ratio", "count"]

BOTH = frozenset(Mode)
BURST = frozenset({Mode.BURST})
SUSTAINED = frozenset({Mode.SUSTAINED})


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is.

    Attributes:
        name: the field of Summary.
        unit: of the number.
        meaning: one line.
        modes: the modes it exists for; None in the Summary of the others.
        quantile: the percentile it is (50, 95, 99), or None.
        signed: whether it can be below 0.
    """

    name: str
    unit: Unit
    meaning: str
    modes: frozenset[Mode] | frozenset[WebMode]
    quantile: int | None
    signed: bool


def _is(
    unit: Unit,
    meaning: str,
    modes: frozenset[Mode] = BOTH,
    *,
    quantile: int | None = None,
    signed: bool = False,
) -> Any:
    return field(
        metadata={"unit": unit, "meaning": meaning, "modes": modes, "quantile": quantile, "signed": signed}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Every metric of a case. None = there is no data for it; never 0 or NaN in its place.

    Counts are over all tasks. Times are over the tasks that are done: a failed task may end at once and
    would flatter them, so failures are counted beside them and never mixed in. Percentiles are
    nearest-rank (metrics.nearest_rank): always a value that was measured.
    """

    total: int = _is("count", "tasks scheduled")
    done: int = _is("count", "tasks done")
    failed: int = _is("count", "tasks failed")
    processing: int = _is("count", "tasks still in process when the case ended")
    uploaded: int = _is("count", "tasks still waiting when the case ended")
    missing: int = _is("count", "tasks of which the database has no row")
    unsent: int = _is("count", "tasks whose send failed")
    outstanding: int = _is("count", "processing + uploaded")
    lost: int = _is("count", "tasks sent of which the database has no row")
    deliveries: int = _is("count", "deliveries by the queue")
    duplicates: int = _is("count", "deliveries beyond a task's first")
    attempts: int = _is("count", "times that processing was begun")

    throughput_per_min: float | None = _is("per_min", "X: done / makespan")
    arrival_rate_per_min: float | None = _is("per_min", "arrival rate really offered, from the sent instants")
    makespan_s: float | None = _is("s", "first scheduled to last finished")

    response_mean_s: float | None = _is("s", "mean of R = finished - scheduled")
    response_p50_s: float | None = _is("s", "median of R", quantile=50)
    response_p95_s: float | None = _is("s", "95th percentile of R", quantile=95)
    response_p99_s: float | None = _is("s", "99th percentile of R", quantile=99)
    response_max_s: float | None = _is("s", "largest R")
    waiting_mean_s: float | None = _is("s", "mean of W = started - scheduled")
    waiting_p50_s: float | None = _is("s", "median of W", quantile=50)
    waiting_p95_s: float | None = _is("s", "95th percentile of W", quantile=95)
    waiting_p99_s: float | None = _is("s", "99th percentile of W", quantile=99)
    waiting_max_s: float | None = _is("s", "largest W")
    service_mean_s: float | None = _is("s", "mean of the service time, finished - started")
    service_p50_s: float | None = _is("s", "median of the service time", quantile=50)
    service_p95_s: float | None = _is("s", "95th percentile of the service time", quantile=95)
    service_p99_s: float | None = _is("s", "99th percentile of the service time", quantile=99)
    service_max_s: float | None = _is("s", "largest service time")
    s_mean_s: float | None = _is("s", "mean of the original procedure's S = updated - uploaded")
    s_p50_s: float | None = _is("s", "median of S", quantile=50)
    s_p95_s: float | None = _is("s", "95th percentile of S", quantile=95)
    send_lag_p50_s: float | None = _is("s", "median of sent - scheduled", quantile=50)
    send_lag_p99_s: float | None = _is("s", "99th percentile of sent - scheduled", quantile=99)
    send_lag_max_s: float | None = _is("s", "largest sent - scheduled")

    backlog_max: int | None = _is("count", "most tasks scheduled and not finished at one instant")
    backlog_mean: float | None = _is("count", "backlog, averaged over the makespan")
    backlog_end: int | None = _is("count", "backlog as the last task became due", SUSTAINED)
    backlog_growth_per_min: float | None = _is(
        "per_min", "slope of the backlog during injection, once tasks finish", SUSTAINED, signed=True
    )
    backlog_growth_vs_arrival: float | None = _is(
        "ratio", "that slope / arrival rate: the share of the arrivals that piles up", SUSTAINED, signed=True
    )
    offered_utilisation: float | None = _is(
        "ratio",
        "arrival rate * time a task keeps a worker / concurrency; above 1 the backlog grows",
        SUSTAINED,
    )
    parallelism_max: int | None = _is("count", "most tasks in service at one instant")
    parallelism_mean: float | None = _is("count", "tasks in service, averaged over the makespan")
    utilisation: float | None = _is("ratio", "rho: busy time of the workers / (concurrency * makespan)")

    ideal_throughput_per_min: float | None = _is("per_min", "X of bare ffmpeg, same clip and parallelism")
    efficiency: float | None = _is("ratio", "X / ideal X; in a sustained case X is the rate offered", BURST)
    response_p95_vs_ideal: float | None = _is(
        "ratio", "95th percentile of R / that of bare ffmpeg", quantile=95
    )
    service_p50_vs_ideal: float | None = _is(
        "ratio", "median service time / that of bare ffmpeg", quantile=50
    )

    def value(self, metric: str) -> float | None:
        """The value of the metric of this name, one of METRICS."""
        value: float | None = getattr(self, METRICS[metric].name)
        return value

    def quantile(self, metric: str) -> int | None:
        """Which percentile the metric is, if it is one."""
        return METRICS[metric].quantile

    def samples(self, metric: str) -> int:
        """How many values the metric rests on."""
        return self.total - self.unsent if metric.startswith("send_lag") else self.done


#: Every metric by its name.
METRICS: dict[str, Metric] = {each.name: Metric(each.name, **each.metadata) for each in fields(Summary)}
