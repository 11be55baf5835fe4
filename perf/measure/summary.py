"""The metrics of a worker case: their names, units and meanings, in one place. metrics.py computes them."""

from __future__ import annotations

from dataclasses import dataclass

from perf.cases.worker import Mode
from perf.measure.figures import Figures, metric

BURST = (Mode.BURST,)
SUSTAINED = (Mode.SUSTAINED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Figures):
    """Every metric of a case. None = there is no data for it; never 0 or NaN in its place.

    Counts are over all tasks. Times are over the tasks that are done: a failed task may end at once and
    would flatter them, so failures are counted beside them and never mixed in. Percentiles are
    nearest-rank (perf.measure.rank): always a value that was measured.
    """

    total: int = metric("count", "tasks scheduled")
    done: int = metric("count", "tasks done")
    failed: int = metric("count", "tasks failed")
    processing: int = metric("count", "tasks still in process when the case ended")
    uploaded: int = metric("count", "tasks still waiting when the case ended")
    missing: int = metric("count", "tasks of which the database has no row")
    unsent: int = metric("count", "tasks whose send failed")
    outstanding: int = metric("count", "processing + uploaded")
    lost: int = metric("count", "tasks sent of which the database has no row")
    deliveries: int = metric("count", "deliveries by the queue")
    duplicates: int = metric("count", "deliveries beyond a task's first")
    attempts: int = metric("count", "times that processing was begun")
    retries: int = metric("count", "attempts beyond a task's first", default=0)

    throughput_per_min: float | None = metric("per_min", "X: done / makespan", better="higher")
    arrival_rate_per_min: float | None = metric(
        "per_min", "arrival rate really offered, from the sent instants"
    )
    makespan_s: float | None = metric("s", "first scheduled to last finished")

    response_mean_s: float | None = metric("s", "mean of R = finished - scheduled")
    response_p50_s: float | None = metric("s", "median of R", quantile=50, better="lower")
    response_p95_s: float | None = metric("s", "95th percentile of R", quantile=95, better="lower")
    response_p99_s: float | None = metric("s", "99th percentile of R", quantile=99)
    response_max_s: float | None = metric("s", "largest R")
    waiting_mean_s: float | None = metric("s", "mean of W = started - scheduled")
    waiting_p50_s: float | None = metric("s", "median of W", quantile=50)
    waiting_p95_s: float | None = metric("s", "95th percentile of W", quantile=95)
    waiting_p99_s: float | None = metric("s", "99th percentile of W", quantile=99)
    waiting_max_s: float | None = metric("s", "largest W")
    service_mean_s: float | None = metric("s", "mean of the service time, finished - started")
    service_p50_s: float | None = metric("s", "median of the service time", quantile=50, better="lower")
    service_p95_s: float | None = metric("s", "95th percentile of the service time", quantile=95)
    service_p99_s: float | None = metric("s", "99th percentile of the service time", quantile=99)
    service_max_s: float | None = metric("s", "largest service time")
    s_mean_s: float | None = metric("s", "mean of the original procedure's S = updated - uploaded")
    s_p50_s: float | None = metric("s", "median of S", quantile=50)
    s_p95_s: float | None = metric("s", "95th percentile of S", quantile=95)
    send_lag_p50_s: float | None = metric("s", "median of sent - scheduled", quantile=50)
    send_lag_p99_s: float | None = metric("s", "99th percentile of sent - scheduled", quantile=99)
    send_lag_max_s: float | None = metric("s", "largest sent - scheduled")

    backlog_max: int | None = metric("count", "most tasks scheduled and not finished at one instant")
    backlog_mean: float | None = metric("count", "backlog, averaged over the makespan")
    backlog_end: int | None = metric("count", "backlog as the last task became due", SUSTAINED)
    backlog_growth_per_min: float | None = metric(
        "per_min", "slope of the backlog during injection, once tasks finish", SUSTAINED, signed=True
    )
    backlog_growth_vs_arrival: float | None = metric(
        "ratio", "that slope / arrival rate: the share of the arrivals that piles up", SUSTAINED, signed=True
    )
    offered_utilisation: float | None = metric(
        "ratio",
        "arrival rate * time a task keeps a worker / concurrency; above 1 the backlog grows",
        SUSTAINED,
    )
    slowdown: float | None = metric(
        "ratio",
        "how much longer tasks kept a worker later on, where that is no chance; 1 where it is",
        default=None,
    )
    parallelism_max: int | None = metric("count", "most tasks in service at one instant")
    parallelism_mean: float | None = metric("count", "tasks in service, averaged over the makespan")
    utilisation: float | None = metric("ratio", "rho: busy time of the workers / (concurrency * makespan)")

    nodes_used: int | None = metric("count", "nodes that did tasks", default=None)
    node_share_least: float | None = metric(
        "ratio", "share of the tasks done that the node with the fewest did", default=None
    )
    node_share_most: float | None = metric(
        "ratio", "share of the tasks done that the node with the most did", default=None
    )

    cost_per_video_usd: float | None = metric(
        "usd", "nodes * their price an hour * makespan / done; of nodes whose price is known", default=None
    )
    cost_per_1000_usd: float | None = metric("usd", "the same for 1,000 videos", default=None)

    ideal_throughput_per_min: float | None = metric(
        "per_min", "X of bare ffmpeg, same clip and parallelism", here=True
    )
    efficiency: float | None = metric(
        "ratio", "X / ideal X; in a sustained case X is the rate offered", BURST, here=True, better="higher"
    )
    response_p50_vs_ideal: float | None = metric(
        "ratio", "median of R / that of bare ffmpeg", quantile=50, here=True, better="lower", default=None
    )
    response_p95_vs_ideal: float | None = metric(
        "ratio", "95th percentile of R / that of bare ffmpeg", quantile=95, here=True, better="lower"
    )
    service_p50_vs_ideal: float | None = metric(
        "ratio", "median service time / that of bare ffmpeg", quantile=50, here=True, better="lower"
    )

    def samples(self, metric: str) -> int:
        """How many values a percentile rests on."""
        return self.total - self.unsent if metric.startswith("send_lag") else self.done


#: Every metric by its name.
METRICS = Summary.metrics()
