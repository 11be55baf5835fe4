"""The pictures of a web case: its artifacts in, pictures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from perf.measure.numbers import number
from perf.measure.web import Second
from perf.report.drawing import FIRST, INK, SECOND, THIRD, Picture, canvas, canvases, legend, styled
from perf.run.web import WebResult
from perf.run.web_load import Step


@styled()
def pictures(result: WebResult) -> list[Picture]:
    """Every picture that the case has data for."""
    drawn = (draw(result) for draw in PICTURES)
    return [picture for picture in drawn if picture is not None]


def load(result: WebResult) -> Picture | None:
    """Requests per second and requests in flight over time, and the response time below them."""
    # What comes after the last whole second of the load is a part of one: it would look like a fall.
    seconds = [each for each in result.seconds if each.second + 1 <= result.load.run_s]
    summary = result.summary
    if not seconds:
        return None
    figure, (rate, times) = canvases(["Requests per second and in flight", "Response time"])
    _line(rate, seconds, "due", FIRST, "--", "due")
    _line(rate, seconds, "answered", THIRD, "-", "answered well")
    _line(rate, seconds, "in_flight", SECOND, ":", "in flight (users waiting)")
    if any(second.failed for second in seconds):
        _line(rate, seconds, "failed", INK, "-.", "failed")
    _line(times, seconds, "p50_s", FIRST, "--", "p50")
    _line(times, seconds, "p95_s", SECOND, "-", "p95")
    for limit_s in _limits_s(result):
        times.axhline(limit_s, color=INK, linestyle="-.", linewidth=1, label=f"SLO p95 {number(limit_s)} s")
    for axes, unit in ((rate, "requests"), (times, "seconds")):
        axes.set(xlabel="seconds since the load began", ylabel=unit)
        axes.set_ylim(bottom=0)
        legend(axes)
    what = (
        f"{number(summary.offered_per_s)} requests/s due, "
        f"{number(summary.throughput_per_s)}/s answered well; "
        f"response p50 {number(summary.response_p50_s)} s, p95 {number(summary.response_p95_s)} s."
    )
    return Picture("load", "The load, second by second", what, figure)


def users(result: WebResult) -> Picture | None:
    """Users over time, of a closed loop: an open one has a rate and no users."""
    if result.load.rate_per_s is not None or not any(result.users):
        return None
    figure, axes = canvas("Users over time", height=2.2)
    axes.plot(range(len(result.users)), result.users, "-", color=FIRST, linewidth=2, label="users")
    axes.set(xlabel="seconds since the load began", ylabel="users")
    axes.set_ylim(bottom=0)
    peak = max(result.users)
    return Picture("users", "Users over time", f"At most {number(peak)} users.", figure)


def knee(result: WebResult) -> Picture | None:
    """The steps of the search: throughput and p95 against the rate, the knee marked."""
    steps = sorted(result.steps, key=lambda step: step.rate_per_s)
    if not steps:
        return None
    found, broken = result.summary.knee_per_s, result.summary.knee_broken_per_s
    figure, (rate, times) = canvases(["Answered per second", "Response time, p50 and p95"])
    _steps(rate, steps, "throughput_per_s", FIRST, "-", "answered well")
    ends = [0, max(step.rate_per_s for step in steps)]
    rate.plot(ends, ends, ":", color=INK, linewidth=1, label="all that was due")
    _steps(times, steps, "response_p50_s", THIRD, "--", "p50")
    _steps(times, steps, "response_p95_s", SECOND, "-", "p95")
    for axes, unit in ((rate, "requests/s"), (times, "seconds")):
        if found is not None:
            axes.axvline(found, color=INK, linestyle="-.", linewidth=1.5, label=f"knee {number(found)}/s")
        axes.set(xlabel="requests per second due", ylabel=unit)
        axes.set_ylim(bottom=0)
    rate.plot([], [], "o", color=INK, label="held")
    rate.plot([], [], "X", color=INK, label="did not hold")
    legend(rate)
    legend(times)
    what = f"Held up to {number(found)} requests/s; {number(broken)}/s did not. {len(steps)} steps."
    return Picture("knee", "The search for the knee", what, figure)


PICTURES: tuple[Callable[[WebResult], Picture | None], ...] = (knee, users, load)


def _line(axes: Any, seconds: Sequence[Second], name: str, colour: str, dash: str, label: str) -> None:
    known = [(each.second, value) for each in seconds if (value := getattr(each, name)) is not None]
    if known:
        axes.plot(*zip(*known, strict=True), dash, color=colour, linewidth=2, label=label)


def _steps(axes: Any, steps: Sequence[Step], name: str, colour: str, dash: str, label: str) -> None:
    """The values of the steps as a line; what held as dots, what did not as crosses."""
    known = [(step, value) for step in steps if (value := step.figures.get(name)) is not None]
    axes.plot([s.rate_per_s for s, _ in known], [v for _, v in known], dash, color=colour, label=label)
    for broken, marker in ((False, "o"), (True, "X")):
        some = [(step.rate_per_s, value) for step, value in known if bool(step.broken) is broken]
        axes.plot([rate for rate, _ in some], [value for _, value in some], marker, color=colour, ms=8)


def _limits_s(result: WebResult) -> list[float]:
    return [each.slo.limit for each in result.verdict.results if each.slo.metric == "response_p95_s"]
