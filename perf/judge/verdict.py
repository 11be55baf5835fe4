"""From a Summary and the SLOs to PASS, FAIL or INVALID. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from perf.errors import InvalidMeasurement, SloBroken
from perf.judge.slos import Slo
from perf.matrix import Mode
from perf.measure.intervals import Interval
from perf.measure.numbers import number
from perf.measure.rank import samples_for_bound
from perf.measure.validity import Problem


class Measured(Protocol):
    """What a judgement needs of a summary: of the tasks of a case, or of the requests of a load."""

    def value(self, metric: str) -> float | None:
        """The metric's value; None = there is no data."""

    def quantile(self, metric: str) -> int | None:
        """Which percentile the metric is, if it is one."""

    def samples(self, metric: str) -> int:
        """How many values the metric rests on."""


class Kind(StrEnum):
    """PASS; FAIL: an SLO is broken; INVALID: the measurement cannot be trusted."""

    PASS = "PASS"  # noqa: S105 - a verdict
    FAIL = "FAIL"
    INVALID = "INVALID"


#: Held of every sustained case, whatever slos.toml says: see perf.measure.stability.
STABLE = Slo("offered_utilisation", "<", 1.0, "stability")


@dataclass(frozen=True, slots=True)
class SloResult:
    """What became of one SLO; ``measured`` and ``passed`` are None where there is no data.

    Where the metric has a confidence interval, an SLO is broken only if the whole interval breaks it, and
    borderline if a part of it does.
    """

    slo: Slo
    measured: float | None
    passed: bool | None
    note: str = ""
    interval: Interval | None = None

    @property
    def borderline(self) -> bool:
        """Whether the interval straddles the limit: the data do not say on which side the system is."""
        inside = self.interval
        return inside is not None and self.slo.holds(inside.low) != self.slo.holds(inside.high)

    @property
    def kind(self) -> Kind:
        """What this SLO alone makes of the case."""
        if self.passed is None:
            return Kind.INVALID
        return Kind.PASS if self.passed else Kind.FAIL

    def __str__(self) -> str:
        measured = "no data" if self.measured is None else f"measured {self._figure(self.measured)}"
        remarks = [remark for remark in (self.note, self.spread, self.slo.source) if remark]
        return f"{self.kind} {self.slo}: {measured}" + (f" ({'; '.join(remarks)})" if remarks else "")

    @property
    def spread(self) -> str:
        """The interval in words; empty where there is none."""
        if self.interval is None:
            return ""
        low, high = number(self.interval.low), number(self.interval.high)
        return f"{'borderline: ' if self.borderline else ''}95 % between {low} and {high}"

    def _figure(self, measured: float) -> str:
        """The value in few digits, unless they would tell the opposite: 0.4996 broke >= 0.5, not 0.5."""
        short = number(measured)
        return short if self.slo.holds(float(short)) == self.slo.holds(measured) else repr(measured)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of a case."""

    kind: Kind
    results: tuple[SloResult, ...]
    problems: tuple[Problem, ...]

    @property
    def borderline(self) -> bool:
        """Whether one of its SLOs is."""
        return any(result.borderline for result in self.results)

    def message(self) -> str:
        """What is wrong, a line each; for a PASS, one line that says so."""
        lines = [f"{Kind.INVALID} {problem}" for problem in self.problems]
        lines += [str(result) for result in self.results if not result.passed]
        return "\n".join(lines) or f"{Kind.PASS} {len(self.results)} SLOs hold"


def judge(
    summary: Measured,
    slos: Iterable[Slo],
    problems: Iterable[Problem],
    intervals: Mapping[str, Interval] | None = None,
) -> Verdict:
    """A problem, an SLO without data or no SLO at all is INVALID; else a broken SLO is FAIL; else PASS."""
    results = tuple(_result(summary, slo, (intervals or {}).get(slo.metric)) for slo in slos)
    problems = tuple(problems)
    if not results:
        problems += (Problem("there is no SLO to judge by", "add one to slos.toml"),)
    kinds = {result.kind for result in results}
    if problems or Kind.INVALID in kinds:
        return Verdict(Kind.INVALID, results, problems)
    return Verdict(Kind.FAIL if Kind.FAIL in kinds else Kind.PASS, results, problems)


def raise_unless_pass(verdict: Verdict) -> None:
    """Fail the test of a case.

    Raises:
        SloBroken: the verdict is FAIL.
        InvalidMeasurement: it is INVALID.
    """
    if verdict.kind is Kind.FAIL:
        raise SloBroken(verdict.message())
    if verdict.kind is Kind.INVALID:
        raise InvalidMeasurement(verdict.message())


def with_stability(slos: Iterable[Slo], mode: Mode) -> tuple[Slo, ...]:
    """The SLOs of a case and, of a sustained one, that its backlog does not grow."""
    slos = tuple(slos)
    if mode is not Mode.SUSTAINED or any(slo.metric == STABLE.metric for slo in slos):
        return slos
    return (*slos, STABLE)


def _result(summary: Measured, slo: Slo, interval: Interval | None) -> SloResult:
    measured = summary.value(slo.metric)
    passed = None if measured is None else slo.holds(measured)
    if interval is not None and passed is False:
        passed = slo.holds(interval.low) or slo.holds(interval.high)
    return SloResult(slo, measured, passed, _note(summary, slo.metric), interval)


def _note(summary: Measured, name: str) -> str:
    """That a percentile rests on too few samples, if it does."""
    percent, samples = summary.quantile(name), summary.samples(name)
    if percent is None or samples >= samples_for_bound(percent):
        return ""
    return f"p{percent} of {samples}: too few for a bound, which takes {samples_for_bound(percent)}"
