"""A deployment that can be struck, as a fault case sees it; for any pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from perf.breakable import Fate, Hit
from perf.deploy.deployment import Deployment
from perf.deploy.strikes.strike import Strike


@dataclass
class Breakable:
    """See perf.breakable.Breakable.

    Attributes:
        deployment: what is struck.
        strikes: how, by the fault (perf.cases.faults).
        fates_of: what became of each of these tasks beside what its row says; removes their dead letters.
        missing: why a fault cannot be brought about, by the fault.
    """

    deployment: Deployment
    strikes: Mapping[str, Strike]
    fates_of: Callable[[Sequence[str]], Mapping[str, Fate]]
    missing: Mapping[str, str] = field(default_factory=dict)
    _last: str = field(default="", init=False)

    def lacks(self, fault: str) -> str:
        """See perf.breakable.Breakable."""
        unknown = f"its adapter brings about {', '.join(self.strikes)} alone"
        return self.missing.get(fault, "" if fault in self.strikes else unknown)

    def strike(self, fault: str) -> None:
        """See perf.breakable.Breakable."""
        self._last = fault
        self.strikes[fault].begin()

    def relieve(self, fault: str) -> None:
        """See perf.breakable.Breakable."""
        self.strikes[fault].end()

    def hits(self) -> Sequence[Hit]:
        """See perf.breakable.Breakable."""
        return self.strikes[self._last].hits if self._last else ()

    def how(self, fault: str) -> str:
        """See perf.breakable.Breakable."""
        return self.strikes[fault].how

    def fates(self, task_ids: Sequence[str]) -> Mapping[str, Fate]:
        """See perf.breakable.Breakable."""
        return self.fates_of(task_ids)
