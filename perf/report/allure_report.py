"""What Allure shows of a case. Without --alluredir all of this does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import allure

from perf.judge.verdict import Verdict
from perf.load.completion import Progress
from perf.report.progress import LiveLine
from perf.report.table import verdict_table
from perf.run import CaseResult
from perf.web_run import WebResult

_TYPES = {
    ".csv": allure.attachment_type.CSV,
    ".html": allure.attachment_type.HTML,
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

    def note(self, text: str) -> None:
        """What the phase has come to, in words of its own."""
        self._line.note(text)

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
    _attach_files(result.verdict, files)


def attach_web(result: WebResult, files: Mapping[str, Path]) -> None:
    """The same of a case of the web tier."""
    case = result.case
    allure.dynamic.title(f"Web tier: {case.mode.removeprefix('web-')} ({case.variant})")
    allure.dynamic.epic("Video pipeline")
    allure.dynamic.feature("Scenario 1: web capacity")
    allure.dynamic.story(str(case.mode))
    allure.dynamic.parameter("load", result.facts["load_source"], excluded=True)
    allure.dynamic.parameter("clip", result.facts["clip"]["is"], excluded=True)
    _attach_files(result.verdict, files)


def _attach_files(verdict: Verdict, files: Mapping[str, Path]) -> None:
    table = "\n".join(verdict_table(verdict))
    allure.attach(table, name=f"verdict: {verdict.kind}", attachment_type=allure.attachment_type.TEXT)
    for name, path in files.items():
        allure.attach.file(str(path), name=name, attachment_type=_TYPES[path.suffix])
