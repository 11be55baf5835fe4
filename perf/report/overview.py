"""The pictures over a run: one function each, results in, a picture out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from matplotlib.axes import Axes

from perf.cases.worker import Mode, WorkerCase
from perf.judge.verdict import VerdictKind
from perf.measure.division import of_one_total
from perf.measure.numbers import counted, number
from perf.report.division_lines import conclusion, divisions, said
from perf.report.drawing import (
    COLOURS,
    FIRST,
    INK,
    PAPER,
    SECOND,
    THIRD,
    WIDTH,
    Picture,
    canvas,
    canvases,
    legend,
    styled,
)
from perf.run.worker_result import WorkerResult

_LOOKS = ((FIRST, "o"), (SECOND, "^"), (THIRD, "s"))
#: What is held against concurrency; without bare runs there is the first alone.
_SCALING = {
    "throughput_per_min": "Throughput, videos per minute",
    "efficiency": "Efficiency = throughput / that of bare ffmpeg",
}
_SIGNS = {VerdictKind.PASS: "✓", VerdictKind.FAIL: "✗", VerdictKind.INVALID: "?"}


@styled()
def pictures(results: Sequence[WorkerResult]) -> list[Picture]:
    """Every picture that the run has data for."""
    drawn = (draw(results) for draw in PICTURES)
    return [picture for picture in drawn if picture is not None]


def matrix(results: Sequence[WorkerResult]) -> Picture | None:
    """Every case as a cell: its verdict in words and colour, and what it reached."""
    if not results:
        return None
    columns = sorted({_column_of(result.case) for result in results})
    rows = sorted({_row(result.case) for result in results})
    height = 1.1 + 0.62 * len(rows)
    variants = sorted({row[0] for row in rows})
    title = f"The matrix ({', '.join(variants)})"
    figure, axes = canvas(title, width=max(WIDTH, 1.5 + 1.2 * len(columns)), height=height)
    for result in results:
        x, y = columns.index(_column_of(result.case)), rows.index(_row(result.case))
        _cell(axes, x, y, result)
    axes.set_xticks(range(len(columns)), [_said(*each) for each in columns])
    axes.set_yticks(range(len(rows)), [_named(*row, alone=len(variants) == 1) for row in rows])
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    counts = {kind: sum(result.verdict.kind is kind for result in results) for kind in VerdictKind}
    what = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    said = " p50: the median response time." if any(_is_time(result) for result in results) else ""
    return Picture("matrix", "The matrix", f"{counted(len(results), 'case')}: {what}.{said}", figure)


def scaling(results: Sequence[WorkerResult]) -> Picture | None:
    """Throughput of the bursts against concurrency and, where bare runs were made, what it is of theirs."""
    bursts = [each for each in results if each.case.mode is Mode.BURST and each.summary.throughput_per_min]
    if not bursts:
        return None
    metrics = [name for name in _SCALING if _column(bursts, name)]
    titles = [_SCALING[name] for name in metrics]
    figure, row = canvases(titles)
    said = []
    for (name, group), (colour, marker) in zip(_by_size(bursts), _LOOKS * 9, strict=False):
        for axes, metric in zip(row, metrics, strict=True):
            x, y = _points(group, metric)
            axes.plot(x, y, marker + "-", color=colour, label=name, linewidth=2)
            _hollow(axes, [(e, e.case.workers, e.summary.value(metric)) for e in group], marker, colour)
        x, ideal = _points(group, "ideal_throughput_per_min")
        if ideal:
            row[0].plot(x, ideal, ":", color=colour, label=f"{name}, bare ffmpeg")
        if points := list(zip(*_points(group, metrics[-1]), strict=True)):
            said.append(f"{name}: {', '.join(f'{number(y)} at {x}' for x, y in points)}")
    if len(row) > 1:
        row[1].axhline(1, color=INK, linestyle=":", linewidth=1)
    for axes in row:
        axes.set(xlabel="worker processes over all nodes")
        axes.set_xticks(sorted({each.case.workers for each in bursts}))
        axes.set_ylim(bottom=0)
    _explain_hollow(row[0], bursts)
    legend(row[0], columns=2)
    title = " and ".join(["Throughput", "efficiency"][: len(row)]) + " against concurrency"
    return Picture("scaling", title, f"{titles[-1]}. {'; '.join(said)}.", figure)


def division(results: Sequence[WorkerResult]) -> Picture | None:
    """Out or up: the throughput of the same worker processes on fewer or more nodes, side by side."""
    groups = [
        (f"{variant} {size_mb} MB", group)
        for (variant, size_mb), found in divisions(results).items()
        for group in of_one_total(found)
    ]
    if not groups:
        return None
    rows = [(f"{size}, {said(each)}", each) for size, group in groups for each in group]
    figure, axes = canvas("Throughput by how workers are divided", height=1.2 + 0.34 * len(rows))
    for place, (_, each) in enumerate(rows):
        x, inside = each.throughput_per_min, each.interval
        edges = [[x - inside.low], [inside.high - x]] if inside else None
        axes.barh([place], [x], xerr=edges, color=FIRST, height=0.6, ecolor=INK, capsize=3)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set(xlabel="videos per minute", ylim=(len(rows) - 0.4, -0.6))
    axes.grid(visible=False, axis="y")
    what = " ".join(f"{size}: {conclusion(group)}." for size, group in groups)
    return Picture("division", "Out or up", what, figure)


def response(results: Sequence[WorkerResult]) -> Picture | None:
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
            axes.plot(x, high, "_", color=colour, ms=9, mew=2)
            places = [(e, e.summary.utilisation, e.summary.response_p50_s) for e in some]
            _hollow(axes, places, marker, colour)
    axes.set(xlabel="utilisation of the workers", ylabel="response time, s")
    axes.set_xlim(0, 1.05)
    axes.set_ylim(bottom=0)
    _explain_hollow(axes, known)
    legend(axes, columns=2)
    what = "; ".join(
        f"{each.case.id}: {number(each.summary.response_p50_s)} s at {number(each.summary.utilisation)}"
        for each in known
    )
    return Picture("response", "Response time against utilisation", f"Medians. {what}.", figure)


PICTURES: tuple[Callable[[Sequence[WorkerResult]], Picture | None], ...] = (
    matrix,
    scaling,
    division,
    response,
)


def _hollow(
    axes: Axes, places: Iterable[tuple[WorkerResult, float | None, float | None]], marker: str, colour: str
) -> None:
    """Draw over the points of INVALID cases: nobody knows whether they are there."""
    for result, x, y in places:
        if result.verdict.kind is VerdictKind.INVALID and x is not None and y is not None:
            axes.plot([x], [y], marker, color=colour, mfc=PAPER, mew=2, ms=8, zorder=4)


def _explain_hollow(axes: Axes, results: Sequence[WorkerResult]) -> None:
    if any(each.verdict.kind is VerdictKind.INVALID for each in results):
        axes.plot([], [], "o", color=INK, mfc=PAPER, mew=2, label="hollow: INVALID")


def _column(results: Sequence[WorkerResult], name: str) -> list[float]:
    """The metric's value of each that has one."""
    return [value for each in results if (value := each.summary.value(name)) is not None]


