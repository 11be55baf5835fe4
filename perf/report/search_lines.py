"""What a search found, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from perf.measure.bisection import Capacity
from perf.measure.numbers import number
from perf.run.search import SearchResult


def search_lines(result: SearchResult) -> Iterator[str]:
    """A line for the answer, and one for each trial."""
    yield (
        f"{result.case.variant} {result.case.cell}: {answer(result.found)}; a burst showed "
        f"{number(result.summary.capacity_per_min)}/min. Each bound is a trial decided at 95 %; between them "
        "nothing was tried"
    )
    for trial in result.found.trials:
        yield f"  {number(trial.rate_per_min)}/min, {trial.count} tasks: {trial.outcome} ({trial.why})"
    if result.found.low is None:
        yield "  give a longer --budget, or look at why the trials broke"


def answer(found: Capacity) -> str:
    """The sustainable rate, and what is known of its limit."""
    if found.low is None:
        below = f"below {number(found.high)}/min" if found.high else "not found"
        return f"sustainable rate {below} ({found.ended})"
    above = f"below {number(found.high)}/min" if found.high else "its limit was not reached"
    return f"sustainable rate {number(found.low)}/min, {above} ({found.ended})"
