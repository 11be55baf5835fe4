"""The pictures over a run: one function each, results in, a picture out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from matplotlib.axes import Axes

from perf.judge.verdict import Kind
from perf.matrix import Case, Mode
from perf.measure.numbers import number
from perf.report.drawing import COLOURS, FIRST, INK, SECOND, THIRD, Picture, canvas, canvases, styled
from perf.run import CaseResult

_LOOKS = ((FIRST, "o"), (SECOND, "^"), (THIRD, "s"))
_SIGNS = {Kind.PASS: "✓", Kind.FAIL: "✗", Kind.INVALID: "?"}


@styled()
def pictures(results: Sequence[CaseResult]) -> list[Picture]:
    """Every picture that the run has data for."""
    drawn = (draw(results) for draw in PICTURES)
    return [picture for picture in drawn if picture is not None]


def matrix(results: Sequence[CaseResult]) -> Picture | None:
    """Every case as a cell: its verdict in words and colour, and what it reached."""
    if not results:
        return None
    columns = sorted({result.case.concurrency for result in results})
    rows = sorted({_row(result.case) for result in results})
    height = 1.1 + 0.62 * len(rows)
    figure, axes = canvas("The matrix", width=max(5.0, 2.2 + 1.7 * len(columns)), height=height)
    for result in results:
        x, y = columns.index(result.case.concurrency), rows.index(_row(result.case))
        _cell(axes, x, y, result)
    axes.set_xticks(range(len(columns)), [f"concurrency {each}" for each in columns])
    axes.set_yticks(range(len(rows)), [f"{size} MB {mode} ({variant})" for variant, size, mode in rows])
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    counts = {kind: sum(result.verdict.kind is kind for result in results) for kind in Kind}
    what = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return Picture("matrix", "The matrix", f"{len(results)} cases: {what}.", figure)


def scaling(results: Sequence[CaseResult]) -> Picture | None:
    """Throughput and efficiency of the bursts against concurrency, with what bare ffmpeg did."""
    bursts = [each for each in results if each.case.mode is Mode.BURST and each.summary.throughput_per_min]
    if not bursts:
        return None
    figure, (left, right) = canvases(["X, videos per minute", "Efficiency = X / ideal X"], height=3.6)
    said = []
    for (name, group), (colour, marker) in zip(_by_size(bursts), _LOOKS * 9, strict=False):
        x = [each.case.concurrency for each in group]
        throughput = _column(group, "throughput_per_min")
        left.plot(x, throughput, marker + "-", color=colour, label=name, linewidth=2)
        ideal = _column(group, "ideal_throughput_per_min")
        efficiency = _column(group, "efficiency")
        if len(ideal) == len(x):
            left.plot(x, ideal, marker + ":", color=colour, mfc="none", label=f"{name}, bare ffmpeg")
        if len(efficiency) == len(x):
            right.plot(x, efficiency, marker + "-", color=colour, label=name, linewidth=2)
            said.append(
                f"{name}: {', '.join(f'{number(e)} at {c}' for c, e in zip(x, efficiency, strict=True))}"
            )
    right.axhline(1, color=INK, linestyle=":", linewidth=1)
    for axes in (left, right):
        axes.set(xlabel="concurrency (worker processes)")
        axes.set_xticks(sorted({each.case.concurrency for each in bursts}))
        axes.set_ylim(bottom=0)
    left.legend(loc="best")
    what = f"Efficiency by concurrency. {'; '.join(said) or 'No ideal is known'}."
    return Picture("scaling", "Throughput and efficiency against concurrency", what, figure)


def response(results: Sequence[CaseResult]) -> Picture | None:
    """Response time of each case against how busy its workers were."""
    known = [
        each
        for each in results
        if each.summary.utilisation is not None and each.summary.response_p50_s is not None
    ]
    if not known:
        return None
    figure, axes = canvas("Response time against utilisation", height=3.6)
    for mode, colour, marker in ((Mode.BURST, SECOND, "^"), (Mode.SUSTAINED, FIRST, "o")):
        some = [each for each in known if each.case.mode is mode]
        if some:
            x = _column(some, "utilisation")
            low, high = _column(some, "response_p50_s"), _column(some, "response_p95_s")
            axes.vlines(x, low, high, color=colour, linewidth=1, label=f"{mode}, median to p95")
            axes.plot(x, low, marker, color=colour, ms=7)
            axes.plot(x, high, marker, color=colour, ms=7, mfc="none")
    axes.set(xlabel="utilisation of the workers", ylabel="response time, s")
    axes.set_xlim(0, 1.05)
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")  # above, it would run into the title
    what = "; ".join(
        f"{each.case.id}: {number(each.summary.response_p50_s)} s at {number(each.summary.utilisation)}"
        for each in known
    )
    return Picture("response", "Response time against utilisation", f"Medians. {what}.", figure)


PICTURES: tuple[Callable[[Sequence[CaseResult]], Picture | None], ...] = (matrix, scaling, response)


def _column(results: Sequence[CaseResult], name: str) -> list[float]:
    """The metric's value of each that has one."""
    return [value for each in results if (value := each.summary.value(name)) is not None]


def _row(case: Case) -> tuple[str, int, str]:
    return str(case.variant), case.size_mb, str(case.mode)


def _cell(axes: Axes, x: int, y: int, result: CaseResult) -> None:
    kind, summary = result.verdict.kind, result.summary
    axes.fill_between(
        [x - 0.48, x + 0.48],
        y - 0.46,
        y + 0.46,
        facecolor=COLOURS[kind.lower()][0],
        edgecolor=INK,
        linewidth=0.5 if kind is Kind.PASS else 2,
    )
    figure = (
        f"R p50 {number(summary.response_p50_s)} s"
        if summary.efficiency is None
        else f"efficiency {number(summary.efficiency)}"
    )
    axes.annotate(
        f"{_SIGNS[kind]} {kind}\n{figure}", (x, y), ha="center", va="center", fontsize=9, linespacing=1.4
    )


def _by_size(results: Sequence[CaseResult]) -> list[tuple[str, list[CaseResult]]]:
    def name(result: CaseResult) -> tuple[str, int]:
        return str(result.case.variant), result.case.size_mb

    ordered = sorted(results, key=lambda each: (*name(each), each.case.concurrency))
    return [(f"{size} MB", list(group)) for (_, size), group in groupby(ordered, key=name)]
