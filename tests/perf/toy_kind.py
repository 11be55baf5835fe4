"""A kind of case from outside of perf, as the conftest.py of a project of its own: it naps."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

from perf.cases.case import Case, Variant, axis, spanned
from perf.judge.verdict import judge
from perf.measure.figures import Figures, metric
from perf.run.context import Context
from perf.run.kind import Kind
from perf.store.result import Result


@dataclass(frozen=True, slots=True)
class ToyCase(Case):
    kind: ClassVar[str] = "toy"

    wanted: int = axis("{}naps", "naps")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToySummary(Figures):
    naps: int = metric("count", "naps taken")
    nap_mean_s: float = metric("s", "mean length of a nap")


@dataclass(frozen=True, kw_only=True)
class ToyResult(Result):
    case: ToyCase
    summary: ToySummary


class ToyKind(Kind[ToyCase, ToyResult]):
    name, parameter, feature = "toy", "toy", "Napping"
    case, result, summary = ToyCase, ToyResult, ToySummary
    headlines = ("nap_mean_s",)
    consolidated = "toy_consolidated.csv"

    def cases(self, variant: Variant, options: Any) -> list[ToyCase]:
        return [ToyCase(variant, **axes) for axes in spanned(ToyCase, {"wanted": [3]})]

    def run(self, case: ToyCase, context: Context) -> ToyResult:
        begin_s = time.monotonic()
        with context.listener.phase("nap"):
            for _ in range(case.wanted):
                time.sleep(0.01)
        summary = ToySummary(naps=case.wanted, nap_mean_s=(time.monotonic() - begin_s) / case.wanted)
        return ToyResult(
            case=case, summary=summary, verdict=judge(summary, self.slos(context.book, case), ())
        )


def pytest_perf_kinds() -> list[ToyKind]:
    return [ToyKind()]


def pytest_perf_deployment() -> AbstractContextManager[SimpleNamespace]:
    return nullcontext(SimpleNamespace(is_here=True, monitor=None))
