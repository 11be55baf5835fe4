"""Out or up: the same number of worker processes, divided among nodes in several ways. Pure.

What was measured side by side is compared, and nothing is fitted: a way of dividing is better where its
throughput is clearly more than that of another (perf.measure.scaling), and else the data cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from perf.measure.intervals import Interval
from perf.measure.scaling import as_good


@dataclass(frozen=True, slots=True)
class Division:
    """One way to divide worker processes among nodes, and what a burst gave.

    Attributes:
        nodes: how many.
        per_node: worker processes on each.
        throughput_per_min: of all nodes together; its interval beside it.
        efficiency: against bare runs of the same parallelism; None where there were none.
        response_p95_s: 95th percentile of the response time.
        share_least: share of the tasks that the node with the fewest did.
    """

    nodes: int
    per_node: int
    throughput_per_min: float
    interval: Interval | None
    efficiency: float | None
    response_p95_s: float | None
    share_least: float | None

    @property
    def total(self) -> int:
        """Worker processes over all nodes."""
        return self.nodes * self.per_node


def of_one_total(divisions: Iterable[Division]) -> list[tuple[Division, ...]]:
    """Those that divide the same total, where there are at least two: by total, the fewest nodes first."""
    ordered = sorted(divisions, key=lambda each: (each.total, each.nodes))
    groups = [tuple(group) for _, group in groupby(ordered, key=lambda each: each.total)]
    return [group for group in groups if len(group) > 1]


def best(group: Sequence[Division]) -> tuple[Division, ...]:
    """Those of one total that none beats clearly, at least one: several, where the data cannot tell."""
    top = max(group, key=lambda each: each.throughput_per_min)
    return tuple(each for each in group if as_good(each, top))


def scale_out(divisions: Iterable[Division]) -> list[tuple[Division, float]]:
    """X(n) / (n X(1)) of those with as many processes on each node, where one node was measured too."""
    known = list(divisions)
    alone = {each.per_node: each.throughput_per_min for each in known if each.nodes == 1}
    return [
        (each, each.throughput_per_min / (each.nodes * alone[each.per_node]))
        for each in sorted(known, key=lambda each: (each.per_node, each.nodes))
        if each.nodes > 1 and each.per_node in alone
    ]
