"""What the controls have in common whose fleet is set from outside: by a command, or by a person."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from perf.deploy.fleet import State, fleet_of
from perf.pipeline import Fleet, Pipeline


class OutsideFleet:
    """See perf.deploy.fleet.KeptControl, which needs `scale` and `look` beside this.

    Args:
        pipeline: where the workers report.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def found(self) -> Fleet:
        """See FleetControl."""
        return fleet_of(self._pipeline.workers())

    def state(self) -> State:
        """See KeptControl."""
        return numbers(self.found())

    def scale(self, fleet: Fleet) -> None:
        """See FleetControl."""
        raise NotImplementedError

    def put_back(self, state: State) -> None:
        """See KeptControl."""
        self.scale(Fleet(**state))

    def hold(self) -> None:
        """Nothing takes workers away that this could keep from it."""

    def by_itself(self) -> AbstractContextManager[None]:
        """See KeptControl: what else may scale it was never kept from doing so."""
        return nullcontext()

    def stop(self) -> None:
        """Nothing was started here that is not the user's own."""


def numbers(fleet: Fleet) -> State:
    """A fleet as a state."""
    return {"nodes": fleet.nodes, "per_node": fleet.per_node}
