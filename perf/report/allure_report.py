"""What Allure shows of a case. Without --alluredir all of this does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import allure

from perf.load.completion import Progress
from perf.report.progress import LiveLine
from perf.report.table import verdict_table
from perf.run import CaseResult

_TYPES = {
    ".csv": allure.attachment_type.CSV,
    ".json": allure.attachment_type.JSON,
    ".log": allure.attachment_type.TEXT,
}


class Steps:
    """Makes each phase of a case a step of the report, and passes all on to the live line."""

    def __init__(self, line: LiveLine) -> None:
        self._line = line

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase begins, and ends with the block."""
        with allure.step(name), self._line.phase(name):
            yield

    def show(self, progress: Progress) -> None:
        """How far the tasks are."""
        self._line.show(progress)


def attach(result: CaseResult, files: Mapping[str, Path]) -> None:
    """Title, labels, the verdict's table and the artifacts of the case that runs now."""
    case = result.case
    allure.dynamic.title(f"{case.size_mb} MB, concurrency {case.concurrency}, {case.mode} ({case.variant})")
    allure.dynamic.epic("Video pipeline")
    allure.dynamic.feature("Scenario 2: worker throughput")
    allure.dynamic.story(case.cell)
    allure.dynamic.parameter("tasks", case.count)
    # Measured, so it differs from run to run: it must not be part of the case's identity in the history.
    allure.dynamic.parameter("rate", result.facts["rate_source"], excluded=True)
    allure.dynamic.parameter("clip", result.facts["clip"]["is"], excluded=True)
    table = "\n".join(verdict_table(result.verdict))
    allure.attach(table, name=f"verdict: {result.verdict.kind}", attachment_type=allure.attachment_type.TEXT)
    for name, path in files.items():
        allure.attach.file(str(path), name=name, attachment_type=_TYPES[path.suffix])
