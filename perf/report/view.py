"""The verdict of a case in words, as every report shows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from perf.judge.verdict import SloResult, Verdict
from perf.measure.numbers import number


@dataclass(frozen=True, slots=True)
class SloRow:
    """One row of the verdict table, all in words."""

    kind: str
    slo: str
    measured: str
    interval: str
    margin: str
    note: str


def slo_rows(verdict: Verdict | None) -> list[SloRow]:
    """A row for each SLO."""
    return [_row(each) for each in verdict.results] if verdict else []


def _row(result: SloResult) -> SloRow:
    interval = result.interval
    return SloRow(
        kind=f"{result.kind}{' (borderline)' if result.borderline else ''}",
        slo=str(result.slo),
        measured=number(result.measured),
        interval="" if interval is None else f"{number(interval.low)} to {number(interval.high)}",
        margin=_margin(result),
        note=result.note,
    )


def _margin(result: SloResult) -> str:
    """By how much an SLO holds or is broken."""
    if result.measured is None:
        return "no data"
    gap = abs(result.measured - result.slo.limit)
    share = f"{100 * gap / abs(result.slo.limit):.0f} %" if result.slo.limit else number(gap)
    if result.passed:
        return "on the limit" if not gap else f"{share} within"
    return f"{share} over" if result.measured > result.slo.limit else f"{share} short"
