"""The picture of what CloudWatch counted around a case: a row for each part and unit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from perf.measure.numbers import number
from perf.observe.seen import CloudSeen, CloudSeries
from perf.report.drawing import FAINT, FIRST, SECOND, THIRD, WIDTH, Picture, styled

_LOOKS = ((FIRST, "o-"), (SECOND, "^--"), (THIRD, "s:"))


@styled()
def pictures(seen: CloudSeen | None) -> list[Picture]:
    """One where there is a value at all."""
    drawn = [each for each in seen.series if each.values] if seen is not None else []
    return [_picture(seen, _rows(drawn))] if seen is not None and drawn else []


def _rows(series: Sequence[CloudSeries]) -> list[list[CloudSeries]]:
    def of(each: CloudSeries) -> tuple[str, str, str]:
        return each.metric.part, each.metric.of, each.metric.unit

    return [list(group) for _, group in groupby(sorted(series, key=of), key=of)]


def _picture(seen: CloudSeen, rows: Sequence[Sequence[CloudSeries]]) -> Picture:
    figure = Figure(figsize=(WIDTH, 0.6 + 1.5 * len(rows)), layout="constrained")
    column = figure.subplots(len(rows), 1, squeeze=False, sharex=True)[:, 0]
    for axes, row in zip(column, rows, strict=True):
        _draw(axes, seen, row)
    column[0].set_title("What CloudWatch counted")
    column[-1].set_xlabel("seconds since the case began; the case is shaded")
    lacking = [f"{each.metric.name}: {each.state}" for each in seen.series if not each.values]
    what = "; ".join([*(_said(each) for row in rows for each in row), *lacking])
    return Picture("cloudwatch", "What CloudWatch counted", f"{what}.", figure)


def _draw(axes: Axes, seen: CloudSeen, row: Sequence[CloudSeries]) -> None:
    axes.axvspan(0, seen.end_s - seen.begin_s, facecolor=FAINT, alpha=0.5, linewidth=0)
    for each, (colour, look) in zip(row, _LOOKS * 9, strict=False):
        # A value is of its whole period: it stands in the middle of it.
        x = [at_s - seen.begin_s + each.metric.every_s / 2 for at_s in each.at_s]
        label = f"{each.metric.name} ({each.metric.statistic})"
        axes.plot(x, each.values, look, color=colour, ms=4, label=label)
    what = row[0].metric
    axes.set_ylabel(f"{what.part}\n{what.unit}")
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")


def _said(each: CloudSeries) -> str:
    low, high = number(min(each.values)), number(max(each.values))
    return f"{each.metric.title}: {low} to {high}"
