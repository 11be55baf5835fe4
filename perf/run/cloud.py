"""A result beside what CloudWatch counted: also later, when it has told it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from perf.judge.check import problems
from perf.judge.cloud_checks import CLOUD_CHECKS
from perf.judge.verdict import distrusted
from perf.observe.seen import CloudSeen
from perf.store.result import Result

R = TypeVar("R", bound=Result)


def with_cloud(result: R, seen: CloudSeen | None) -> R:
    """The result with it; INVALID where it tells that the case cannot be trusted."""
    if seen is None:
        return result
    found = problems(CLOUD_CHECKS, seen)
    spread = {} if found else result.intervals
    return replace(result, cloud=seen, verdict=distrusted(result.verdict, found), intervals=spread)
