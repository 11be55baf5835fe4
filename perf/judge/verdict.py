"""From a Summary and the SLOs to PASS, FAIL or INVALID. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from perf.cases.errors import InvalidMeasurement, SloBroken
from perf.cases.worker import Mode
from perf.judge.baseline import Against
from perf.judge.check import Problem
from perf.judge.slos import Slo
from perf.measure.figures import Figures
from perf.measure.intervals import Interval
from perf.measure.numbers import number
from perf.measure.rank import samples_for_bound


class VerdictKind(StrEnum):
    """PASS; FAIL: an SLO is broken; INVALID: the measurement cannot be trusted."""

    PASS = "PASS"  # noqa: S105 - a verdict
    FAIL = "FAIL"
    INVALID = "INVALID"


#: How intervals are called: how often they hold the truth was measured, and it is not always 95 %.
CONFIDENCE_SAID = "nominal 95 %"

#: Held of every sustained case, whatever slos.toml says: see perf.measure.replay.
#: That the queue is empty in the end proves nothing: it empties whenever arrivals stop. And the slope of the
#: backlog proves little, since successive levels of a queue depend on each other. What decides is whether
#: work arrives faster than the servers can do it (Loynes 1962).
STABLE = Slo("offered_utilisation", "<", 1.0, "stability")
#: The same of the capacity itself: what is lost during a case is lost, however well it began. A case that is
#: too short for a trend (perf.measure.slowdown) has none, and is not judged by it.
STEADY = Slo("slowdown", "<", 1.25, "capacity was lost during the case")


@dataclass(frozen=True, slots=True)
class SloResult:
    """What became of one SLO; ``measured`` and ``passed`` are None where there is no data.

    The measured value decides: the limit has its slack already. Where the interval straddles the limit it is
    borderline, which is told. Where it is so wide that it says nothing the SLO is undecided, and that is
    never a PASS.
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
    def open(self) -> bool:
        """Whether more tasks could say something else: it is vague, or broken by a borderline value.

        A few stragglers among 16 tasks break a limit that 32 hold.
        """
        return self.vague or (self.passed is False and self.borderline)

    @property
    def vague(self) -> bool:
        """Whether the data say nothing: the interval holds half and twice the limit.

        Of what a sustained load loses, whether it holds the limit at all: on which side of 1 the load is
        decides whether the backlog would go on growing, and neither a measured 0.99 nor 1.01 tells.
        """
        limit, inside = self.slo.limit, self.interval
        if self.passed is None:
            return False
        if self.slo.metric == STABLE.metric and inside is None:
            return self.passed
        if self.slo.metric in (STABLE.metric, STEADY.metric):
            return self.borderline
        return inside is not None and limit > 0 and limit / 2 in inside and 2 * limit in inside

    @property
    def undecided(self) -> bool:
        """Whether there are too few tasks to say that it holds; what is broken in the end is broken."""
        return bool(self.passed) and self.vague

    @property
    def kind(self) -> VerdictKind:
        """What this SLO alone makes of the case."""
        if self.passed is None or self.undecided:
            return VerdictKind.INVALID
        return VerdictKind.PASS if self.passed else VerdictKind.FAIL

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
        word = "undecided: " if self.vague else "borderline: " if self.borderline else ""
        return f"{word}{CONFIDENCE_SAID} between {low} and {high}"

    def _figure(self, measured: float) -> str:
        """The value in few digits, unless they would tell the opposite: 0.4996 broke >= 0.5, not 0.5."""
        short = number(measured)
        return short if self.slo.holds(float(short)) == self.slo.holds(measured) else repr(measured)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of a case; *against* is what became of it beside its baseline, where one was given."""

    kind: VerdictKind
    results: tuple[SloResult, ...]
    problems: tuple[Problem, ...]
    against: Against | None = None

    @property
    def borderline(self) -> bool:
        """Whether one of its SLOs is."""
        return any(result.borderline for result in self.results)

    @property
    def open(self) -> bool:
        """Whether more tasks could make it another: nothing is broken for sure, and nothing else is wrong."""
        said = [result.open for result in self.results]
        broken = any(not result.passed and not result.open for result in self.results)
        return any(said) and not broken and not self.problems

    @property
    def undecided(self) -> bool:
        """Whether it is no PASS only since there are too few tasks to tell."""
        return self.open and all(result.passed for result in self.results)

    def took_too_long(self, figures: Figures) -> bool:
        """Whether it fails, and by nothing but times and what follows from them: no load explains a count."""
        broken = [result.slo.metric for result in self.results if not result.passed]
        metrics = figures.metrics()
        return self.kind is VerdictKind.FAIL and all(metrics[name].unit != "count" for name in broken)

    def message(self) -> str:
        """What is wrong, a line each; for a PASS, one line that says so."""
        lines = [f"{VerdictKind.INVALID} {problem}" for problem in self.problems]
        # What cannot be trusted has no intervals: that it is undecided as well says nothing more.
        open_ = [] if self.problems else [result for result in self.results if result.undecided]
        lines += [str(result) for result in self.results if not result.passed or result in open_]
        lines += (
            [f"{VerdictKind.FAIL} baseline: {each}" for each in self.against.worse] if self.against else []
        )
        return "\n".join(lines) or f"{VerdictKind.PASS} {len(self.results)} SLOs hold"


def judge(
    summary: Figures,
    slos: Iterable[Slo],
    problems: Iterable[Problem],
    intervals: Mapping[str, Interval] | None = None,
) -> Verdict:
    """A problem, an SLO without data or no SLO at all is INVALID; else a broken SLO is FAIL.

    Else one that is undecided is INVALID; else it is a PASS.
    """
    results = tuple(
        _result(summary, slo, (intervals or {}).get(slo.metric))
        for slo in slos
        if slo is not STEADY or summary.value(STEADY.metric) is not None
    )
    problems = tuple(problems)
    if not results:
        problems += (Problem("there is no SLO to judge by", "add one to slos.toml"),)
    return Verdict(_kind(results, problems), results, problems)


def _kind(results: Sequence[SloResult], problems: Sequence[Problem]) -> VerdictKind:
    if problems or any(result.passed is None for result in results):
        return VerdictKind.INVALID
    if any(not result.passed for result in results):
        return VerdictKind.FAIL
    return VerdictKind.INVALID if any(result.undecided for result in results) else VerdictKind.PASS


def beside(verdict: Verdict, against: Against) -> Verdict:
    """The verdict beside a baseline: what would pass fails where it got worse."""
    fails = verdict.kind is VerdictKind.PASS and against.broken
    return replace(verdict, kind=VerdictKind.FAIL if fails else verdict.kind, against=against)


def distrusted(verdict: Verdict, found: Iterable[Problem]) -> Verdict:
    """The verdict with problems that were found later; those of the same checks are replaced."""
    found = tuple(found)
    if not found:
        return verdict
    checks = {problem.check for problem in found}
    others = (problem for problem in verdict.problems if problem.check not in checks)
    return replace(verdict, kind=VerdictKind.INVALID, problems=(*others, *found))


def raise_unless_pass(verdict: Verdict) -> None:
    """Fail the test of a case.

    Raises:
        SloBroken: the verdict is FAIL.
        InvalidMeasurement: it is INVALID.
    """
    if verdict.kind is VerdictKind.FAIL:
        raise SloBroken(verdict.message())
    if verdict.kind is VerdictKind.INVALID:
        raise InvalidMeasurement(verdict.message())


def with_loss(slos: Iterable[Slo], mode: Mode) -> tuple[Slo, ...]:
    """The SLOs of a case and, of a sustained one, that neither its backlog nor its service times grow.

    A table that bounds one of them from above says it in its own words, and of the stability never more.
    """
    slos = tuple(slos)
    if mode is not Mode.SUSTAINED:
        return slos
    own = [slo for slo in slos if slo.metric != STABLE.metric or slo.limit <= STABLE.limit]
    return (*slos, *(each for each in (STABLE, STEADY) if not any(slo.replaces(each) for slo in own)))


def _result(summary: Figures, slo: Slo, interval: Interval | None) -> SloResult:
    measured = summary.value(slo.metric)
    passed = None if measured is None else slo.holds(measured)
    return SloResult(slo, measured, passed, _note(summary, slo.metric), interval)


def _note(summary: Figures, name: str) -> str:
    """That a percentile rests on too few samples, if it does."""
    percent, samples = summary.quantile(name), summary.samples(name)
    if percent is None or samples is None or samples >= samples_for_bound(percent):
        return ""
    return f"p{percent} of {samples}: too few for a bound, which takes {samples_for_bound(percent)}"
