"""A person sets the fleet; the suite goes on when the workers report it, no key is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from perf.deploy.fleets.outside import OutsideFleet
from perf.pipeline import Finding, Fleet, Pipeline


class AskedFleet(OutsideFleet):
    """See perf.deploy.fleet.KeptControl."""

    name = "ask"
    description = "a person at the terminal"

    def __init__(self, say: Callable[[str], None], pipeline: Pipeline) -> None:
        super().__init__(pipeline)
        self._say = say

    def scale(self, fleet: Fleet) -> None:
        """Say what is wanted."""
        if fleet.total:
            self._say(f"restart the workers as {fleet}: together {fleet.total} task(s) at a time")
        else:
            self._say("end all workers")

    def look(self) -> Iterator[Finding]:
        """There is nothing to look at."""
        yield from ()
