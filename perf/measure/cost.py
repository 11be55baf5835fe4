"""What a load costs: its nodes alone, since queue, storage and database cost little beside them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from perf.cases.case import Case, Variant
from perf.cases.defaults import DEFAULTS
from perf.cases.errors import UsageError
from perf.cases.prices import NodePrice
from perf.cases.search import SearchCase
from perf.cases.worker import WorkerCase
from perf.measure.numbers import number


def per_video_usd(usd_per_h: float, makespan_s: float | None, done: int) -> float | None:
    """What a video costs on nodes of this price together; None where none was done."""
    return usd_per_h * makespan_s / 3600 / done if makespan_s and done else None


def longest_s(case: Case, drain_s: float | None) -> float | None:
    """How long a case with workers lasts at most; None of other cases, which need none.

    Args:
        case: the case.
        drain_s: how long the queue may take to drain, instead of the variant's default.
    """
    drain_s = drain_s or DEFAULTS[case.variant].drain_deadline_s
    if isinstance(case, SearchCase):
        return case.budget_s + drain_s
    if isinstance(case, WorkerCase):
        sending_s = 60 * case.count / case.rate_per_min if case.rate_per_min else 0.0
        return sending_s + drain_s + case.decide_s
    return None


def require_price(max_usd: float | None, price: NodePrice | None) -> None:
    """See to it that a ceiling in money can be held.

    Raises:
        UsageError: nobody knows what a node costs.
    """
    if max_usd is not None and price is None:
        raise UsageError(
            f"--max-cost {max_usd:g}: what a node costs is not known: set PERF_NODE_TYPE, e.g. c5.xlarge or "
            "fargate:2:4, or PERF_NODE_PRICE, US dollars an hour"
        )


def estimate(cases: Sequence[Case], price: NodePrice | None, drain_s: float | None = None) -> str:
    """What aws cases may cost at most, in words; empty where there are none.

    An upper bound: how long a case takes is to be measured, and what is known before are its deadlines.
    """
    elsewhere = [each for each in cases if each.variant is Variant.AWS]
    longest = [(each, longest_s(each, drain_s)) for each in elsewhere]
    lasting = [(each, at_most_s) for each, at_most_s in longest if at_most_s is not None]
    node_h = sum(getattr(each, "nodes", 1) * at_most_s for each, at_most_s in lasting) / 3600
    if not lasting:
        return ""
    asked = all(getattr(each, "nodes_asked", True) for each, _ in lasting)
    hours = f"{number(node_h)} node hours" + ("" if asked else ", for each node of the fleet")
    if price is None:
        return (
            f"cost: not known; at most {hours}: set PERF_NODE_TYPE, e.g. c5.xlarge or "
            "fargate:2:4, or PERF_NODE_PRICE"
        )
    return (
        f"cost: at most {number(node_h * price.usd_per_h)} USD, if each case takes as long as it may "
        f"({hours}): {price.source}; --max-cost and --max-minutes end it sooner"
    )
