"""Confidence intervals: what the same case would give, were it run again on the same system. Pure.

Consecutive tasks depend on each other in two ways. They wait for each other: in a burst the response times
are not a sample of anything, they are a ramp. And the machine's speed drifts, so service times come in
runs. A bootstrap of response times, in blocks or not, cannot hold the first. So the bootstrap is of what
chance really draws, the time that each task keeps a server, and each draw goes through the queue again
(perf.measure.replay), with the case's own schedule: waiting is then exact and not resampled. The second is
held by drawing in blocks of random length (Politis and Romano, "The Stationary Bootstrap", Journal of the
American Statistical Association 89 (1994) 1303-1313), whose mean length follows from the data (Politis and
White, "Automatic Block-Length Selection", Econometric Reviews 23 (2004) 53-70, for a first-order
autoregression).

The interval is Hesterberg's expanded percentile interval ("What Teachers Should Know About the Bootstrap",
The American Statistician 69 (2015) 371-386, section 5.3): the plain one is too narrow for few samples. How
often it holds the truth was measured: `python -m tests.perf.coverage`, tests/perf/data/coverage.txt. It is
called nominal, since it is not always 95 %: where the machine's speed drifts strongly or comes in periods,
and where a few tasks take ten times as long as the rest, a short case has not seen what the next one will.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import scipy
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import stdtrit

from perf.cases.worker import Mode
from perf.measure.ideal import Ideal
from perf.measure.ledger import Floats, Ledger
from perf.measure.metrics import slowdown_of
from perf.measure.pairs import t_interval
from perf.measure.rank import samples_for_bound
from perf.measure.replay import Served, offered_utilisation, replay, served
from perf.measure.summary import METRICS, Summary

CONFIDENCE = 0.95
#: The normal quantile of it: 1.96.
NORMAL = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
#: With fewer tasks there is no interval: their spread says next to nothing about the next ones.
FEWEST = 8
RUNS = 1000
#: Above so many tasks drawn in all there are fewer runs, and above MOST tasks none: of so many the capacity
#: alone has an interval, by the means of batches.
DRAWS = 5_000_000
MOST = 25_000
_BATCHES = 30
_RATIOS = {
    "response_p50_vs_ideal": "response_p50_s",
    "response_p95_vs_ideal": "response_p95_s",
    "service_p50_vs_ideal": "service_p50_s",
}
#: Workers are drawn from apart only where each has so many tasks, and they differ with this probability.
FEWEST_OF_WORKER = 4
UNLIKE = 0.01
_SEED = 1994  # the same ledger gives the same interval


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a metric lies with 95 % confidence, in its own unit."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def intervals(
    ledger: Ledger, summary: Summary, *, concurrency: int, mode: Mode, ideal: Ideal | None = None
) -> dict[str, Interval]:
    """The interval of each metric that has one, by its name.

    None for counts, which are exact; none where a task did not finish, or where there are too few. The tail
    of the service times has none below `samples_for_bound` tasks, nor has that of a sustained case's
    response times, which follows from it: nobody can draw what was never seen. A burst's is made by the
    queue.
    """
    tasks = served(ledger, concurrency)
    if not FEWEST <= len(tasks) == len(ledger) or not tasks.done.any():
        return {}
    found = (
        _of_many(tasks, summary) if len(tasks) > MOST else _by_draws(tasks, summary, concurrency, mode, ideal)
    )
    return found | _of_slowdown(tasks, ideal)


def _by_draws(
    tasks: Served, summary: Summary, concurrency: int, mode: Mode, ideal: Ideal | None
) -> dict[str, Interval]:
    rng = np.random.default_rng(_SEED)
    block = block_length(tasks.occupancy_s)
    runs = min(RUNS, DRAWS // len(tasks))
    drawn = _drawn(rng, runs, tasks, block)
    figures = _figures(tasks, drawn, concurrency, mode)
    if ideal is not None:
        figures |= _against(ideal, _slowness(rng, ideal, runs), mode, summary, figures)
    tail = tail_outside(len(tasks) / block)
    return {
        name: Interval(*(round(float(edge), 9) for edge in np.nanquantile(values, (tail, 1 - tail))))
        for name, values in figures.items()
        if not np.isnan(values).all() and summary.value(name) is not None and _enough(name, tasks, mode)
    }


def _of_slowdown(tasks: Served, ideal: Ideal | None) -> dict[str, Interval]:
    """Of a loss of capacity that cannot be told yet: from none to what it seems to be."""
    lost = slowdown_of(tasks, ideal)
    return {"slowdown": Interval(1.0, lost.ratio)} if lost is not None and lost.suspected else {}


def _of_many(tasks: Served, summary: Summary) -> dict[str, Interval]:
    """The stability's, by Student's interval of the means of batches (Law, Simulation Modeling, 9.5.3)."""
    rho = summary.offered_utilisation
    if rho is None:
        return {}
    means = np.array([batch.mean() for batch in np.array_split(tasks.occupancy_s, _BATCHES)])
    mean_s, low_s, high_s = t_interval(means, 1 - CONFIDENCE)
    return {"offered_utilisation": Interval(rho * low_s / mean_s, rho * high_s / mean_s)}


def _enough(metric: str, tasks: Served, mode: Mode) -> bool:
    percent = METRICS[metric].quantile
    if percent in (None, 50) or (mode is Mode.BURST and not metric.startswith("service")):
        return True
    return percent is not None and len(tasks) >= samples_for_bound(percent)


def block_length(values: Floats) -> float:
    """The mean length of the bootstrap's blocks: ((2 r / (1 - r^2))^2 n)^(1/3), at least 1.

    r is the lag-1 autocorrelation, 0 if negative: then the tasks are drawn one by one. At most n / 4, so that
    there are blocks to choose from.
    """
    centred = values - values.mean()
    total = float(np.dot(centred, centred))
    r = max(0.0, float(np.dot(centred[1:], centred[:-1])) / total) if total > 0 else 0.0
    length = ((2 * r / (1 - r * r)) ** 2 * len(values)) ** (1 / 3) if r < 1 else math.inf
    return float(min(max(1.0, length), len(values) / 4))


def _drawn(rng: Generator, runs: int, tasks: Served, block: float) -> NDArray[np.intp]:
    """Which task stands in each place of each run.

    Workers that are not alike stay what they are: a task of one is drawn from its own. Drawn from all, the
    slow one's would be dealt out among the others, and each run would be another fleet.
    """
    places = _of_unlike_workers(tasks)
    if not places:
        return drawn_blocks(rng, runs, len(tasks), block)
    drawn = np.empty((runs, len(tasks)), dtype=np.intp)
    for mine in places:
        drawn[:, mine] = mine[drawn_blocks(rng, runs, len(mine), max(1.0, block / len(places)))]
    return drawn


def _of_unlike_workers(tasks: Served) -> list[NDArray[np.intp]]:
    """The places of each worker's tasks, where the workers differ beyond chance (Kruskal and Wallis 1952)."""
    places = [np.flatnonzero(tasks.worker == name) for name in sorted({str(name) for name in tasks.worker})]
    known = sum(map(len, places)) == len(tasks)
    if not known or len(places) < 2 or min(map(len, places)) < FEWEST_OF_WORKER:
        return []
    times = [tasks.occupancy_s[mine] for mine in places]
    if np.ptp(tasks.occupancy_s) == 0 or scipy.stats.kruskal(*times).pvalue > UNLIKE:
        return []
    return places


