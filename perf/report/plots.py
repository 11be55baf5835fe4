"""The pictures of a case: one function each, a result in, a picture out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from perf.measure.ideal import ideal_response_s
from perf.measure.ledger import Floats, Ints, Ledger
from perf.measure.numbers import counted, number
from perf.measure.series import backlog_series, in_service_series
from perf.pipeline import ReportedWorker, State
from perf.report.drawing import FAINT, FIRST, INK, PAPER, SECOND, THIRD, Picture, canvas, legend, styled
from perf.run.worker_result import WorkerResult

#: Above so many marks they are drawn as one bitmap within the SVG, which otherwise grows with each.
_MANY = 1500
#: What two lines of text take of the height of a distribution.
_LINES = 0.22


@styled()
def pictures(result: WorkerResult) -> list[Picture]:
    """Every picture that the case has data for."""
    drawn = (draw(result) for draw in PICTURES)
    return [picture for picture in drawn if picture is not None]


def backlog(result: WorkerResult) -> Picture | None:
    """Backlog and tasks in service over time, the injection shaded."""
    return backlog_of(result.ledger)


def backlog_of(ledger: Ledger, mark: Callable[[Axes, float], str] = lambda *_: "") -> Picture | None:
    """The same of a ledger; *mark* draws more, given the axes and the instant of their 0, and says what."""
    zero = _zero(ledger)
    if zero is None:
        return None
    series, service = backlog_series(ledger), in_service_series(ledger)
    end_s = max(float(series.times_s[-1]), *_known(ledger.finished_s), *_known(ledger.scheduled_s)) - zero
    figure, axes = canvas("Backlog over time")
    last_due_s = float(ledger.scheduled_s.max()) - zero
    _mark_injection(axes, last_due_s, end_s)
    _stairs(axes, series.times_s - zero, series.level, end_s, FIRST, "-", "backlog")
    _stairs(axes, service.times_s - zero, service.level, end_s, SECOND, "--", "in service")
    axes.set(
        xlabel="seconds since the first task was due", ylabel="tasks", ylim=(0, series.peak() * 1.12 + 0.2)
    )
    axes.set_xlim(-0.02 * end_s, end_s * 1.02 or 1)
    more = mark(axes, zero)
    legend(axes)
    what = (
        f"Peak {series.peak()} tasks; the last was due after {number(last_due_s)} s, "
        f"the last event was after {number(end_s)} s.{more}"
    )
    return Picture("backlog", "Backlog over time", what, figure)


def times(result: WorkerResult) -> Picture | None:
    """Response and service time of each task, where it finished."""
    ledger, zero = result.ledger.select(State.DONE), _zero(result.ledger)
    if zero is None or len(ledger) == 0:
        return None
    figure, axes = canvas("Response and service time over time")
    at, many = ledger.finished_s - zero, len(ledger) > _MANY
    axes.plot(
        at, ledger.finished_s - ledger.scheduled_s, "o", ms=5, color=FIRST, label="response", rasterized=many
    )
    axes.plot(
        at,
        ledger.finished_s - ledger.started_s,
        "^",
        ms=5,
        mfc="none",
        color=SECOND,
        label="service",
        rasterized=many,
    )
    axes.set(xlabel="finished, seconds since the first task was due", ylabel="seconds")
    axes.set_ylim(bottom=0)
    legend(axes)
    summary = result.summary
    what = (
        f"Response: median {number(summary.response_p50_s)} s, p95 {number(summary.response_p95_s)} s. "
        f"Service: median {number(summary.service_p50_s)} s."
    )
    return Picture("times", "Response and service time over time", what, figure)


def ecdf(result: WorkerResult) -> Picture | None:
    """Which share of the tasks took at most so long, with the SLOs that limit it."""
    ledger = result.ledger.select(State.DONE)
    if len(ledger) == 0:
        return None
    figure, axes = canvas("Distribution of the times")
    curves = (
        ("response", ledger.finished_s - ledger.scheduled_s, FIRST, "-"),
        ("waiting", ledger.started_s - ledger.scheduled_s, THIRD, ":"),
        ("service", ledger.finished_s - ledger.started_s, SECOND, "--"),
    )
    for name, values, colour, dash in curves:
        axes.ecdf(values[~np.isnan(values)], color=colour, linestyle=dash, linewidth=2, label=name)
    limits = list(_limits(result))
    for _, limit_s, share in limits:
        axes.axvline(limit_s, color=INK, linewidth=1, linestyle="-.")
        axes.plot([limit_s], [share], "X", ms=9, color=INK)
    axes.set(xlabel="seconds", ylabel="share of the tasks done", ylim=(0, 1.04))
    axes.set_xlim(left=0)
    _name_limits(axes, limits)
    legend(axes)
    what = f"{len(ledger)} tasks. " + (
        " ".join(f"{text} is {number(at)} s." for text, at, _ in limits) or "No SLO limits a time."
    )
    return Picture("ecdf", "Distribution of the times", what, figure)


def gantt(result: WorkerResult) -> Picture | None:
    """What each worker process did when: bars are tasks, gaps are idle, a new process is marked."""
    ledger, zero = result.ledger, _zero(result.ledger)
    started = ledger.where(~np.isnan(ledger.started_s))
    if zero is None or len(started) == 0:
        return None
    end_s = float(np.nanmax(np.append(ledger.finished_s, started.started_s.max())))
    lanes = _lanes(started, result.facts.workers)
    figure, axes = canvas("What each worker process did", height=1.3 + 0.36 * min(len(lanes), 40))
    restarts = 0
    for row, mine in enumerate(lanes.values()):
        axes.broken_barh(
            [(0, end_s - zero)], (row - 0.4, 0.8), facecolor=PAPER, edgecolor=FAINT, hatch="////"
        )
        _bars(axes, mine, row, zero, end_s)
        for instant, _ in _restarts(mine):
            restarts += 1
            axes.plot([instant - zero] * 2, [row - 0.5, row + 0.5], color=INK, linewidth=3)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set(xlabel="seconds since the first task was due", ylim=(len(lanes) - 0.4, -0.75))
    axes.grid(visible=False, axis="y")
    rho = result.summary.utilisation
    busy = "-" if rho is None else f"{100 * rho:.0f} %"
    what = (
        f"{counted(len(lanes), 'worker process', 'worker processes')}, busy {busy} of the time, "
        f"{counted(restarts, 'restart')}. Hatched is idle; a bar with crosses failed or never ended; a thick "
        "stroke is where a new process began."
    )
    return Picture("gantt", "What each worker process did", what, figure)


PICTURES: tuple[Callable[[WorkerResult], Picture | None], ...] = (backlog, gantt, times, ecdf)


def _zero(ledger: Ledger) -> float | None:
    """When the first task was due: where the time axis begins."""
    return float(ledger.scheduled_s.min()) if len(ledger) else None


def _known(instants_s: Floats) -> Floats:
    return instants_s[~np.isnan(instants_s)]


def _mark_injection(axes: Axes, last_due_s: float, end_s: float) -> None:
    """Shade from the first task due to the last; a burst is due at one instant, so it is a line."""
    if last_due_s > 0:
        axes.axvspan(0, last_due_s, facecolor=FAINT, alpha=0.5, linewidth=0)
    axes.axvline(last_due_s, color=INK, linewidth=1, linestyle=":")
    word = "injection ends" if last_due_s > 0 else "all are due"
    right = last_due_s > 0.5 * end_s
    axes.annotate(
        word,
        (last_due_s, 0.97),
        (-4 if right else 4, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top",
        fontsize=9,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},
    )


def _name_limits(axes: Axes, limits: Sequence[tuple[str, float, float]]) -> None:
    """Each limit's text on the side of it that has room, and below the one before it."""
    middle_s, below = sum(axes.get_xlim()) / 2, 1.0
    for text, limit_s, share in sorted(limits, key=lambda each: -each[2]):
        right, at = limit_s > middle_s, min(share, below)
        below = at - _LINES
        axes.annotate(
            text.replace(" <= ", "\n<= "),
            (limit_s, at),
            (-8 if right else 8, -4),
            textcoords="offset points",
            ha="right" if right else "left",
            va="top",
            fontsize=9,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.8},
        )


