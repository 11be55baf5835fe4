"""What Allure shows of the case that runs now, for pytest's --alluredir; without it this does nothing.

The same view of the case as in `python -m perf report`, which needs no --alluredir.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import allure

from perf.report.allure_results import labels, links
from perf.report.html import verdict_html
from perf.report.pictures import pictures_of
from perf.store.documents import read_case
from perf.store.history import read_history
from perf.store.result import StoredKind
from perf.store.runs import files_of

_TYPES = {
    ".csv": allure.attachment_type.CSV,
    ".html": allure.attachment_type.HTML,
    ".json": allure.attachment_type.JSON,
    ".log": allure.attachment_type.TEXT,
}


def attach(folder: Path, case_id: str, kinds: Sequence[StoredKind]) -> None:
    """Title, labels, verdict, pictures and artifacts of a case whose files have been written."""
    case = read_case(folder / f"case_{case_id}.json", kinds)
    allure.dynamic.title(case.title)
    for name, value in labels(case):
        if name not in ("host", "framework", "parentSuite", "suite"):  # the pytest plugin's own
            allure.dynamic.label(name, value)
    for name, url in links(case, os.environ):
        allure.dynamic.link(url, name=name)
    for name, value in case.parameters.items():
        allure.dynamic.parameter(name, value)
    # These differ from run to run: they must not be part of the case's identity in the history.
    for name, value in case.circumstances.items():
        allure.dynamic.parameter(name, value, excluded=True)
    verdict = verdict_html(case, read_history(folder).get(case.id, ()))
    allure.dynamic.description_html(verdict)
    allure.attach(verdict, name=f"verdict: {case.outcome}", attachment_type=allure.attachment_type.HTML)
    for picture in pictures_of(case):
        allure.attach(picture.svg, name=picture.title, attachment_type=allure.attachment_type.SVG)
    for path in files_of(folder, case_id):
        allure.attach.file(str(path), name=path.name, attachment_type=_TYPES[path.suffix])
