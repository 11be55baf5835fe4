"""The verdict of a case in words, as every report shows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from perf.judge.verdict import SloResult, Verdict
from perf.measure.numbers import number
from perf.store.documents import BROKEN, StoredCase

#: The ends of metrics' names, and the units that they are.
_UNITS = {"_per_min": "/min", "_per_s": "/s", "_usd": " USD", "_s": " s"}
#: From so many times the limit on, that is easier to read than percent.
_TIMES = 3


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


def told(name: str, value: float) -> str:
    """A metric and its value for people: ``throughput_per_min``, 125.0 -> ``throughput 125/min``."""
    suffix = next((each for each in _UNITS if name.endswith(each)), "")
    return f"{name.removesuffix(suffix).replace('_', ' ')} {number(value)}{_UNITS.get(suffix, '')}"


def why(case: StoredCase) -> str:
    """What is wrong with a case, in few words; empty where nothing is."""
    if case.verdict is not None and case.verdict.problems:
        return case.verdict.problems[0].reason
    broken = [
        f"{row.slo}: measured {row.measured}, {row.margin}"
        for row in slo_rows(case.verdict)
        if not row.kind.startswith("PASS")
    ]
    if broken:
        return "; ".join(broken)
    return case.message.splitlines()[0] if case.outcome == BROKEN else ""


def _margin(result: SloResult) -> str:
    """By how much an SLO holds or is broken."""
    measured, limit = result.measured, result.slo.limit
    if measured is None:
        return "no data"
    if result.slo.op == "==" and result.passed:
        return "as asked"
    gap = abs(measured - limit)
    if not gap:
        return "on the limit"
    if limit and measured / limit > _TIMES:
        return f"{number(measured / limit)} times the limit"
    share = f"{100 * gap / abs(limit):.0f} %" if limit else number(gap)
    if result.passed:
        return f"{share} within"
    return f"{share} over" if measured > limit else f"{share} short"
