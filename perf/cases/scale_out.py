"""The autoscaling cases: the load rises, and the fleet is to grow by itself. Data only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from perf.cases.case import Case, Variant, axis, shown, spanned
from perf.cases.worker import Mode, WorkerCase, concurrency_of, sizes_of

#: The arrival rate before and after the rise, of the capacity of one node: one is enough, then none is.
BEFORE, AFTER = 0.4, 1.6
#: For how long each lasts, in s: an alarm of CloudWatch takes minutes, an instance as long again.
LASTS_S = {Variant.MOCKED: (6.0, 24.0), Variant.LOCAL: (120.0, 480.0), Variant.AWS: (180.0, 1200.0)}
#: Fewer tasks say nothing, however slow the machine is.
LEAST_TASKS = 8


class Growing(StrEnum):
    """What the cases are called; there is one way."""

    SCALE_OUT = "scale-out"


@dataclass(frozen=True, slots=True)
class ScaleOutCase(Case):
    """One rise of the load, from what a node can carry to more.

    Attributes:
        size_mb: size of each video, in MB (2**20 bytes).
        concurrency: worker processes of each node.
        growing: that it is one.
        before_s: how long tasks arrive at the lower rate, in s.
        after_s: how long at the higher one.
    """

    kind: ClassVar[str] = "autoscaling"

    size_mb: int = axis("{}MB", "size", text="{} MB")
    concurrency: int = axis("c{}", "concurrency", said="concurrency {}", slow=True)
    growing: Growing = axis("{}", "growing", table=True)
    before_s: float = shown("before the rise, s")
    after_s: float = shown("after it, s")

    @property
    def load(self) -> WorkerCase:
        """The sustained case that the load is at first."""
        return WorkerCase(
            self.variant, self.size_mb, self.concurrency, Mode.SUSTAINED, LEAST_TASKS, utilisation=BEFORE
        )

    def offsets_s(self, capacity_per_min: float) -> list[float]:
        """When each task is due, in s from the first; evenly at each rate.

        Args:
            capacity_per_min: tasks per minute that one node can do.
        """
        found: list[float] = []
        for begin_s, lasts_s, share in ((0.0, self.before_s, BEFORE), (self.before_s, self.after_s, AFTER)):
            count = max(LEAST_TASKS, math.floor(share * capacity_per_min * lasts_s / 60))
            found += [begin_s + number * lasts_s / count for number in range(count)]
        return found


def scale_out_cases(variant: Variant, options: Mapping[str, Any]) -> tuple[ScaleOutCase, ...]:
    """The variant's autoscaling cases: of the first size, at each concurrency that is asked for, or 1."""
    values: dict[str, tuple[Any, ...]] = {
        "size_mb": sizes_of(options)[:1],
        "concurrency": concurrency_of(options) if options.get("concurrency") else (1,),
        "growing": tuple(Growing),
    }
    before_s, after_s = LASTS_S[variant]
    return tuple(
        ScaleOutCase(variant, **axes, before_s=before_s, after_s=after_s)
        for axes in spanned(ScaleOutCase, values)
    )
