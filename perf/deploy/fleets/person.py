"""A person sets the fleet; the suite goes on when the workers report it, no key is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

from perf.deploy.fleet import State, fleet_of
from perf.deploy.fleets.command import numbers
from perf.pipeline import Finding, Fleet, Pipeline


class AskedFleet:
    """See perf.deploy.fleet.KeptControl."""

    name = "ask"
    description = "a person at the terminal"

    def __init__(self, say: Callable[[str], None], pipeline: Pipeline) -> None:
        self._say = say
        self._pipeline = pipeline

    def found(self) -> Fleet:
        """See FleetControl."""
        return fleet_of(self._pipeline.workers())

    def state(self) -> State:
        """See KeptControl."""
        return numbers(self.found())

    def scale(self, fleet: Fleet) -> None:
        """Say what is wanted."""
        if fleet.total:
            self._say(f"restart the workers as {fleet}: together {fleet.total} task(s) at a time")
        else:
            self._say("end all workers")

    def put_back(self, state: State) -> None:
        """See KeptControl."""
        self.scale(Fleet(**state))

    def hold(self) -> None:
        """The person knows."""

    def by_itself(self) -> AbstractContextManager[None]:
        """See KeptControl: what else may scale it was never kept from doing so."""
        return nullcontext()

    def stop(self) -> None:
        """Nothing was started here."""

    def look(self) -> Iterator[Finding]:
        """There is nothing to look at."""
        yield from ()
