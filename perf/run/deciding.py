"""What is said of a case that is undecided: while it goes on, and when its time is over. Pure."""

from __future__ import annotations

from dataclasses import replace

from perf.judge.check import Problem
from perf.judge.verdict import Verdict
from perf.measure.numbers import number


def still_open(verdict: Verdict) -> str:
    """What of it is undecided."""
    return "; ".join(str(each) for each in verdict.results if each.open)


def decided(verdict: Verdict, within_s: float, few: str, remedy: str) -> Verdict:
    """The verdict at the end: what is undecided then has had too few of what *few* names."""
    if not verdict.undecided:
        return verdict
    said = f"too few {few} to decide within {number(within_s)} s (--decide-within): {still_open(verdict)}"
    return replace(verdict, problems=(Problem(said, remedy, "decided"),))
