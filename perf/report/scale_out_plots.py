"""The pictures of an autoscaling case: the rise of the load, the backlog, and the nodes that came."""

from __future__ import annotations

from matplotlib.axes import Axes

from perf.measure.numbers import number
from perf.report.drawing import FIRST, INK, THIRD, Picture, canvas, legend, styled
from perf.report.plots import backlog_of
from perf.run.scale_out import ScaleOutResult


@styled()
def pictures(result: ScaleOutResult) -> list[Picture]:
    """Every picture that the case has data for."""
    drawn = (backlog_of(result.ledger, lambda axes, zero: _mark(axes, zero, result)), nodes(result))
    return [picture for picture in drawn if picture is not None]


def nodes(result: ScaleOutResult) -> Picture | None:
    """How many nodes reported themselves, second by second."""
    seen = result.facts.nodes
    if not seen or len(result.ledger) == 0:
        return None
    zero = float(result.ledger.scheduled_s.min())
    figure, axes = canvas("Nodes", height=2.4)
    at_s, count = [each.at_s - zero for each in seen], [each.nodes for each in seen]
    axes.step(at_s, count, where="post", color=FIRST, linewidth=2, label="nodes that report themselves")
    what = _mark(axes, zero, result)
    axes.set(xlabel="seconds since the first task was due", ylabel="nodes", ylim=(0, max(count) + 0.5))
    legend(axes, columns=2)
    return Picture("nodes", "Nodes over time", f"At most {max(count)} nodes.{what}", figure)


def _mark(axes: Axes, zero: float, result: ScaleOutResult) -> str:
    """Mark the rise of the load and the first task on a new node; what that says."""
    rise_s, after_s = result.facts.rise_s - zero, result.summary.scale_out_s
    axes.axvline(rise_s, color=INK, linewidth=1.5, linestyle=":", label="the load rises")
    said = f" The load rises after {number(rise_s)} s."
    if after_s is None:
        return f"{said} No new node did a task."
    axes.axvline(
        rise_s + after_s, color=THIRD, linewidth=1.5, linestyle="-.", label="first task on a new node"
    )
    return f"{said} The first task on a new node began {number(after_s)} s later."
