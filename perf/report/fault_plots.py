"""The pictures of a fault case: the strike and the recovery, in the backlog and in what was completed."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from perf.measure.ledger import Floats
from perf.measure.numbers import number
from perf.report.drawing import FIRST, INK, SECOND, THIRD, Picture, canvas, legend, styled
from perf.report.plots import backlog_of
from perf.run.faults import FaultResult


@styled()
def pictures(result: FaultResult) -> list[Picture]:
    """Every picture that the case has data for."""
    drawn = (backlog_of(result.ledger, lambda axes, zero: _mark(axes, zero, result)), course(result))
    return [picture for picture in drawn if picture is not None]


def course(result: FaultResult) -> Picture | None:
    """How many tasks were due, and how many had finished, at every instant."""
    ledger = result.ledger
    if len(ledger) == 0:
        return None
    zero = float(ledger.scheduled_s.min())
    figure, axes = canvas("Completions")
    _count(axes, ledger.scheduled_s - zero, INK, ":", "due")
    _count(axes, ledger.finished_s[~np.isnan(ledger.finished_s)] - zero, FIRST, "-", "finished")
    what = _mark(axes, zero, result)
    axes.set(xlabel="seconds since the first task was due", ylabel="tasks")
    axes.set_ylim(bottom=0)
    legend(axes)
    return Picture("course", "Completions and their course", what.strip(), figure)


def _count(axes: Axes, instants_s: Floats, colour: str, dash: str, name: str) -> None:
    at_s = np.sort(instants_s)
    counts = np.arange(1, len(at_s) + 1)
    axes.step(at_s, counts, where="post", color=colour, linestyle=dash, linewidth=2, label=name)


def _mark(axes: Axes, zero: float, result: FaultResult) -> str:
    """Shade each strike, and mark where completions were back on their course; what that says."""
    said = []
    for each in result.struck:
        begin_s, end_s = each.begun_s - zero, each.ended_s - zero
        axes.axvspan(begin_s, end_s, facecolor=SECOND, alpha=0.25, hatch="//", label=each.strike.fault)
        said.append(f" {each.strike.fault} from {number(begin_s)} to {number(end_s)} s.")
    recovery_s = result.summary.recovery_s
    if result.struck and recovery_s is not None:
        back_s = result.struck[-1].ended_s - zero + recovery_s
        axes.axvline(back_s, color=THIRD, linewidth=1.5, linestyle="-.", label="recovered")
        said.append(f" Back on course {number(recovery_s)} s later.")
    return "".join(said)