def _stairs(
    axes: Axes, times_s: Floats, level: Ints, end_s: float, colour: str, dash: str, name: str
) -> None:
    if len(times_s) == 0:
        return
    x, y = np.append(times_s, end_s), np.append(level, level[-1])
    axes.step(x, y, where="post", color=colour, linestyle=dash, linewidth=2, label=name)


def _limits(result: WorkerResult) -> Iterator[tuple[str, float, float]]:
    """SLOs on a percentile of the response or service time: text, limit in seconds, share of the tasks."""
    for each in result.verdict.results:
        percent = result.summary.quantile(each.slo.metric)
        if percent is None:
            continue
        if each.slo.metric.startswith(("response_p", "service_p", "waiting_p")) and each.slo.metric.endswith(
            "_s"
        ):
            yield str(each.slo), each.slo.limit, percent / 100
        elif each.slo.metric == "response_p95_vs_ideal" and result.ideal is not None:
            case = result.case
            ideal_s = ideal_response_s(result.ideal, case.mode, case.count, 95)
            yield f"{each.slo} (ideal {number(ideal_s)} s)", each.slo.limit * ideal_s, percent / 100


def _lanes(started: Ledger, workers: Sequence[ReportedWorker]) -> dict[str, Ledger]:
    """The tasks of each place at work, `host/child`; also of those that got none.

    A child that is replaced leaves its place to another process. Two processes at work in one place at
    once are children of two workers on one host: each then has a lane of its own.
    """
    nothing = started.where(np.zeros(len(started), dtype=np.bool_))
    lanes = {f"{each.node}/{child}": nothing for each in workers for child in range(each.concurrency)}
    by_process = {str(name): started.where(started.worker == name) for name in set(started.worker)}
    for place in {name.rsplit("/", 1)[0] for name in by_process}:
        here = {name: mine for name, mine in by_process.items() if name.rsplit("/", 1)[0] == place}
        if _overlap(list(here.values())):
            lanes.pop(place, None)
            lanes |= here
        else:
            lanes[place] = started.where(
                np.array([str(name) in here for name in started.worker], dtype=np.bool_)
            )
    return dict(sorted(lanes.items()))


