"""What an autoscaling case came to: when the first new node worked, and how its first tasks went. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from perf.measure.figures import Figures, metric
from perf.measure.ledger import Ledger
from perf.measure.metrics import counts_of
from perf.measure.nodes import node_of
from perf.measure.series import backlog_series
from perf.pipeline import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleOutSummary(Figures):
    """What an autoscaling case found. None = it did not come to that; never 0 in its place."""

    total: int = metric("count", "tasks scheduled")
    done: int = metric("count", "tasks done")
    failed: int = metric("count", "tasks failed")
    unsent: int = metric("count", "tasks whose send failed")
    lost: int = metric("count", "tasks sent of which the database has no row")
    outstanding: int = metric("count", "tasks that did not come to an end")
    retries: int = metric("count", "attempts beyond a task's first")
    duplicates: int = metric("count", "deliveries beyond a task's first")
    nodes_before: int = metric("count", "nodes that were there when the load rose")
    nodes_after: int = metric("count", "nodes that did tasks, in all")
    node_there_s: float | None = metric("s", "from the rise of the load to the first report of a new node")
    scale_out_s: float | None = metric("s", "from the rise of the load to the first task on a new node")
    warm_up_ratio: float | None = metric(
        "ratio", "service time of the first task of new processes / that of their later ones, medians"
    )
    backlog_max: int | None = metric("count", "most tasks scheduled and not finished at one instant")
    caught_up_s: float | None = metric("s", "from the rise until the backlog was what it had been before")


@dataclass(frozen=True, slots=True)
class NodesSeen:
    """How many nodes reported themselves at an instant, in Unix seconds."""

    at_s: float
    nodes: int


def scale_out_summary(
    ledger: Ledger, first_nodes: Collection[str], rise_s: float, seen: Sequence[NodesSeen]
) -> ScaleOutSummary:
    """Every metric of an autoscaling case.

    Args:
        ledger: a record for each task scheduled.
        first_nodes: the nodes that were there at the beginning.
        rise_s: when the load rose, in Unix seconds.
        seen: how many nodes reported themselves, in the order of time.
    """
    counts = counts_of(ledger)
    nodes = np.array([node_of(each) if each else "" for each in ledger.worker], dtype=object)
    is_new = np.array([bool(each) and each not in first_nodes for each in nodes], dtype=np.bool_)
    started_s = ledger.started_s[is_new & ~np.isnan(ledger.started_s)]
    there_s = next((each.at_s for each in seen if each.nodes > len(first_nodes)), None)
    return ScaleOutSummary(
        **{name: counts[name] for name in _COUNTED},
        nodes_before=len(first_nodes),
        nodes_after=len({*nodes.tolist()} - {""}),
        node_there_s=None if there_s is None else there_s - rise_s,
        scale_out_s=float(started_s.min()) - rise_s if len(started_s) else None,
        warm_up_ratio=_warm_up(ledger.where(is_new)),
        backlog_max=backlog_series(ledger).peak() if len(ledger) else None,
        caught_up_s=_caught_up(ledger, rise_s),
    )


_COUNTED = ("total", "done", "failed", "unsent", "lost", "outstanding", "retries", "duplicates")


def _warm_up(new: Ledger) -> float | None:
    """Of the tasks on new nodes: each process's first against all later ones."""
    done = new.select(State.DONE)
    service_s = done.finished_s - done.started_s
    first: list[float] = []
    later: list[float] = []
    for name in sorted({str(each) for each in done.worker if each}):
        mine = done.worker == name
        in_order = service_s[mine][np.argsort(done.started_s[mine])]
        first.append(float(in_order[0]))
        later += in_order[1:].tolist()
    return float(np.median(first) / np.median(later)) if first and later else None


def _caught_up(ledger: Ledger, rise_s: float) -> float | None:
    """Back where it was, after it had been above that; 0 = it never was; None = it never came back."""
    backlog = backlog_series(ledger)
    usual = int(backlog.level[backlog.times_s < rise_s].max(initial=1))
    above = backlog.times_s[(backlog.times_s >= rise_s) & (backlog.level > usual)]
    if not len(above):
        return 0.0
    back = backlog.times_s[(backlog.times_s > above[-1]) & (backlog.level <= usual)]
    return float(back[0]) - rise_s if len(back) else None
