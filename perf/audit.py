"""`python -m perf audit FILE.csv`: holds a table of runs, whoever published it, against the operational laws.

Nothing but the table is needed. For a queue served first in, first out that starts and ends empty, whose
completions are evenly spaced at 1/X, the k-th task completes at k/X. So N tasks have a mean response of

    (N + 1) / (2 X)                      all at once
    (N + 1) / (2 X) - (N - 1) / (2 a)    evenly spaced at a rate a that is above the capacity

(sum of the completions less the sum of the arrivals, over N: the area between the two curves, which is
Little's law; Denning and Buzen, "The Operational Analysis of Queueing Network Models", Computing Surveys 10
(1978) 225-261). Completions are not evenly spaced: where the service times have a coefficient of variation
v, the mean differs from this by a standard error of N / X * v / sqrt(12 N). Three of them at v = 0.5 are
allowed, which is generous: ffmpeg on one clip has 0.1 to 0.3.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from perf.errors import UsageError
from perf.matrix import Mode
from perf.measure.numbers import number

SERVICE_VARIATION = 0.5
STANDARD_ERRORS = 3.0

#: Our names for a column, and others for it.
COLUMNS = {
    "mode": ("mode",),
    "total": ("total",),
    "done": ("done",),
    "failed": ("failed",),
    "uploaded": ("uploaded",),
    "processing": ("processing",),
    "throughput_per_min": ("x_videos_per_min", "x_per_min", "throughput_per_min"),
    "response_mean_s": ("s_mean_s", "response_mean_s"),
    "rate_per_min": ("rate_per_min", "rate"),
    "size": ("size_mb", "size"),
    "concurrency": ("concurrency", "c"),
    "run": ("run", "case"),
    "kind": ("kind",),
}
_OPTIONAL = {"uploaded", "processing", "rate_per_min", "size", "concurrency", "run", "kind"}


class Finding(StrEnum):
    """What a row is, worst last."""

    CONSISTENT = "consistent"
    OVERLOADED = "overloaded"
    INCOMPLETE = "incomplete"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Row:
    """One published run. Times in s, rates per minute; None = the table does not say."""

    name: str
    mode: Mode
    total: int
    done: int
    failed: int
    waiting: int
    throughput_per_min: float | None
    response_mean_s: float | None
    rate_per_min: float | None


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
    known = expected_s is not None and row.response_mean_s is not None and expected_s > 0
    ratio = row.response_mean_s / expected_s if known else None  # type: ignore[operator]
    found = [*_counts(row), *_flow(row), *_response(row, expected_s, ratio)]
    return Audit(row, tuple(sorted(found, key=lambda each: list(Finding).index(each[0]))), ratio)


def implied_response_s(row: Row) -> float | None:
    """The mean response that follows from X; None where it does not, since the workers were idle at times."""
    if not row.throughput_per_min or row.done < row.total or row.total == 0:
        return None
    area_min = (row.total + 1) / (2 * row.throughput_per_min)
    if row.mode is Mode.BURST:
        return 60 * area_min
    if not row.rate_per_min or not _overloaded(row):
        return None
    return 60 * (area_min - (row.total - 1) / (2 * row.rate_per_min))


def _counts(row: Row) -> Iterator[tuple[Finding, str]]:
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
    if row.mode is not Mode.SUSTAINED or not row.rate_per_min or not row.throughput_per_min:
        return
    if row.total > 1 and row.throughput_per_min > row.rate_per_min * row.total / (row.total - 1):
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
    """Whether the run took longer than its injection by more than its spacing and a tenth explain."""
    rate, done = row.rate_per_min, row.throughput_per_min
    if not rate or not done or row.total < 2:
        return False
    return row.total / done > 1.1 * (row.total + 1) / rate


def _response(row: Row, expected_s: float | None, ratio: float | None) -> Iterator[tuple[Finding, str]]:
    if expected_s is None or ratio is None or not row.throughput_per_min:
        return
    whole_s = 60 * row.total / row.throughput_per_min
    allowed_s = STANDARD_ERRORS * SERVICE_VARIATION * whole_s / math.sqrt(12 * row.total)
    if abs(ratio - 1) * expected_s > allowed_s:
        yield (
            Finding.IMPOSSIBLE,
            f"a mean of {number(row.response_mean_s)} s is {ratio:.2f} of the {number(expected_s)} s that "
            f"follow from X (allowed: +-{number(allowed_s)} s)",
        )


def read_rows(path: Path) -> list[Row]:
    """The rows of a CSV with a header; see COLUMNS.

    Raises:
        UsageError: the file cannot be read, lacks a column, or holds what is not a number (its line is
        named).
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot read the table: {error}") from error
    if not lines:
        raise UsageError(f"{path}: there is no row in it; expected a header and a row for each run")
    names = _names(path, list(lines[0]))
    return [_row(f"{path}:{place}", place - 1, line, names) for place, line in enumerate(lines, 2)]


def _names(path: Path, header: list[str]) -> dict[str, str]:
    """Which column of the file holds what."""
    found = {ours: name for ours, names in COLUMNS.items() for name in names if name in header}
    lacking = [names[0] for ours, names in COLUMNS.items() if ours not in found and ours not in _OPTIONAL]
    if lacking:
        raise UsageError(f"{path}:1: no column {', '.join(lacking)}; the columns are {', '.join(header)}")
    return found


def _row(place: str, position: int, line: Mapping[str, str | None], names: Mapping[str, str]) -> Row:
    def text(ours: str) -> str:
        return (line.get(names[ours]) or "").strip() if ours in names else ""

    def value(ours: str) -> float | None:
        try:
            found = float(text(ours)) if text(ours) else None
        except ValueError:
            found = math.nan
        if found is not None and not (math.isfinite(found) and found >= 0):
            raise UsageError(f"{place}: {names[ours]} is {text(ours)!r}; expected a number, 0 or more")
        return found

    if text("mode") not in list(Mode):
        raise UsageError(f"{place}: mode is {text('mode')!r}; expected {' or '.join(Mode)}")
    return Row(
        name=text("run") or str(position),
        mode=Mode(text("mode")),
        total=int(value("total") or 0),
        done=int(value("done") or 0),
        failed=int(value("failed") or 0),
        waiting=int((value("uploaded") or 0) + (value("processing") or 0)),
        throughput_per_min=value("throughput_per_min"),
        response_mean_s=value("response_mean_s"),
        rate_per_min=value("rate_per_min"),
    )
