"""When a run ends because its deployment does not hold: its further cases would break as the last one did."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from perf.deploy.errors import FixtureError, FleetError
from perf.deploy.faults import first_line
from perf.pipeline import Deployment, Weight
from perf.store.secrets import without_secrets

#: So many cases in a row that a part of the deployment was not to be had for.
MOST_IN_A_ROW = 2
#: So many failures of the fleet, in a row or not: each may have cost its whole deadline.
MOST_OF_FLEET = 2


class Trouble:
    """What went wrong with a deployment elsewhere.

    Args:
        end: ends the run with a line.
    """

    def __init__(self, end: Callable[[str], NoReturn] = lambda text: pytest.exit(text, returncode=1)) -> None:
        self._end = end
        self._in_a_row = 0
        self._of_fleet = 0

    def met(self, deployment: Deployment, error: BaseException) -> None:
        """A case broke: end the run where the deployment is not what it was, or breaks case after case."""
        if deployment.is_here:
            return
        self._in_a_row += isinstance(error, FixtureError)
        self._of_fleet += isinstance(error, FleetError)
        ill = [f"{each.part}: {each.text}" for each in deployment.look() if each.weight is Weight.WRONG]
        if ill or self._in_a_row >= MOST_IN_A_ROW or self._of_fleet >= MOST_OF_FLEET:
            said = "\n  ".join([f"the deployment broke: {first_line(error)}", *ill])
            self._end(without_secrets(said))

    def is_over(self) -> None:
        """A case came to its verdict."""
        self._in_a_row = 0
