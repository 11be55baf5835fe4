"""How xdist hands out the cases of a run on several slots: a cell is one piece of work. Imports xdist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class CellScheduling(LoadScopeScheduling):
    """The cases of a cell go to one process, in their order.

    A sustained case's rate is a share of the capacity that the burst of its cell measured, and what a web
    case sends a share of the knee: on another deployment they would be shares of something else.

    Args:
        config: of the run.
        log: xdist's.
        cells: the cell of each test that is a case, by its node id.
    """

    def __init__(self, config: pytest.Config, log: Any, cells: Mapping[str, str]) -> None:
        super().__init__(config, log)
        self._cells = cells

    def _split_scope(self, nodeid: str) -> str:
        """What goes together with this test."""
        return self._cells.get(nodeid, nodeid)
