"""Whether an SLO makes sense for the metric that it bounds. Pure."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection

from perf.cases.case import EVERY_VARIANT
from perf.measure.figures import Metric

OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}
_SLIPS = {"=>": ">=", "=<": "<=", "=": "==", "===": "==", "≥": ">=", "≤": "<="}


def misfit(metric: Metric, op: str, limit: float, unit: str, modes: Collection[str]) -> str:
    """Why ``metric op limit unit`` makes no sense for cases of these modes; nothing when it does."""
    return _unknown(op) or _foreign(metric, unit) or _absent(metric, modes) or _senseless(metric, op, limit)


def _unknown(op: str) -> str:
    """What is wrong with an operator; nothing when it is one."""
    if op in OPERATORS:
        return ""
    hint = f"; did you mean {_SLIPS[op]!r}?" if op in _SLIPS else ""
    return f"unknown operator {op!r}{hint}; expected one of {' '.join(OPERATORS)}"


def _foreign(metric: Metric, unit: str) -> str:
    """That a unit is not the metric's; nothing when it is, or is not said."""
    if unit in ("", metric.unit):
        return ""
    bare = metric.unit in ("ratio", "count")
    measure = f"a {metric.unit} without a unit" if bare else f"in {metric.unit}"
    return f"{metric.name} is {measure}, not in {unit!r}; convert the limit"


def _absent(metric: Metric, modes: Collection[str]) -> str:
    """That a metric does not exist for some of the modes; nothing when it does for all."""
    lacking, having = metric.lacks(modes), sorted(metric.modes)
    if not lacking:
        return ""
    return (
        f"{metric.name} does not exist for {', '.join(lacking)} cases, only for {', '.join(having)}; "
        f"put it in a table such as [{EVERY_VARIANT}.{having[0]}]"
    )


def _senseless(metric: Metric, op: str, limit: float) -> str:
    """Why an SLO could never pass or never fail; nothing when it can do both."""
    if not math.isfinite(limit):
        return "the limit is too large for a number"
    if op == "==" and metric.unit != "count":
        return f"{metric.name} is measured and never exactly equal to a limit; use <= or >="
    if op == "==" and limit != int(limit):
        return "a count is never a fraction, so this can never pass"
    if not metric.signed and (limit < 0 or (limit == 0 and op in ("<", ">="))):
        return f"{metric.name} is never below 0, so this can never {'fail' if op in ('>', '>=') else 'pass'}"
    if metric.most is not None and (limit > metric.most or (limit == metric.most and op in (">", "<="))):
        never = "pass" if op in (">", ">=") else "fail"
        return f"{metric.name} is never above {metric.most:g}, so this can never {never}; 5 % is 0.05"
    return ""