def drawn_blocks(rng: Generator, runs: int, count: int, block: float) -> NDArray[np.intp]:
    """Runs x count positions: from a random one on, each the next of the one before, until a new block."""
    position = np.arange(count)
    begins = rng.random((runs, count)) < 1 / block
    begins[:, 0] = True
    at = np.maximum.accumulate(np.where(begins, position, 0), axis=1)
    first = np.take_along_axis(rng.integers(count, size=(runs, count)), at, axis=1)
    return (first + position - at) % count


def tail_outside(samples: float) -> float:
    """The probability left out on each side, so that for a mean of n it is Student's interval."""
    samples = max(samples, 4.0)
    return NormalDist().cdf(-math.sqrt(samples / (samples - 1)) * student(samples - 1))


def student(freedom: float) -> float:
    """Student's quantile: how many standard errors a mean of few values lies from the truth at most."""
    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def _figures(tasks: Served, drawn: NDArray[np.intp], concurrency: int, mode: Mode) -> dict[str, Floats]:
    """Each metric in each run."""
    occupancy_s, done = tasks.occupancy_s[drawn], tasks.done[drawn]
    service_s = tasks.service_s[drawn]
    finished_s = replay(tasks.arrival_s, occupancy_s, concurrency)
    response_s = finished_s - tasks.arrival_s
    figures = {"throughput_per_min": 60 * done.sum(axis=1) / finished_s.max(axis=1)}
    figures |= _distribution("response", np.where(done, response_s, np.nan))
    figures |= _distribution("waiting", np.where(done, response_s - service_s, np.nan))
    figures |= _distribution("service", np.where(done, service_s, np.nan))
    if mode is Mode.SUSTAINED:
        growth = _growth_per_min(tasks.arrival_s, finished_s)
        rate_per_min = 60 * (len(tasks) - 1) / max(float(np.ptp(tasks.arrival_s)), 1e-9)
        figures["backlog_growth_per_min"] = growth
        figures["backlog_growth_vs_arrival"] = growth / rate_per_min
        figures["offered_utilisation"] = offered_utilisation(rate_per_min, occupancy_s, concurrency)
    return figures


