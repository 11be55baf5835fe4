"""The search cases: the highest arrival rate that each size and concurrency sustains. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from perf.cases.case import Case, Variant, axis, shown, spanned
from perf.cases.defaults import DEFAULTS
from perf.cases.options import Option, seconds
from perf.cases.worker import NODES_AXIS, Mode, WorkerCase, concurrency_of, nodes_of, sizes_of

BUDGET = Option(
    "budget",
    "seconds that the search for a sustainable rate may take (mocked 40, local 1800, aws 3600), or a "
    "comparison with --against (mocked 90, local 3600)",
    seconds,
)
OPTIONS = (BUDGET,)


@dataclass(frozen=True, slots=True)
class SearchCase(Case):
    """The search for the sustainable rate of one cell.

    Attributes:
        size_mb: size of each video, in MB (2**20 bytes).
        concurrency: worker processes on each node.
        nodes: how many nodes there are.
        count: tasks of a trial.
        budget_s: no trial begins that would not end within it.
        nodes_asked: as a worker case has it.
    """

    kind: ClassVar[str] = "search"

    size_mb: int = axis("{}MB", "size", text="{} MB")
    concurrency: int = axis("c{}", "concurrency", said="concurrency {}", slow=True)
    nodes: int = field(default=1, kw_only=True, metadata=NODES_AXIS)
    count: int = shown("tasks of a trial")
    budget_s: float = shown("budget, s")
    nodes_asked: bool = False

    def trial(self, rate_per_min: float | None = None, count: int | None = None) -> WorkerCase:
        """The sustained case that a trial of this rate (tasks/min) is."""
        return WorkerCase(
            self.variant,
            self.size_mb,
            self.concurrency,
            Mode.SUSTAINED,
            count or self.count,
            rate_per_min,
            nodes=self.nodes,
            nodes_asked=self.nodes_asked,
        )

    @property
    def workers(self) -> int:
        """Worker processes over all nodes."""
        return self.nodes * self.concurrency


def search_cases(variant: Variant, options: Mapping[str, Any]) -> tuple[SearchCase, ...]:
    """The variant's searches in the order they run; options as in `worker_cases`, and OPTIONS."""
    default = DEFAULTS[variant]
    values = {
        "size_mb": sizes_of(options),
        "concurrency": concurrency_of(options),
        "nodes": nodes_of(options),
    }
    return tuple(
        SearchCase(
            variant,
            **axes,
            count=options.get("count") or default.trial_count,
            budget_s=options.get("budget") or default.budget_s,
            nodes_asked=bool(options.get("nodes")),
        )
        for axes in spanned(SearchCase, values)
    )
