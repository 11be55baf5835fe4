"""Confidence intervals of a web load: what the same load would give, were it run again. Pure.

Requests that follow each other depend on each other: a slow second makes all of them slow that are in
flight. So the bootstrap draws time, not requests: the window is cut into cells of equal length, and each run
draws them in blocks of random length (Politis and Romano, "The Stationary Bootstrap", Journal of the American
Statistical Association 89 (1994) 1303-1313), with all that fell due in them. Every metric is read from the
same draws. How long the blocks are: `_block_cells`.

- A mean or a rate has Hesterberg's expanded percentile interval, as a worker case's has (intervals.py).
- A percentile of p % has Woodruff's ("Confidence Intervals for Medians and Other Position Measures", Journal
  of the American Statistical Association 47 (1952) 635-646): the interval of the share of requests below it,
  taken back to seconds by the order of the data. So its ends were measured, as the percentile was, and it
  holds the truth more often than the percentiles of the bootstrap's own runs.
- A share has Wilson's ("Probable Inference, the Law of Succession, and Statistical Inference", Journal of the
  American Statistical Association 22 (1927) 209-212) for as many independent requests as would vary as much
  as the draws do (Dean and Pagano, "Evaluating Confidence Interval Methods for Binomial Proportions in
  Clustered Surveys", Journal of Survey Statistics and Methodology 3 (2015) 484-503). Where nothing failed, or
  all did, the draws cannot vary, and it is the exact binomial one (Clopper and Pearson, Biometrika 26 (1934)
  404-413).

It is about a load whose rate holds. One that grows is not the same from block to block, and its interval
says little.

How often it holds the truth was measured: `python -m tests.perf.web_coverage`, kept in
tests/perf/data/web_coverage.txt; 200 loads a figure, so to some 3 %. Without a queue and at half of the
capacity it is 91 to 99 %, but for the mean of 600 requests with a heavy tail, 88 %. It is LESS THAN IT SAYS
where the load is short for what happens in it; it cannot tell of what it has not seen:

- at 0.8 of the capacity, 6 s: 81 to 87 % for the mean; with a heavy tail 67 to 79 % for the mean, 80 to 88 %
  for the median, 73 to 83 % for p95, 88 to 90 % for p99. In 60 s: 84 to 91 % with the heavy tail, for the
  mean and p95; otherwise 91 % or more;
- slow periods of half a second, 2 s apart: in 6 s, which hold two or three, only 60 to 78 % for all response
  times, and down to 73 % for the error ratio where the failures are in them; in 60 s 84 to 90 %, and 92 to
  95 % for the error ratio.

That of the throughput is wider than need be (96 to 100 %; 90 % at the worst, with slow periods): each block
brings its own requests in flight, where the load has them at its two ends only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from perf.measure.intervals import (
    CONFIDENCE,
    FEWEST,
    NORMAL,
    RUNS,
    Interval,
    drawn_blocks,
    student,
    tail_outside,
)
from perf.measure.ledger import Bools, Floats
from perf.measure.rank import nearest_rank, samples_for_bound
from perf.measure.web import Requests, Window

#: Cells of the window at most. Blocks are of 40 or more of them: finer ones would change nothing.
CELLS = 400
#: Blocks in the window, at most and at least. From 10 to 30 the interval of a mean hardly gets narrower, but
#: ever less of the dependence is within a block (Schmeiser, "Batch Size Effects in the Analysis of Simulation
#: Output", Operations Research 30 (1982) 556-568).
MOST_BLOCKS = 10
FEWEST_BLOCKS = 4
_PERCENTS = (50, 95, 99)
_ENDPOINT_PERCENTS = (50, 95)
_SEED = 1994  # the same requests give the same interval


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """The window in cells of equal time, and how often each run of the bootstrap draws each of them.

    Attributes:
        window: what is measured.
        weights: runs x cells.
        blocks: how many blocks the window has.
    """

    window: Window
    weights: Floats
    blocks: float

    def totals(self, instants: Floats, values: Floats | Bools | None = None) -> Floats:
        """The sum in each run of the values that belong to these instants; of as many ones without values."""
        drawn: Floats = self.weights @ _per_cell(self.window, self.weights.shape[1], instants, values)
        return drawn

    def mean(self, instants: Floats, values: Floats | Bools) -> Floats:
        """Their mean in each run; NaN where it drew none of them."""
        count = self.totals(instants)
        return np.where(count > 0, self.totals(instants, values) / np.maximum(count, 1), np.nan)


def web_intervals(requests: Requests, window: Window, endpoints: Iterable[str] = ()) -> dict[str, Interval]:
    """The interval of each metric that has one, by its name; about the values that `summarise_web` gives.

    None for counts and extremes. None at all with fewer than FEWEST requests in the window, none for a
    percentile with fewer than `samples_for_bound` requests of its own: nobody can draw what was never seen.

    Args:
        requests: all arrivals of the load.
        window: what of it is measured.
        endpoints: those that have metrics of their own.
    """
    due = requests.where(window.holds(requests.scheduled_s))
    if len(due) < FEWEST:
        return {}
    draws = _draws(due, window)
    found = _times(draws, due) | _errors(draws, due, "error_ratio") | _rates(draws, requests, due)
    for name in endpoints:
        own = due.where(due.endpoint == name)
        timed = own.well | own.outstanding
        found |= _percentiles(draws, own.scheduled_s[timed], own.response_s[timed], name, _ENDPOINT_PERCENTS)
        found |= _errors(draws, own, f"{name}_error_ratio")
    return found


def _times(draws: _Draws, due: Requests) -> dict[str, Interval]:
    timed = due.well | due.outstanding
    at_s, response_s = due.scheduled_s[timed], due.response_s[timed]
    from_sent_s = (due.ended_s - due.sent_s)[due.well]
    found = _percentiles(draws, at_s, response_s, "response", _PERCENTS)
    found |= _percentiles(draws, due.scheduled_s[due.well], from_sent_s, "from_sent", (95,))
    if len(response_s) >= FEWEST:
        mean_s = float(response_s.mean())
        found["response_mean_s"] = _expanded(draws.mean(at_s, response_s), mean_s, draws.blocks)
    return found


def _rates(draws: _Draws, requests: Requests, due: Requests) -> dict[str, Interval]:
    """What came back within the window, whenever it had been asked for: drawn by when it came.

    Where nothing did, the draws cannot vary, and there is none.
    """
    back_s = requests.ended_s[requests.well & draws.window.holds(requests.ended_s)]
    if len(back_s) == 0:
        return {}
    length_s = draws.window.length_s
    back, offered = draws.totals(back_s), draws.totals(due.scheduled_s)
    ratio = np.where(offered > 0, back / np.maximum(offered, 1), np.nan)
    return {
        "throughput_per_s": _expanded(back / length_s, len(back_s) / length_s, draws.blocks),
        "throughput_vs_offered": _expanded(ratio, len(back_s) / len(due), draws.blocks),
    }


def _errors(draws: _Draws, due: Requests, metric: str) -> dict[str, Interval]:
    if len(due) < FEWEST:
        return {}
    return {metric: _share(draws, due.scheduled_s, ~due.well)}


def _percentiles(
    draws: _Draws, at_s: Floats, values_s: Floats, name: str, percents: Iterable[int]
) -> dict[str, Interval]:
    """Those of the percentiles for which there are enough values; *at_s* is when each was due."""
    ordered = np.sort(values_s)
    return {
        f"{name}_p{percent}_s": _percentile(draws, at_s, values_s, ordered, percent)
        for percent in percents
        if len(ordered) >= samples_for_bound(percent)
    }


def _percentile(draws: _Draws, at_s: Floats, values_s: Floats, ordered: Floats, percent: int) -> Interval:
    """Woodruff's interval. The higher percentiles count as at least as dependent as the lower ones.

    A window holds few of the slow moments that make the tail, often too few to show that they come together.
    Taken at its word, p99 at 0.8 of the capacity held the truth in 54 to 91 % of cases; so, in 86 to 100 %.
    """
    count = min(
        _effective(draws, at_s, values_s <= nearest_rank(ordered, each))
        for each in _PERCENTS
        if each <= percent
    )
    share = wilson(percent / 100, count)
    low = math.ceil(share.low * len(ordered))
    high = min(math.floor(share.high * len(ordered)) + 1, len(ordered))
    return Interval(float(ordered[max(low, 1) - 1]), float(ordered[high - 1]))


def _share(draws: _Draws, at_s: Floats, marked: Bools) -> Interval:
    """The interval of the share of the marked ones."""
    share, count = float(marked.mean()), len(marked)
    unseen = 1 - ((1 - CONFIDENCE) / 2) ** (1 / count)  # so rare that none of n is seen in 2.5 % of cases
    if share in (0, 1):
        return Interval(0.0, unseen) if share == 0 else Interval(1 - unseen, 1.0)
    return wilson(share, _effective(draws, at_s, marked))


def wilson(share: float, count: float) -> Interval:
    """Wilson's interval of a share of so many independent ones, which need not be a whole number."""
    spread = NORMAL * NORMAL / count
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