def _distribution(name: str, values_s: Floats) -> dict[str, Floats]:
    """Mean and nearest-rank percentiles of each run, over what is not NaN."""
    ordered = np.sort(values_s, axis=1)  # NaN last
    count = (~np.isnan(values_s)).sum(axis=1)
    found = {f"{name}_mean_s": np.nansum(values_s, axis=1) / np.maximum(count, 1)}
    for percent in (50, 95, 99):
        rank = np.maximum(-(-percent * count // 100), 1) - 1
        found[f"{name}_p{percent}_s"] = np.take_along_axis(ordered, rank[:, None], axis=1)[:, 0]
    return {metric: np.where(count > 0, values, np.nan) for metric, values in found.items()}


def _growth_per_min(arrival_s: Floats, finished_s: Floats) -> Floats:
    """The slope of the backlog in each run: Steps.slope_per_s as a sum over tasks, over the same stretch.

    The integral of (t - m) L(t) is the sum over tasks of that of (t - m) while each is in the system.
    """
    last_s, first_s = arrival_s.max(), arrival_s.min()
    filled_s = finished_s.min(axis=1, keepdims=True)
    begin_s = np.where(filled_s <= (first_s + last_s) / 2, filled_s, first_s)
    middle_s = (begin_s + last_s) / 2
    enter_s, leave_s = np.clip(arrival_s, begin_s, last_s), np.clip(finished_s, begin_s, last_s)
    moment = ((leave_s - middle_s) ** 2 - (enter_s - middle_s) ** 2).sum(axis=1) / 2
    slope: Floats = 60 * moment / ((last_s - begin_s[:, 0]) ** 3 / 12)
    return slope


def _slowness(rng: Generator, ideal: Ideal, runs: int) -> Floats:
    """By how much bare ffmpeg's mean would differ, were it calibrated again: a factor for each run."""
    service_s = np.asarray(ideal.service_s)
    drawn: Floats = rng.choice(service_s, (runs, len(service_s))).mean(axis=1) / service_s.mean()
    return drawn


def _against(
    ideal: Ideal, slowness: Floats, mode: Mode, summary: Summary, figures: Mapping[str, Floats]
) -> dict[str, Floats]:
    """The ratios to bare ffmpeg, whose own figures are uncertain too."""
    found: dict[str, Floats] = {}
    for ratio, metric in _RATIOS.items():
        value, relative = summary.value(metric), summary.value(ratio)
        if value and relative:
            found[ratio] = figures[metric] * (relative / value) / slowness
    if mode is Mode.BURST:
        found["efficiency"] = figures["throughput_per_min"] / ideal.throughput_per_min * slowness
    return found
