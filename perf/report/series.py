"""The figures of a case over its runs, and since when they are what they are. Pure.

It shows, and does not gate: a step of 10 % is found with certainty only when several runs have followed it
(tests/perf/data/change_power.txt).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perf.judge.outcome import EFFECT
from perf.measure.changepoints import ChangePoint, change_points
from perf.measure.estimates import Estimate
from perf.measure.numbers import number
from perf.report.aligned import aligned
from perf.store.history import Past

#: A step of less is not told, however certain.
TOLD = 1 + EFFECT / 2
#: Columns of the drawn intervals: what is beside the figures, within these.
_NARROWEST, _WIDEST = 8, 30


@dataclass(frozen=True, slots=True)
class Series:
    """A metric of a case over the runs that can be held against each other, the oldest first."""

    metric: str
    runs: tuple[Past, ...]
    changes: tuple[ChangePoint, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Of each run."""
        return tuple(run.estimates[self.metric] for run in self.runs)

    def since(self) -> str:
        """The last change, in words; empty where there is none."""
        return self.said(self.changes[-1]) if self.changes else ""

    def said(self, change: ChangePoint) -> str:
        """A change in words: ``efficiency 1.19 times worse since RUN (COMMIT), for 8 runs (p = 0.001)``."""
        first = self.runs[change.place]
        followed = len(self.runs) - change.place
        return (
            f"{self.metric} {_times(change.factor, self.estimates[0].better)} since {first.run} "
            f"({first.commit}), for {followed} runs (p = {change.probability:.4f})"
        )

    def lines(self, width: int | None = None) -> list[str]:
        """A row for each run with its interval drawn, and the changes, each marked where it begins.

        Args:
            width: of the terminal, whose room the drawing takes; None = as wide as it may be.
        """
        last = self.estimates[-1]
        unit = "" if last.unit == "ratio" else f" in {last.unit.replace('_', ' ')}"
        marks = {change.place for change in self.changes}
        rows = [("", "run", "commit", "verdict", "value", "low", "high")]
        rows += [
            (">" if place in marks else "", run.run, run.commit, run.outcome, *_figures(each))
            for place, (run, each) in enumerate(zip(self.runs, self.estimates, strict=True))
        ]
        table = aligned(rows, left=(0, 1, 2, 3))
        room = _WIDEST if width is None else width - max(map(len, table)) - 2
        drawn = _drawn(self.estimates, max(_NARROWEST, min(_WIDEST, room)))
        return [
            f"{self.metric}{unit}, {last.better} is better, {len(self.runs)} runs",
            *(f"{row}  {line}".rstrip() for row, line in zip(table, ["", *drawn], strict=True)),
            *(f"> {self.said(change)}" for change in self.changes),
        ]


def series_of(runs: Sequence[Past]) -> list[Series]:
    """The series of a case: of the runs that are like the newest that can be trusted.

    Those of ratios; of a case that has none, those of times and rates, of the newest's environment.
    """
    trusted = [run for run in runs if run.outcome in ("PASS", "FAIL") and run.estimates]
    if not trusted:
        return []
    newest = trusted[-1]
    like = [run for run in trusted if run.alike == newest.alike]
    carrying = [name for name, each in newest.estimates.items() if each.carries]
    if not carrying:
        like = [run for run in like if run.environment == newest.environment]
    return list(_series(like, carrying or list(newest.estimates)))


def _series(runs: Sequence[Past], metrics: Sequence[str]) -> Iterator[Series]:
    for metric in metrics:
        known = tuple(run for run in runs if metric in run.estimates)
        found = change_points([run.estimates[metric].value for run in known])
        yield Series(metric, known, tuple(each for each in found if _size(each.factor) >= TOLD))


def _size(factor: float) -> float:
    return max(factor, 1 / factor)


def _times(factor: float, better: str) -> str:
    worse = (factor > 1) == (better == "lower")
    return f"{number(_size(factor))} times {'worse' if worse else 'better'}"


def _figures(estimate: Estimate) -> tuple[str, str, str]:
    inside = estimate.interval
    low, high = (inside.low, inside.high) if inside else (None, None)
    return number(estimate.value), number(low), number(high)


def _drawn(estimates: Sequence[Estimate], width: int) -> list[str]:
    """Each value as an ``o`` on its interval, all on one scale of so many columns."""
    edges = [edge for each in estimates for edge in _edges(each)]
    low, span = min(edges), max(edges) - min(edges)

    def place(value: float) -> int:
        return round((width - 1) * (value - low) / span) if span else width // 2

    drawn = []
    for each in estimates:
        first, *_, last = (place(edge) for edge in sorted(_edges(each)))
        line = " " * first + "-" * (last - first + 1)
        at = place(each.value)
        drawn.append((line[:at] + "o" + line[at + 1 :]).rstrip())
    return drawn


def _edges(estimate: Estimate) -> tuple[float, float, float]:
    inside = estimate.interval
    return (estimate.value, inside.low, inside.high) if inside else (estimate.value,) * 3
