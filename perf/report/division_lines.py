"""Out or up, in words: the same worker processes on fewer or more nodes, row by row as they were measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perf.cases.case import Variant
from perf.cases.worker import Mode
from perf.judge.verdict import VerdictKind
from perf.measure.division import Division, best, of_one_total, scale_out
from perf.measure.numbers import number
from perf.pipeline import by_node
from perf.run.worker_result import WorkerResult


def division_lines(results: Sequence[WorkerResult]) -> Iterator[str]:
    """What the bursts of a run say of nodes, by variant and size; nothing where all had one."""
    for (variant, size_mb), found in divisions(results).items():
        size = f"{variant} {size_mb}MB"
        for group in of_one_total(found):
            yield from _rows(size, group)
            yield f"{size}: {conclusion(group)}{_limits(variant)}"
        for each, efficiency in scale_out(found):
            yield (
                f"{size} c={each.per_node}: {each.nodes} nodes do {number(each.nodes * efficiency)} times "
                f"what one does, {number(efficiency)} of {each.nodes} times"
            )


def divisions(results: Sequence[WorkerResult]) -> dict[tuple[str, int], list[Division]]:
    """The ways that bursts were divided, of each variant and size; of those that can be trusted.

    Nodes of several sizes, as a fleet may be that nobody asked nodes of, are no way to divide.
    """
    found: dict[tuple[str, int], list[Division]] = {}
    for each in results:
        if each.case.mode is Mode.BURST and each.verdict.kind is not VerdictKind.INVALID:
            for division in _division(each):
                found.setdefault((str(each.case.variant), each.case.size_mb), []).append(division)
    return dict(sorted(found.items()))


def _division(result: WorkerResult) -> Iterator[Division]:
    """By what the workers reported: where no nodes were asked for, the same processes may be on several."""
    summary, sizes = result.summary, by_node(result.facts.workers)
    if summary.throughput_per_min is not None and len(set(sizes.values())) == 1:
        yield Division(
            len(sizes),
            max(sizes.values()),
            summary.throughput_per_min,
            result.intervals.get("throughput_per_min"),
            summary.efficiency,
            summary.response_p95_s,
            summary.node_share_least,
        )


def _rows(size: str, group: Sequence[Division]) -> Iterator[str]:
    for each in group:
        inside = each.interval
        spread = f" ({number(inside.low)} to {number(inside.high)})" if inside else ""
        yield (
            f"{size} {said(each)}: X {number(each.throughput_per_min)}/min{spread}, efficiency "
            f"{number(each.efficiency)}, R p95 {number(each.response_p95_s)} s, least share of a node "
            f"{number(each.share_least)}"
        )


def said(each: Division) -> str:
    """Such as ``2 nodes x 2``."""
    return f"{each.nodes} node{'s' if each.nodes > 1 else ''} x {each.per_node}"


def conclusion(group: Sequence[Division]) -> str:
    """Out, up, or that the data cannot tell, of one total."""
    top, total = best(group), group[0].total
    if len(top) == len(group):
        return f"{total} worker processes: no way to divide them did clearly more; choose by cost and risk"
    names = " or ".join(said(each) for each in top)
    others = [each for each in group if each not in top]
    times = max(each.throughput_per_min for each in top) / max(each.throughput_per_min for each in others)
    way = "up" if top[-1].nodes < others[0].nodes else "out" if top[0].nodes > others[-1].nodes else ""
    scale = f"scale {way}: " if way else ""
    return f"{total} worker processes: {scale}{names} did clearly more, {number(times)} times the next best"


def _limits(variant: str) -> str:
    if variant == Variant.AWS:
        return ""
    return "; the nodes shared this machine: what it is to divide them, and not what another machine adds"