def _overlap(processes: Sequence[Ledger]) -> bool:
    """Whether one began before the one before it had ended."""
    spans = sorted(
        (float(each.started_s.min()), float(np.nanmax(each.finished_s, initial=0))) for each in processes
    )
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


def _bars(axes: Axes, mine: Ledger, row: int, zero: float, end_s: float) -> None:
    good = mine.is_in(State.DONE)
    for mask, hatch in ((good, ""), (~good, "xxx")):
        some = mine.where(mask)
        ends = np.where(np.isnan(some.finished_s), end_s, some.finished_s)
        spans = [(begin - zero, end - begin) for begin, end in zip(some.started_s, ends, strict=True)]
        if spans:
            axes.broken_barh(
                spans,
                (row - 0.4, 0.8),
                facecolor=SECOND if hatch else FIRST,
                edgecolor=PAPER,
                hatch=hatch,
                linewidth=0.8,
                rasterized=len(spans) > _MANY,
            )


def _restarts(mine: Ledger) -> Iterator[tuple[float, str]]:
    """Where another process began to work in this place, and its pid."""
    order = np.argsort(mine.started_s)
    before = None
    for worker, started_s in zip(mine.worker[order], mine.started_s[order], strict=True):
        if before is not None and worker != before:
            yield float(started_s), str(worker).rsplit("/", 1)[-1]
        before = worker
