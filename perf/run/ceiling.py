"""What a run may take at most: minutes and money. It ends the injection; what was sent is removed as ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from perf.cases.errors import HarnessError
from perf.cases.prices import NodePrice
from perf.measure.numbers import number


class CeilingError(HarnessError):
    """A run has come to its ceiling: it ends, and nothing is wrong with the deployment."""


@dataclass
class Ceiling:
    """The time of a run, and what its nodes have cost so far.

    Attributes:
        max_s: how long it may take; None = as long as it takes.
        max_usd: what its nodes may cost; None = whatever they cost.
        clock: monotonic seconds.
        price: of a node; None where that is not known, or costs nothing.
    """

    max_s: float | None = None
    max_usd: float | None = None
    clock: Callable[[], float] = time.monotonic
    price: NodePrice | None = field(default=None, init=False)
    _began_s: float | None = field(default=None, init=False)
    #: What was spent, until when, and the nodes since. One value, as a thread watches a fleet that grows.
    _spent: tuple[float, float, int] = field(default=(0.0, 0.0, 0), init=False)

    def begin(self, price: NodePrice | None) -> None:
        """A case begins, on nodes of this price."""
        if self._began_s is None:
            self._began_s = self.clock()
        if price != self.price:
            self.nodes(0)
            self.price = price

    def nodes(self, count: int) -> None:
        """From now on there are so many nodes; they cost also while they are idle."""
        self._spent = self.usd, self.clock(), count

    @property
    def usd(self) -> float:
        """What they have cost so far."""
        usd, since_s, nodes = self._spent
        return usd + (self.price.usd(nodes, self.clock() - since_s) if self.price else 0.0)

    def check(self) -> None:
        """See to it that the run may go on.

        Raises:
            CeilingError: it may not.
        """
        took_s = 0.0 if self._began_s is None else self.clock() - self._began_s
        if self.max_s is not None and took_s >= self.max_s:
            raise CeilingError(
                f"the run has taken as long as it may, --max-minutes {number(self.max_s / 60)}, and was "
                "ended; give it more, or fewer cases"
            )
        if self.max_usd is not None and self.usd >= self.max_usd:
            raise CeilingError(
                f"the nodes have cost {number(self.usd)} USD so far, the run may cost --max-cost "
                f"{number(self.max_usd)}, and was ended; give it more, or fewer cases"
            )
