"""Holds a table of runs, whoever published it, against the operational laws: `python -m perf audit FILE.csv`.

Nothing but the table is needed: N tasks, X (done / the time from the first arrival to the last completion),
the mean response and, of a sustained run, the rate of its evenly spaced arrivals. The formulas and their
sources are in perf.judge.pace. Two things are told apart:

**impossible**: no order of completions at all gives these numbers. A number stands for all that are rounded
to it, and 1 % is left for a run whose tasks were not sent at exactly the stated instants.

**inconsistent with an even pace**: which a run has that has work all the time (a burst; arrivals above the
capacity). It is not quite even: where the service times have a coefficient of variation v, the mean response
differs from this by a standard error of T v / sqrt(12 N), that of a random walk of N steps that begins and
ends on its line (a Brownian bridge, whose area has the variance 1 / 12). Three of them at v = 0.5 are
allowed, which is generous: ffmpeg on one clip has 0.1 to 0.3. c servers may begin and end c tasks together,
which moves the mean by up to T (c - 1) / (2 N): allowed where the table says c. What would explain such a row
is named.

A run that was idle at times (arrivals below the capacity) has no pace of its own: only the order bounds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from perf.cases.worker import Mode
from perf.judge.pace import Pace
from perf.measure.numbers import number

SERVICE_VARIATION = 0.5
STANDARD_ERRORS = 3.0
#: A part of the times: tasks are not sent, nor rows stamped, at exactly the stated instants.
SLACK = 0.01


class Finding(StrEnum):
    """What a row is, worst last."""

    CONSISTENT = "consistent"
    OVERLOADED = "overloaded"
    INCOMPLETE = "incomplete"
    UNCHECKED = "cannot be checked"
    INCONSISTENT = "inconsistent with an even pace"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Row:
    """One published run. Times in s, rates per minute; None = the table does not say."""

    name: str
    mode: Mode
    total: int | None
    done: int | None
    failed: int | None
    waiting: int | None
    throughput_per_min: float | None
    response_mean_s: float | None
    rate_per_min: float | None
    servers: int | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """What is said of a row.

    Attributes:
        row: the row.
        findings: each kind of finding with its figures, worst last.
        ratio: published mean response / the one that follows from X; None where none follows.
    """

    row: Row
    findings: tuple[tuple[Finding, str], ...]
    ratio: float | None

    @property
    def verdict(self) -> Finding:
        """The worst of the findings."""
        return self.findings[-1][0] if self.findings else Finding.CONSISTENT


def audit(row: Row) -> Audit:
    """Hold a row against the laws."""
    expected_s = implied_response_s(row)
    ratio = row.response_mean_s / expected_s if expected_s and row.response_mean_s else None
    response = list(_order(row)) or list(_even_pace(row))
    found = [*_missing(row), *_counts(row), *_flow(row), *response]
    return Audit(row, tuple(sorted(found, key=lambda each: list(Finding).index(each[0]))), ratio)


def implied_response_s(row: Row) -> float | None:
    """The mean response that follows from X; None where it does not, since the workers were idle at times."""
    pace = _pace(row)
    busy = row.mode is Mode.BURST or _overloaded(row)
    return pace.even_s if pace is not None and busy else None


def _missing(row: Row) -> Iterator[tuple[Finding, str]]:
    """What is not there cannot be right; of these none can be 0 either."""
    needed: dict[str, float | None] = {
        "total": row.total,
        "done": row.done,
        "X": row.throughput_per_min,
        "the mean response": row.response_mean_s,
    }
    if row.mode is Mode.SUSTAINED:
        needed["the arrival rate"] = row.rate_per_min
    said = [f"{name} is {'missing' if value is None else 0}" for name, value in needed.items() if not value]
    counts = {"failed": row.failed, "waiting": row.waiting}
    said += [f"{name} is missing" for name, value in counts.items() if value is None]
    if said:
        yield Finding.UNCHECKED, ", ".join(said)


def _counts(row: Row) -> Iterator[tuple[Finding, str]]:
    if row.total is None or row.done is None or row.failed is None or row.waiting is None:
        return
    counted = row.done + row.failed + row.waiting
    said = f"{row.done} done + {row.failed} failed + {row.waiting} waiting = {counted} of {row.total}"
    if counted != row.total:
        yield Finding.IMPOSSIBLE, f"{said}: the counts do not add up"
    elif row.waiting or row.failed:
        yield (
            Finding.INCOMPLETE,
            f"{said}: {number(100 * row.done / row.total)} % done, so its times are of a part",
        )


def _flow(row: Row) -> Iterator[tuple[Finding, str]]:
    """Arrivals against completions: what went in above the capacity piled up, even if it drained later."""
    longest = _pace(row, 1)
    if row.mode is not Mode.SUSTAINED or not row.rate_per_min or not row.throughput_per_min:
        return
    if longest is not None and longest.too_short:
        yield (
            Finding.IMPOSSIBLE,
            f"X {number(row.throughput_per_min)} is above the arrival rate {number(row.rate_per_min)}",
        )
    if _overloaded(row):
        yield (
            Finding.OVERLOADED,
            f"arrivals of {number(row.rate_per_min)}/min are "
            f"{number(row.rate_per_min / row.throughput_per_min)} times what was completed: the backlog grew "
            "to the end of the injection",
        )


def _overloaded(row: Row) -> bool:
    """Whether the run took longer than its injection by more than a tenth and its last c tasks explain."""
    if row.mode is not Mode.SUSTAINED or not (row.total and row.rate_per_min and row.throughput_per_min):
        return False
    injected_min = (row.total + (row.servers or 1)) / row.rate_per_min
    return row.total > 1 and row.total / row.throughput_per_min > 1.1 * injected_min


def _order(row: Row) -> Iterator[tuple[Finding, str]]:
    """A mean that no order of completions gives.

    Of tasks of which only a part was done, or whose arrivals are unknown, no mean is above T. Where the
    arrivals themselves do not fit into T, that is said already.
    """
    if not row.done or not row.throughput_per_min or not row.response_mean_s:
        return
    shortest, longest = _pace(row, -1), _pace(row, 1)
    if shortest is None or longest is None:
        least_s, most_s = 0.0, _makespan_s(row.done, row.throughput_per_min, 1)
    else:
        least_s, most_s = shortest.least_s, longest.most_s
        if longest.too_short:
            return
    half_s = _half_unit(row.response_mean_s)
    if not least_s - half_s <= row.response_mean_s <= most_s + half_s:
        yield (
            Finding.IMPOSSIBLE,
            f"no order of completions has a mean of {number(row.response_mean_s)} s: X allows "
            f"{number(least_s)} to {number(most_s)} s",
        )


def _even_pace(row: Row) -> Iterator[tuple[Finding, str]]:
    pace, expected_s, mean_s = _pace(row), implied_response_s(row), row.response_mean_s
    if pace is None or expected_s is None or not mean_s:
        return
    noise_s = STANDARD_ERRORS * SERVICE_VARIATION * pace.makespan_s / math.sqrt(12 * pace.count)
    together = min(row.servers or 1, pace.count)
    allowed_s = noise_s + pace.makespan_s * (together - 1) / (2 * pace.count)
    if abs(mean_s - expected_s) > allowed_s:
        yield (
            Finding.INCONSISTENT,
            f"a mean of {number(mean_s)} s is {mean_s / expected_s:.2f} of the "
            f"{number(expected_s)} s that follow from X (allowed: +-{number(allowed_s)} s); "
            f"{_explanation(pace, mean_s)} would explain it",
        )


def _explanation(pace: Pace, mean_s: float) -> str:
    """What the run may have been like instead."""
    k = pace.slowdown(mean_s)
    if k is not None:
        return f"{'slower' if k >= 1 else 'faster'} by about {number(max(k, 1 / k))} in the second half"
    if mean_s < pace.even_s:
        many = pace.as_they_came(mean_s)
        return f"no slower second half, but {many} of {pace.count} done as they came and the rest evenly"
    many = pace.at_the_end(mean_s)
    return f"no faster second half, but {many} of {pace.count} done only at the very end and the rest evenly"


def _pace(row: Row, side: int = 0) -> Pace | None:
    """What is known of the run; None where that is too little, or where only a part was done.

    Args:
        row: the row.
        side: -1: the shortest makespan and the widest spacing that its numbers may stand for; 1: the longest
            and narrowest.
    """
    if not row.total or row.done != row.total or not row.throughput_per_min:
        return None
    makespan_s = _makespan_s(row.total, row.throughput_per_min, side)
    if row.mode is Mode.BURST:
        return Pace(row.total, makespan_s)
    if not row.rate_per_min:
        return None
    rate_per_min = row.rate_per_min + side * _half_unit(row.rate_per_min)
    return Pace(row.total, makespan_s, 60 / rate_per_min * (1 - side * SLACK))


def _makespan_s(count: int, throughput_per_min: float, side: int) -> float:
    throughput_per_min -= side * _half_unit(throughput_per_min)
    return 60 * count / throughput_per_min * (1 + side * SLACK)


def _half_unit(value: float) -> float:
    """Half a unit of the last place a number has: 1.2 may stand for anything from 1.15 to 1.25."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return 0.5 * 10.0 ** min(int(exponent), 0)
