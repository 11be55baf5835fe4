"""Whether a table of runs is in another unit than its columns say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perf.judge.audit import Audit
from perf.measure.numbers import number

#: So many ratios make a pattern, if each is within this factor of the same unit's. An order gives at
#: most 2 in a burst, and 11 where arrivals are just above the capacity; never 15, and 1 / 15 hardly ever.
ALIKE, NEAR = 3, 4.0
#: What a ratio of the mean response to what follows from X means where all rows have about the same.
UNITS = {
    60.0: "{x} is likely per hour, not per minute: divide it by 60",
    1 / 60: "{mean} is likely in minutes, not s, or {x} per second, not per minute: multiply it by 60 (or "
    "{mean} is a service time)",
    1000.0: "{mean} is likely in ms, not s: divide it by 1000",
    1 / 1000: "{mean} is likely in thousands of s, or a mark that separates thousands was read as that of "
    "decimals: multiply it by 1000",
}


def wrong_units(audits: Sequence[Audit], columns: Mapping[str, str]) -> str | None:
    """Which wrong unit would explain all ratios; None where none would, or there are too few ratios.

    Args:
        audits: those of a table.
        columns: what the table calls throughput_per_min and response_mean_s.
    """
    ratios = [each.ratio for each in audits if each.ratio is not None]
    for factor, text in UNITS.items():
        if len(ratios) >= ALIKE and all(1 / NEAR < ratio / factor < NEAR for ratio in ratios):
            said = text.format(x=columns["throughput_per_min"], mean=columns["response_mean_s"])
            times = number(factor) if factor > 1 else f"1/{number(1 / factor)}"
            return f"the mean of each of {len(ratios)} rows is about {times} of what follows from X: {said}"
    return None
