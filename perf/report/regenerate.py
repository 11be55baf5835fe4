"""`python -m perf report RESULTS`: every report of a run, made of its artifacts alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.cases.errors import UsageError
from perf.report import overview
from perf.report.allure_html import NoAllureError, single_file
from perf.report.allure_results import write_history, write_results
from perf.report.drawing import Picture
from perf.report.html import page
from perf.report.markdown import image, mermaid, summary
from perf.report.pictures import Drawn
from perf.run.worker_result import WorkerResult
from perf.store.files import replace
from perf.store.history import Past, read_history
from perf.store.history_file import merged, read_history_file
from perf.store.result import StoredKind
from perf.store.runs import Run, read_run


@dataclass(frozen=True)
class Made:
    """The files of a report.

    Attributes:
        allure: Allure's single HTML file; None where it could not be made.
        why_not: why.
        html: the plain HTML summary.
        markdown: the run summary.
        unread: the files of cases that could not be read, and why.
    """

    allure: Path | None
    why_not: str
    html: Path
    markdown: Path
    unread: tuple[str, ...] = ()

    @property
    def best(self) -> Path:
        """What to open."""
        return self.allure or self.html

    def lines(self) -> list[str]:
        """What to open."""
        lines = [
            f"report: {self.best.resolve()}",
            f"summary: {self.html.resolve()}, {self.markdown.resolve()}",
        ]
        if self.why_not:
            lines.insert(0, f"Allure's report could not be made: {self.why_not}")
        return [*lines, *(f"not in it, since it cannot be read: {text}" for text in self.unread)]


def make_report(
    folder: Path,
    cache: Path,
    output: Path | None = None,
    *,
    kinds: Sequence[StoredKind],
    kept: Path | None = None,
    say: Callable[[str], None] = print,
) -> Made:
    """Make all reports of the run in *folder*, in its folder ``report`` unless *output* says otherwise.

    Earlier runs are those in the folders beside it and, where it is given, in the file of the history *kept*.

    Raises:
        UsageError: there is nothing to report, or the output cannot be written.
    """
    begin_s = time.monotonic()
    output = output or folder / "report"
    run = read_run(folder, kinds)
    draw = Drawn()
    if not run.cases:
        raise UsageError(f"{folder}: no case could be read: {'; '.join(run.unread[:3]) or 'none is there'}")
    with _writing(output):
        output.mkdir(parents=True, exist_ok=True)
    of = f" of {len(run.cases) + len(run.unread)}" if run.unread else ""
    say(f"report of {len(run.cases)}{of} case(s) in {folder} ...")
    history = merged(_before(folder, kept), read_history(folder))
    over_run = overview.pictures([case.result for case in run.cases if isinstance(case.result, WorkerResult)])
    with _writing(output):
        write_results(run, history, over_run, draw, output / "allure-results")
        write_history(output / "history.jsonl", history)
        allure, why_not = _allure(output, cache)
        html = output / "summary.html"
        note = f"Allure's report could not be made: {why_not}" if why_not else ""
        replace(html, page(run, history, over_run, draw, note, os.path.relpath(folder, output)))
        markdown = _markdown(run, history, over_run, output)
    say(f"report made in {time.monotonic() - begin_s:.1f} s")
    return Made(allure, why_not, html, markdown, run.unread)


@contextmanager
def _writing(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {output} ({error.strerror or error}): "
            "make room there, or give `python -m perf report` another --output"
        ) from error


def _before(folder: Path, kept: Path | None) -> dict[str, list[Past]]:
    """What the file of the history says of earlier runs; a first run has none."""
    history = read_history_file(kept) if kept is not None and kept.exists() else {}
    name = folder.resolve().name
    return {case_id: [past for past in pasts if past.run < name] for case_id, pasts in history.items()}


def _allure(output: Path, cache: Path) -> tuple[Path | None, str]:
    """Allure's file; or why there is none."""
    path = output / "index.html"
    try:
        single_file(output / "allure-results", output / "history.jsonl", path, cache)
    except NoAllureError as error:
        path.unlink(missing_ok=True)  # one of an earlier time would tell an earlier story
        return None, str(error)
    return path, ""


def _markdown(
    run: Run, history: Mapping[str, Sequence[Past]], over_run: Sequence[Picture], output: Path
) -> Path:
    """summary.md with a picture beside it; on a CI job's page the same with one that it draws itself."""
    picture = ""
    if over_run:
        (output / "overview.png").write_bytes(over_run[0].png())
        picture = image("overview.png", f"{over_run[0].title}. {over_run[0].description}")
    path = output / "summary.md"
    replace(path, summary(run, history, picture))
    job_page = os.environ.get("GITHUB_STEP_SUMMARY")
    if job_page:
        with Path(job_page).open("a", encoding="utf-8") as file:
            file.write(summary(run, history, mermaid(run)))
    return path
