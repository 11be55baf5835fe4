"""A case as every report shows it: read from its artifacts, whatever tier it is of and however it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from perf.judge.verdict import SloResult
from perf.matrix import Mode
from perf.measure.numbers import number
from perf.measure.summary import METRICS, Metric
from perf.measure.validity import Problem
from perf.measure.web_summary import WEB_METRICS
from perf.report import plots, web_plots
from perf.report.case_file import case_result, read_verdict
from perf.report.drawing import Picture
from perf.run import CaseResult
from perf.web_matrix import WebMode

#: Beside PASS, FAIL and INVALID: the suite or the deployment broke, and there is no verdict.
BROKEN = "BROKEN"
#: What stands first, and is held against the run before: by tier.
HEADLINES = {
    "worker": ("throughput_per_min", "efficiency", "response_p50_s", "response_p95_s", "service_p50_s"),
    "web": ("knee_per_s", "throughput_per_s", "error_ratio", "response_p50_s", "response_p95_s"),
}
_FEATURES = {"worker": "Scenario 2: worker throughput", "web": "Scenario 1: web capacity"}


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of a case, in Unix seconds."""

    name: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SloRow:
    """One row of the verdict table, all in words."""

    kind: str
    slo: str
    measured: str
    interval: str
    margin: str
    note: str


@dataclass(frozen=True)
class CaseView:
    """What there is to show of a case.

    Attributes:
        kind: PASS, FAIL, INVALID or BROKEN.
        message: what is wrong, a line each.
        values: every metric by its name.
        parameters: name -> value, of those that make the case what it is.
        circumstances: the same of those that differ from run to run.
        draw: makes the pictures; called where they are needed, since it takes a while.
        result: of a case of the workers, all there is.
    """

    id: str
    title: str
    tier: str
    story: str
    variant: str
    kind: str
    message: str
    rows: tuple[SloRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    values: Mapping[str, float | None] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    circumstances: Mapping[str, str] = field(default_factory=dict)
    phases: tuple[Phase, ...] = ()
    machine: Mapping[str, Any] = field(default_factory=dict)
    draw: Callable[[], list[Picture]] = list
    result: CaseResult | None = None

    @property
    def feature(self) -> str:
        """The scenario."""
        return _FEATURES[self.tier]

    @property
    def headlines(self) -> dict[Metric, float]:
        """The metrics that stand first, of those there are."""
        known = METRICS if self.tier == "worker" else WEB_METRICS
        found = {known[name]: self.values.get(name) for name in HEADLINES[self.tier]}
        return {metric: value for metric, value in found.items() if value is not None}


def case_view(document: Mapping[str, Any], seconds: Callable[[], list[dict[str, float]]] = list) -> CaseView:
    """The view of a ``case_*.json`` or ``broken_*.json``.

    Args:
        document: the file.
        seconds: reads the rows of ``seconds_*.csv``; of a web case.

    Raises:
        KeyError, TypeError, ValueError: the document is not one of this form.
    """
    if "error" in document:
        return _broken(document)
    return _web(document, seconds) if "load" in document else _worker(document)


def tier_of(case: Mapping[str, Any]) -> str:
    """`worker` or `web`, by the mode of a case."""
    return "web" if case["mode"] in list(WebMode) else "worker"


def _worker(document: Mapping[str, Any]) -> CaseView:
    result = case_result(document)
    case, facts = result.case, result.facts
    clip = facts.get("clip", {})
    return CaseView(
        id=case.id,
        title=f"{case.size_mb} MB, concurrency {case.concurrency}, {case.mode} ({case.variant})",
        tier="worker",
        story=case.cell,
        variant=str(case.variant),
        kind=str(result.verdict.kind),
        message=result.verdict.message(),
        rows=tuple(_row(each) for each in result.verdict.results),
        problems=result.verdict.problems,
        values=document["summary"],
        parameters={
            "size": f"{case.size_mb} MB",
            "concurrency": str(case.concurrency),
            "mode": str(case.mode),
            "tasks": str(case.count),
        },
        circumstances={
            "clip": str(clip.get("is", "")) + (" (stands in)" if clip.get("stand_in") else ""),
            "arrival": _arrival(case.mode, facts),
            "workers": ", ".join(
                f"{w['host']}/{w['pid']} x {w['concurrency']}" for w in facts.get("workers", ())
            ),
        },
        phases=_phases(facts),
        machine=document.get("machine") or {},
        draw=cache(lambda: plots.pictures(result)),
        result=result,
    )


def _web(document: Mapping[str, Any], seconds: Callable[[], list[dict[str, float]]]) -> CaseView:
    case, facts = document["case"], document["facts"]
    verdict = read_verdict(document["verdict"])
    return CaseView(
        id=document["id"],
        title=f"Web tier: {case['mode'].removeprefix('web-')} ({case['variant']})",
        tier="web",
        story=case["mode"],
        variant=case["variant"],
        kind=str(verdict.kind),
        message=verdict.message(),
        rows=tuple(_row(each) for each in verdict.results),
        problems=verdict.problems,
        values=document["summary"],
        parameters={"mode": case["mode"], "users": str(case["users"])},
        circumstances={
            "load": str(facts.get("load_source", "")),
            "clip": str(facts.get("clip", {}).get("is", "")),
        },
        phases=_phases(facts),
        machine=document.get("machine") or {},
        draw=cache(lambda: web_plots.pictures(document, seconds())),
    )


def _broken(document: Mapping[str, Any]) -> CaseView:
    case = document["case"]
    return CaseView(
        id=document["id"],
        title=document["id"],
        tier=tier_of(case),
        story=document["id"],
        variant=case["variant"],
        kind=BROKEN,
        message=document["error"],
        phases=_phases(document),
        machine=document.get("machine") or {},
    )


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


def _arrival(mode: Mode, facts: Mapping[str, Any]) -> str:
    rate = facts.get("rate_per_min")
    source = str(facts.get("rate_source", ""))
    return source if mode is Mode.BURST or rate is None else f"{number(rate)}/min: {source}"


def _phases(holder: Mapping[str, Any]) -> tuple[Phase, ...]:
    return tuple(Phase(**each) for each in holder.get("phases", ()))
