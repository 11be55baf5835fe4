"""How the stages by hand print what they measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from perf.cli.live import say
from perf.judge.check import Problem
from perf.measure.figures import Figures, Metric
from perf.measure.numbers import number


def print_figures(metrics: Mapping[str, Metric], summary: Figures) -> None:
    """Every metric that has a value, with its unit and meaning."""
    width = max(map(len, metrics))
    for name, metric in metrics.items():
        if (value := summary.value(name)) is not None:
            line = f"{name:<{width}}  {number(value):>10} {metric.unit:<8} "
            say(line + metric.meaning, indent=" " * len(line))


def print_problems(problems: Iterable[Problem]) -> None:
    """Why the figures cannot be trusted."""
    for problem in problems:
        say(f"INVALID {problem}")
