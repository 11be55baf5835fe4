"""A kind of case as a project's conftest.py brings it; its ratio is what a file says."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from perf.cases.case import Case, Variant, axis, spanned
from perf.judge.check import Problem
from perf.judge.verdict import judge
from perf.measure.figures import Figures, metric
from perf.measure.intervals import Interval
from perf.run.context import Context
from perf.run.kind import Kind
from perf.store.result import Result


@dataclass(frozen=True, slots=True)
class SteeredCase(Case):
    kind: ClassVar[str] = "steered"

    level: int = axis("l{}", "level")


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeredSummary(Figures):
    yield_: float = metric("ratio", "made / could be made", better="higher")
    lag_s: float = metric("s", "how late", better="lower")


@dataclass(frozen=True, kw_only=True)
class SteeredResult(Result):
    case: SteeredCase
    summary: SteeredSummary
    recipe: str = "plain"


class SteeredKind(Kind[SteeredCase, SteeredResult]):
    name, parameter, feature = "steered", "steered", "Steered"
    case, result, summary = SteeredCase, SteeredResult, SteeredSummary
    headlines = ("yield_", "lag_s")
    consolidated = "steered.csv"

    def cases(self, variant: Variant, options: Any) -> list[SteeredCase]:
        return [SteeredCase(variant, **axes) for axes in spanned(SteeredCase, {"level": [1, 2]})]

    def run(self, case: SteeredCase, context: Context) -> SteeredResult:
        """``{"1": [value, half its interval], "recipe": ..., "invalid": [its level]}``."""
        told = json.loads(Path("steer.json").read_text())
        value, half = told.get(str(case.level), [0.8, 0.01])
        summary = SteeredSummary(yield_=value, lag_s=0.5)
        is_invalid = case.level in told.get("invalid", [])
        problems = [Problem("the clocks disagree", "look at them")] if is_invalid else []
        return SteeredResult(
            case=case,
            summary=summary,
            verdict=judge(summary, self.slos(context.book, case), problems),
            intervals={"yield_": Interval(value - half, value + half)},
            recipe=told.get("recipe", "plain"),
        )

    def alike(self, result: SteeredResult) -> dict[str, str]:
        return {**result.case.parameters, "recipe": result.recipe}

    def service_times_s(self, result: SteeredResult) -> list[float]:
        return [0.25, 0.5, 0.75]


def pytest_perf_kinds() -> list[SteeredKind]:
    return [SteeredKind()]


def pytest_perf_deployment() -> AbstractContextManager[SimpleNamespace]:
    return nullcontext(SimpleNamespace(is_here=True, monitor=None))
