"""The picture of a search: which rates were tried, and what came of them."""

from __future__ import annotations

from perf.measure.bisection import Outcome
from perf.measure.numbers import number
from perf.report.drawing import FIRST, INK, SECOND, THIRD, Picture, canvas, legend, styled
from perf.run.search import SearchResult

_LOOKS = {
    Outcome.HELD: ("o", THIRD),
    Outcome.BROKE: ("X", SECOND),
    Outcome.UNDECIDED: ("D", FIRST),
    Outcome.INVALID: ("v", INK),
}


@styled()
def pictures(result: SearchResult) -> list[Picture]:
    """The trials in the order they were made."""
    trials = result.found.trials
    if not trials:
        return []
    figure, axes = canvas("The search for the sustainable rate")
    for outcome, (marker, colour) in _LOOKS.items():
        some = [(place, each.rate_per_min) for place, each in enumerate(trials, 1) if each.outcome is outcome]
        if some:
            axes.plot(*zip(*some, strict=True), marker, ms=8, color=colour, label=str(outcome))
    if result.found.low is not None:
        axes.axhline(result.found.low, color=INK, linestyle="-.", linewidth=1)
    axes.set(xlabel="trial", ylabel="tasks per minute")
    axes.set_xticks(range(1, len(trials) + 1))
    axes.set_ylim(bottom=0)
    legend(axes, columns=4)
    what = (
        f"{len(trials)} trials; {number(result.found.low)}/min held, {number(result.found.high)}/min did not."
    )
    return [Picture("search", "The search for the sustainable rate", what, figure)]
