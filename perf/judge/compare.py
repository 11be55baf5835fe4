"""Whether a side got worse. Pure.

The ratio is here / against of a time, so above 1 is slower; its interval is that of perf.measure.pairs, and
the effect that matters `--effect`, or else ``slowdown <= 0.1`` in slos.toml. The rule: perf.judge.outcome,
with half the effect needed. Undecided means more pairs, until the budget ends.

A case is worse where one of its comparisons is; it is better where none is worse or undecided, and one is
better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perf.cases.errors import UsageError
from perf.judge.outcome import EFFECT, Outcome, decide
from perf.judge.slos import Slo
from perf.measure.blocks import MEASURES, Pair
from perf.measure.numbers import number
from perf.measure.pairs import LOOKS, Estimate, estimate, less_other_load

#: The chance of a false alarm in a whole run, all cases and metrics together.
ALPHA = 0.01
#: The metric by whose objective slos.toml says it for a case.
SLOWDOWN = "slowdown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of a case, here against the other side; found is None where there are too few pairs."""

    name: str
    outcome: Outcome
    found: Estimate | None = None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.name} {self.outcome}: fewer than {LOOKS[0]} pairs"
        found = self.found
        sure = 100 * (1 - found.level)
        return (
            f"{self.name} {self.outcome}: {number(found.ratio)} times ({number(found.low)} to "
            f"{number(found.high)} at {sure:.4g} %, {found.pairs} pairs)"
        )


def effect_of(slos: Sequence[Slo], given: float | None) -> tuple[float, str]:
    """The slowdown that matters, as a share, and where that stands.

    Args:
        slos: those of the case; that of `SLOWDOWN` says it, and is held by the rule above alone.
        given: by `--effect`, which goes first.

    Raises:
        UsageError: what slos.toml says is no share, or no upper limit.
    """
    if given is not None:
        return given, "--effect"
    for slo in slos:
        if slo.metric == SLOWDOWN:
            if slo.op != "<=" or not 0 < slo.limit < 1:
                raise UsageError(
                    f"{slo.source}: '{slo}': expected the slowdown that matters as a share, e.g. "
                    "slowdown <= 0.1"
                )
            return slo.limit, slo.source
    return EFFECT, "unless --effect or slos.toml says otherwise"


def compare(pairs: Sequence[Pair], *, effect: float, level: float) -> tuple[Comparison, ...]:
    """What the pairs that count say of each metric.

    Args:
        pairs: all of them; those that are left out are not looked at.
        effect: the slowdown that matters, as a share.
        level: how often one of the intervals may miss the truth (perf.measure.pairs.level_of).
    """
    blocks = [(each.here, each.against) for each in judged(pairs)]
    others = [here.other_cores - against.other_cores for here, against in blocks if here and against]
    found: list[Comparison] = []
    for name, log_ratio in MEASURES.items():
        logs = [log_ratio(here, against) for here, against in blocks if here and against]
        if len(logs) < LOOKS[0]:
            found.append(Comparison(name, Outcome.UNDECIDED))
            continue
        estimated = estimate(less_other_load(logs, others), level)
        found.append(Comparison(name, outcome_of(estimated, effect), estimated))
    return tuple(found)


def outcome_of(found: Estimate, effect: float) -> Outcome:
    """What became of one ratio."""
    return decide(found.ratio, found.low, found.high, effect=effect, needed=1 + effect / 2)


def judged(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs that count."""
    return [each for each in pairs if not each.left_out]


def conclusion(comparisons: Sequence[Comparison]) -> Outcome:
    """What they say of the case together."""
    outcomes = {each.outcome for each in comparisons}
    return next((each for each in Outcome if each in outcomes), Outcome.UNDECIDED)


def ratios(comparisons: Sequence[Comparison]) -> Mapping[str, float | None]:
    """Each ratio with the edges of its interval, by the names of the metrics of a case."""
    values: dict[str, float | None] = {}
    for each in comparisons:
        for part in ("ratio", "low", "high"):
            values[f"{each.name}_{part}"] = getattr(each.found, part, None)
    return values
