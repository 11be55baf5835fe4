"""A case held against its baseline: earlier runs that were accepted. Pure.

Held against each other are the ratios that carry between machines: those to what bare runs of the same work
did on the same machine, in the same run. Of an aws case, which has no bare runs, times and rates, and only of
the same deployment. Seconds of a shared machine never are: use A/B for those.

The ratio of two runs is written so that above 1 is worse, and its interval is that of the two sides'
intervals at their furthest: it lies above 1 where the two do not meet. The rule: perf.judge.outcome, for an
effect of 10 %. Undecided is shown and does not fail.

An interval tells what the same case would give in the same run, and little of how runs differ. So a
baseline's is the widest of its runs', and until there are ENOUGH_RUNS nothing is the same, and only a ratio
of UNKNOWN_SPREAD is worse. Measured on what the twelve mocked cases gave in three to six runs each, quiet and
beside other load, on two shared cores (each run of a case held against each choice of its others): false
alarms with a baseline of 1 run 0 of 262, of 2 runs 0 of 459, of 3 runs 2 of 412, of 4 runs 0 of 190; with
1.05 for any number of runs they would have been 6 % with one run. The same figures made slower by 2 times are
found in all but 4 of these 1,323, by 1.5 times in 71 to 79 of 100, by 1.3 in 22 to 44, and by 1.1 in 0 to 4:
a baseline finds what is large, and A/B in one run the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from perf.cases.case import Variant
from perf.judge.outcome import EFFECT, Outcome, decide
from perf.measure.estimates import Estimate
from perf.measure.intervals import Interval
from perf.measure.numbers import number

#: With fewer runs the baseline does not know how runs differ,
ENOUGH_RUNS = 3
#: and only a ratio of so much beyond 1 decides.
UNKNOWN_SPREAD = 0.4
#: A case's outcome is the worst of its metrics'.
WORST_FIRST = (Outcome.WORSE, Outcome.MISSING, Outcome.UNDECIDED, Outcome.SAME, Outcome.BETTER)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A metric in the baseline: the geometric mean of its runs, and the widest of their intervals."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Baseline:
    """A case in the baseline.

    Attributes:
        runs: how many runs it is of.
        last: the latest of them, and its commit.
        alike: what must be alike for runs to be compared, such as ffmpeg's arguments.
        metrics: by their names.
        source: where it stands, ``file:line``.
    """

    runs: int
    last: str
    alike: Mapping[str, str]
    metrics: Mapping[str, Accepted]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric beside its baseline.

    Attributes:
        ratio: now / before or, where higher is better, before / now: above 1 is worse.
        interval: of that.
        needed: from which ratio on it is worse.
    """

    metric: str
    now: float
    before: float
    ratio: float
    interval: Interval
    needed: float
    outcome: Outcome

    def __str__(self) -> str:
        low, high = number(self.interval.low), number(self.interval.high)
        return (
            f"{self.metric} {number(self.before)} before, {number(self.now)} now: {self.outcome}, "
            f"{number(self.ratio)} times (between {low} and {high}; above 1 is worse)"
        )


@dataclass(frozen=True, slots=True)
class Against:
    """A case beside its baseline.

    Attributes:
        outcome: the worst of its metrics; missing where it has no baseline, or one of something else.
        why: why it is missing or undecided.
        runs: how many runs the baseline is of.
        source: where the baseline stands.
        fails: whether the case fails where it is worse: not while the baseline is being written anew.
    """

    outcome: Outcome
    why: str = ""
    comparisons: tuple[Comparison, ...] = ()
    runs: int = 0
    source: str = ""
    fails: bool = True

    @property
    def broken(self) -> bool:
        """Whether the case fails by it."""
        return self.outcome is Outcome.WORSE and self.fails

    @property
    def worse(self) -> list[str]:
        """A line for each metric by which it fails."""
        if not self.fails:
            return []
        return [self._line(each) for each in self.comparisons if each.outcome is Outcome.WORSE]

    def lines(self) -> list[str]:
        """What it says: a line for each metric, or why there is nothing."""
        if not self.comparisons:
            return [f"baseline {self.outcome}: {self.why}"]
        return [self._line(each) for each in self.comparisons]

    def _line(self, compared: Comparison) -> str:
        runs = f"{self.runs} run{'s' if self.runs != 1 else ''}"
        why = f"; {self.why}" if self.why and compared.outcome is Outcome.UNDECIDED else ""
        return f"{compared} ({self.source}, {runs}{why})"