def _effective(draws: _Draws, at_s: Floats, marked: Bools) -> float:
    """How many independent ones tell as much of the share of the marked ones; no more than there are.

    The variance of the draws is too small by (b - 1) / b for b blocks, and known with b - 1 degrees of
    freedom only: by Student's quantile that is taken into the count as well.
    """
    share, count, blocks = float(marked.mean()), len(marked), draws.blocks
    variance = float(np.nanvar(draws.mean(at_s, marked))) * blocks / (blocks - 1)
    if variance <= 0:
        return count
    return min(count, share * (1 - share) / variance * (NORMAL / student(blocks - 1)) ** 2)


def _expanded(values: Floats, estimate: float, blocks: float) -> Interval:
    """Hesterberg's interval of what the runs gave; the estimate is always in it."""
    tail = tail_outside(blocks)
    low, high = (float(edge) for edge in np.nanquantile(values, (tail, 1 - tail)))
    return Interval(min(low, estimate), max(high, estimate))


def _draws(due: Requests, window: Window) -> _Draws:
    """Two requests in a cell or more, so that those evenly spaced do not leave every other one empty."""
    cells = min(CELLS, len(due) // 2)
    block = _longest_block_cells(due, window, cells)
    drawn = drawn_blocks(np.random.default_rng(_SEED), RUNS, cells, block)
    places = drawn + cells * np.arange(RUNS)[:, None]
    weights = np.bincount(places.ravel(), minlength=RUNS * cells).reshape(RUNS, cells)
    return _Draws(window, weights.astype(np.float64), cells / block)


def _longest_block_cells(due: Requests, window: Window, cells: int) -> float:
    """The mean length of the blocks, in cells: the longest that any of the metrics asks for.

    Each is asked through what a request adds to it: R less its mean, whether R is above a percentile, whether
    it failed. Those of the percentiles tell more than R itself does where its tail is heavy.
    """
    timed = due.well | due.outstanding
    at_s, response_s = due.scheduled_s[timed], due.response_s[timed]
    added = [(due.scheduled_s, (~due.well).astype(np.float64))]
    if len(response_s):
        ordered = np.sort(response_s)
        above = [(response_s > nearest_rank(ordered, percent)).astype(np.float64) for percent in (50, 95)]
        added += [(at_s, values) for values in (response_s, *above)]
    asked = [
        _block_cells(_per_cell(window, cells, instants, values - values.mean())) for instants, values in added
    ]
    return float(np.clip(max(asked), max(1.0, cells / MOST_BLOCKS), max(1.0, cells / FEWEST_BLOCKS)))


def _block_cells(values: Floats) -> float:
    """The best mean length of the blocks for the mean of a series: (2 G^2 / D n)^(1/3).

    Politis and White, "Automatic Block-Length Selection", Econometric Reviews 23 (2004) 53-70, with the
    correction of Patton, Politis and White (28 (2009) 372-375): G = sum of |k| R(k), D = 2 (sum of R(k))^2,
    for the autocovariances R at lags -M to M, with their weights. Here not the short form for a first-order
    autoregression, as for worker cases: a response time is a wait that its neighbours share, plus a service
    of its own, so that the correlation is low from the first lag on, and long.
    """
    centred = values - values.mean()
    count = len(centred)
    covariance = np.correlate(centred, centred, "full")[count - 1 :] / count
    if covariance[0] <= 0:
        return 1.0
    most = _lags(covariance / covariance[0])
    lag = np.arange(1, most + 1)
    weighted = np.minimum(1, 2 * (1 - lag / most)) * covariance[1 : most + 1]
    total = covariance[0] + 2 * weighted.sum()
    if total <= 0:
        return 1.0
    return math.cbrt((2 * float((lag * weighted).sum()) / float(total)) ** 2 * count)


def _lags(correlation: Floats) -> int:
    """Twice the lag after which five correlations in a row are what chance gives; at most sqrt(n) + 5."""
    count, run = len(correlation), 5
    most = min(math.ceil(math.sqrt(count)) + run, count - 1)
    beyond = np.abs(correlation[1 : most + 1]) > 2 * math.sqrt(math.log10(count) / count)
    quiet = [lag for lag in range(most - run + 1) if not beyond[lag : lag + run].any()]
    return min(2 * max(quiet[0], 1), most) if quiet else most


def _per_cell(window: Window, cells: int, instants: Floats, values: Floats | Bools | None) -> Floats:
    """The sum of the values in each cell of the window."""
    cell = ((instants - window.begin_s) * (cells / window.length_s)).astype(np.intp)
    return np.bincount(np.minimum(cell, cells - 1), values, cells).astype(np.float64)
