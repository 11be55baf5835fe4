"""The table of the comparisons on the terminal. Pure: results in, lines out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from perf.judge.compare import Comparison
from perf.measure.blocks import MEASURES
from perf.measure.numbers import number
from perf.report.aligned import aligned
from perf.run.against import AgainstResult


def render_against_table(results: Sequence[AgainstResult], width: int | None = None) -> list[str]:
    """A row for each case, then the sides and how the order of the blocks is had again."""
    head = ("case", "pairs", "left out", *MEASURES, "outcome", "verdict")
    rows = [head, *(_row(result) for result in results)]
    return [*aligned(rows, left=(0, len(head) - 2, len(head) - 1), width=width), *_remarks(results)]


def _row(result: AgainstResult) -> tuple[str, ...]:
    by_name = {each.name: each for each in result.comparisons}
    return (
        result.case.id,
        number(result.summary.pairs),
        number(result.summary.left_out),
        *(_ratio(by_name.get(name)) for name in MEASURES),
        str(result.outcome),
        str(result.verdict.kind),
    )


def _ratio(comparison: Comparison | None) -> str:
    """``1.12 (1.08-1.16)``."""
    found = comparison.found if comparison else None
    if found is None:
        return "-"
    return f"{number(found.ratio)} ({number(found.low)}-{number(found.high)})"


def _remarks(results: Sequence[AgainstResult]) -> Iterator[str]:
    facts = results[0].facts
    sure = {each.found.level for result in results for each in result.comparisons if each.found}
    at = f" at {100 * (1 - min(sure)):.4g} %" if sure else ""
    yield (
        f"ratios are here / {facts.against.name}, above 1 = here takes longer, with their intervals{at}; "
        "the rule: perf/judge/compare.py"
    )
    yield f"order of the blocks: --seed {facts.seed}"
    for result in results:
        if result.facts.differs:
            yield f"{result.case.id}: {result.facts.differs}"
        reasons = Counter(each.left_out for each in result.pairs if each.left_out)
        yield from (f"{result.case.id}: left out {times} x: {why}" for why, times in reasons.items())
