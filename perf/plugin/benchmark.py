"""Cases as benchmarks of pytest-benchmark, for its --benchmark-json, --benchmark-save and compare.

An envelope, and no measurement: each task that is done is a round of as long as its service took, as it was
measured. What its tools make of that are seconds, which drift with the machine; the ratios that carry are in
``extra_info``. So its own pitfalls stay outside: it runs nothing (under xdist it would run a target once and
write no file; cases are refused there), no calibration or warm-up of its own stands around a case, and a case
that is INVALID is in no file.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from perf.judge.verdict import VerdictKind
from perf.plugin.properties import properties
from perf.run.kind import Kind
from perf.store.result import Result

#: It is asked for by one of these; without, its table would stand beside ours.
_ASKED = ("json", "save", "autosave", "compare", "histogram")


def add_benchmark(item: pytest.Item, kind: Kind[Any, Any], result: Result) -> None:
    """Hand a case's rounds to pytest-benchmark, where it is there and one of its files was asked for."""
    session = getattr(item.config, "_benchmarksession", None)
    if session is None or not any(getattr(session, name, None) for name in _ASKED):
        return
    rounds_s = kind.service_times_s(result)
    if not rounds_s or result.verdict.kind is VerdictKind.INVALID:
        return
    from pytest_benchmark.stats import Metadata  # noqa: PLC0415 - only where it is there

    case = result.case
    like_fixture = SimpleNamespace(
        name=item.name,
        fullname=item.nodeid,
        group=kind.feature,
        param=case.id,
        params={label: str(text) for label, text in case.parameters.items()},
        extra_info={"verdict": str(result.verdict.kind), **dict(properties(kind, result))},
        cprofile_stats=None,
        has_error=False,
    )
    benchmark = Metadata(like_fixture, iterations=1, options={})
    for round_s in rounds_s:
        benchmark.update(round_s)
    session.benchmarks.append(benchmark)