def judged(estimates: Mapping[str, Estimate], variant: Variant) -> dict[str, Estimate]:
    """Those by which runs of a case are held against each other: what carries and has an interval above 0."""
    return {
        name: each
        for name, each in estimates.items()
        if (each.carries or variant is Variant.AWS) and each.interval is not None and each.interval.low > 0
    }


def against(
    baseline: Baseline | None,
    alike: Mapping[str, str],
    estimates: Mapping[str, Estimate],
    effect: float = EFFECT,
) -> Against:
    """Hold what was measured against the baseline of its case.

    Args:
        baseline: None where there is none.
        alike: what must be alike, of this run.
        estimates: what was measured: see `judged`.
        effect: the slowdown that is to be told, as a share.
    """
    if not estimates:
        why = (
            "nothing that was measured carries between runs: use A/B" if baseline is None else "not measured"
        )
        return Against(Outcome.MISSING, why, source=baseline.source if baseline else "")
    if baseline is None:
        return Against(Outcome.MISSING, "there is none of this case: accept it with --update-baseline")
    if differs := _difference(baseline.alike, alike):
        return Against(Outcome.MISSING, f"that of {baseline.source} is of {differs}", source=baseline.source)
    found = tuple(_compared(baseline, estimates, effect))
    lost = [name for name in baseline.metrics if name not in estimates]
    outcomes = [each.outcome for each in found] + ([Outcome.UNDECIDED] if lost or not found else [])
    return Against(
        outcome=min(outcomes, key=WORST_FIRST.index),
        why=_why(baseline, lost),
        comparisons=found,
        runs=baseline.runs,
        source=baseline.source,
    )


def _why(baseline: Baseline, lost: Sequence[str]) -> str:
    if lost:
        return f"{', '.join(lost)} has no interval now"
    if baseline.runs < ENOUGH_RUNS:
        return (
            f"of {baseline.runs} run{'s' if baseline.runs > 1 else ''} only {1 + UNKNOWN_SPREAD:g} times "
            f"decides; accept {ENOUGH_RUNS} for less"
        )
    return ""


def _compared(baseline: Baseline, estimates: Mapping[str, Estimate], effect: float) -> Iterator[Comparison]:
    needed = 1 + (effect / 2 if baseline.runs >= ENOUGH_RUNS else max(effect / 2, UNKNOWN_SPREAD))
    for name, before in baseline.metrics.items():
        now = estimates.get(name)
        if now is None or now.interval is None:
            continue
        value, inside = _ratio(now.value, now.interval, before)
        if now.better == "higher":
            value, inside = 1 / value, Interval(1 / inside.high, 1 / inside.low)
        said = decide(value, inside.low, inside.high, effect=effect, needed=needed)
        if said is Outcome.SAME and baseline.runs < ENOUGH_RUNS:
            said = Outcome.UNDECIDED
        yield Comparison(name, now.value, before.value, value, inside, needed, said)


def _ratio(value: float, interval: Interval, before: Accepted) -> tuple[float, Interval]:
    """Now / before, and the furthest that both intervals allow."""
    low, high = interval.low / before.interval.high, interval.high / before.interval.low
    return value / before.value, Interval(low, high)


def _difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The first thing that is not alike, in words."""
    for name in dict.fromkeys((*before, *now)):
        if before.get(name) != now.get(name):
            return f"another {name}: {before.get(name, 'none')!r}, now {now.get(name, 'none')!r}"
    return ""
