"""What the terminal shows of cases beside their baseline. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from perf.judge.baseline import WORST_FIRST, Against
from perf.judge.outcome import Outcome
from perf.measure.numbers import number
from perf.report.aligned import aligned
from perf.store.result import Result

_HEAD = ("case", "metric", "before", "now", "times worse", "low", "high", "runs", "baseline")


def baseline_table(results: Sequence[Result], width: int | None = None) -> list[str]:
    """A row for each metric, or why there is none; nothing where no baseline was given."""
    found = [(result.case.id, result.verdict.against) for result in results if result.verdict.against]
    if not found:
        return []
    counts = Counter(against.outcome for _, against in found)
    rows = [_HEAD, *(row for name, against in found for row in _rows(name, against))]
    whys = {f"* {against.why}": None for _, against in found if against.why and against.comparisons}
    said = ", ".join(f"{counts[each]} {each}" for each in WORST_FIRST if counts[each])
    return [
        *(aligned(rows, left=(0, 1, 8), width=width) if len(rows) > 1 else []),
        *whys,
        *(f"{name}: baseline missing: {against.why}" for name, against in found if not against.comparisons),
        f"against the baseline: {said}",
    ]


def _rows(name: str, against: Against) -> list[tuple[str, ...]]:
    return [
        (
            name,
            each.metric,
            number(each.before),
            number(each.now),
            number(each.ratio),
            number(each.interval.low),
            number(each.interval.high),
            str(against.runs),
            f"{each.outcome}{'*' if against.why and each.outcome is Outcome.UNDECIDED else ''}",
        )
        for each in against.comparisons
    ]
