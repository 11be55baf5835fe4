"""The pictures of a case: which functions draw those of a kind."""

from __future__ import annotations

from collections.abc import Callable

from perf.report import cloud_plots, fault_plots, plots, scale_out_plots, search_plots, web_plots
from perf.report.drawing import Picture
from perf.run.faults import FaultResult
from perf.run.scale_out import ScaleOutResult
from perf.run.search import SearchResult
from perf.run.web import WebResult
from perf.run.worker_result import WorkerResult
from perf.store.documents import StoredCase

#: Makes the pictures of a case.
Renderer = Callable[[StoredCase], list[Picture]]


def pictures_of(case: StoredCase) -> list[Picture]:
    """Those that the case has data for; none of a kind that draws nothing."""
    seen = case.result.cloud if case.result is not None else None
    return [*_of_kind(case), *cloud_plots.pictures(seen)]


def _of_kind(case: StoredCase) -> list[Picture]:
    match case.result:
        case WorkerResult() as result:
            return plots.pictures(result)
        case WebResult() as result:
            return web_plots.pictures(result)
        case SearchResult() as result:
            return search_plots.pictures(result)
        case FaultResult() as result:
            return fault_plots.pictures(result)
        case ScaleOutResult() as result:
            return scale_out_plots.pictures(result)
    return []


class Drawn:
    """The same, drawn once: it takes a while, and several reports show them."""

    def __init__(self) -> None:
        self._drawn: dict[str, list[Picture]] = {}

    def __call__(self, case: StoredCase) -> list[Picture]:
        """The pictures of a case."""
        if case.id not in self._drawn:
            self._drawn[case.id] = pictures_of(case)
        return self._drawn[case.id]
