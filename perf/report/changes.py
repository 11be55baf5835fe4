"""A case beside what earlier runs and its baseline say of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perf.measure.numbers import number
from perf.report.series import series_of
from perf.store.documents import StoredCase
from perf.store.history import Past, past_of

#: A change of more than this share is told.
NOTABLE = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """A metric beside that of the run before."""

    metric: str
    before: float
    now: float

    @property
    def notable(self) -> bool:
        """Whether it is more than one run mostly differs from the next."""
        return abs(self.now - self.before) > NOTABLE * abs(self.before)

    def __str__(self) -> str:
        share = f" ({100 * (self.now / self.before - 1):+.0f} %)" if self.before else ""
        return f"{self.metric} {number(self.before)} → {number(self.now)}{share}"


def changes(case: StoredCase, past: Sequence[Past]) -> list[Change]:
    """The figures that stand first beside those of the last run that has them."""
    found = []
    for metric in case.headlines:
        now = case.values.get(metric)
        before = next((each.values.get(metric) for each in reversed(past) if each.values), None)
        if before is not None and now is not None:
            found.append(Change(metric, before, now))
    return found


def since(case: StoredCase, past: Sequence[Past]) -> str:
    """Since when a case that does not pass has not passed; empty for one that passes."""
    if case.outcome == "PASS":
        return ""
    if not past:
        return "there is no earlier run of it"
    bad = 0
    while bad < len(past) and past[-1 - bad].outcome != "PASS":
        bad += 1
    if bad == 0:
        return f"new: it passed in the run before, {past[-1].run} ({past[-1].commit})"
    first = past[-bad]
    last_good = (
        f"; it last passed in {past[-1 - bad].run} ({past[-1 - bad].commit})" if bad < len(past) else ""
    )
    return f"for {bad + 1} runs, since {first.run} ({first.commit}){last_good}"


def levels(case: StoredCase, past: Sequence[Past]) -> list[str]:
    """Since when its figures are what they are: the last change of level of each, where there was one."""
    found = series_of([*past, past_of(case, "this run")])
    return [said for series in found if (said := series.since())]


def beside_baseline(case: StoredCase) -> list[str]:
    """What became of it beside its baseline; nothing where none was given."""
    against = case.verdict.against if case.verdict else None
    return against.lines() if against else []
