"""The figures of a case as properties of its test: in JUnit's XML they stand beside its verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perf.run.kind import Kind
from perf.store.documents import estimates_of
from perf.store.result import Result


def properties(kind: Kind[Any, Any], result: Result) -> Iterator[tuple[str, str]]:
    """The headlines, every ratio that carries between machines with its interval, and the baseline's word."""
    ratios = {name for name, each in estimates_of(kind, result).items() if each.carries}
    for name in dict.fromkeys((*kind.headlines, *(name for name in kind.metrics if name in ratios))):
        value = result.summary.value(name)
        if value is not None:
            yield name, f"{value:.6g}"
        if (inside := result.intervals.get(name)) and name in ratios:
            yield f"{name}_low", f"{inside.low:.6g}"
            yield f"{name}_high", f"{inside.high:.6g}"
    if result.verdict.against:
        yield "baseline", str(result.verdict.against.outcome)