def _points(results: Sequence[WorkerResult], name: str) -> tuple[list[int], list[float]]:
    """Worker processes, and the metric's value where there is one."""
    known = [each for each in results if each.summary.value(name) is not None]
    return [each.case.workers for each in known], _column(known, name)


def _column_of(case: WorkerCase) -> tuple[int, int]:
    return case.nodes, case.concurrency


def _said(nodes: int, concurrency: int) -> str:
    return f"concurrency {concurrency}" if nodes == 1 else f"{nodes} nodes x {concurrency}"


def _named(variant: str, size_mb: int, mode: str, *, alone: bool) -> str:
    return f"{size_mb} MB\n{mode}" + ("" if alone else f" ({variant})")


def _row(case: WorkerCase) -> tuple[str, int, str]:
    return str(case.variant), case.size_mb, str(case.mode)


def _is_time(result: WorkerResult) -> bool:
    """Whether a case's figure is a time: one that is sent at a rate has no efficiency."""
    return result.summary.efficiency is None


def _cell(axes: Axes, x: int, y: int, result: WorkerResult) -> None:
    kind, summary = result.verdict.kind, result.summary
    axes.fill_between(
        [x - 0.48, x + 0.48],
        y - 0.46,
        y + 0.46,
        facecolor=COLOURS[kind.lower()][0],
        edgecolor=INK,
        linewidth=0.5 if kind is VerdictKind.PASS else 2,
    )
    figure = (
        f"p50 {number(summary.response_p50_s)} s"
        if _is_time(result)
        else f"efficiency {number(summary.efficiency)}"
    )
    axes.annotate(
        f"{_SIGNS[kind]} {kind}\n{figure}", (x, y), ha="center", va="center", fontsize=9, linespacing=1.4
    )


def _by_size(results: Sequence[WorkerResult]) -> list[tuple[str, list[WorkerResult]]]:
    def name(result: WorkerResult) -> tuple[str, int, int]:
        return str(result.case.variant), result.case.size_mb, result.case.nodes

    ordered = sorted(results, key=lambda each: (*name(each), each.case.concurrency))
    return [
        (f"{size} MB" if nodes == 1 else f"{size} MB, {nodes} nodes", list(group))
        for (_, size, nodes), group in groupby(ordered, key=name)
    ]
