"""The run for other tools: metrics.txt for Prometheus and GitLab, annotations for GitHub. Wiring only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perf.cases.errors import HarnessError
from perf.plugin.collection import case_of, kind_of
from perf.plugin.one_line import one_line
from perf.plugin.options import STASHED
from perf.plugin.running import RESULTS
from perf.report.annotations import github_lines
from perf.report.open_metrics import open_metrics
from perf.store.files import replace
from perf.store.secrets import without_secrets

FILE = "metrics.txt"


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Write the metrics again as each case ends: a later crash loses nothing."""
    if case_of(item):
        with one_line(None):
            write_metrics(item.config)


def write_metrics(config: pytest.Config) -> None:
    """Write those of all cases so far."""
    results = config.stash[RESULTS]
    if results:
        text = open_metrics((kind_of(config, result.case), result) for result in results)
        path = config.stash[STASHED].results / FILE
        try:
            replace(path, text)
        except OSError as error:
            raise HarnessError(f"{path} cannot be written: {error.strerror or error}") from error


@pytest.hookimpl(trylast=True)  # each line must begin at the first column, below everything else
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell GitHub which line broke, where this is one of its jobs."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    terminalreporter.ensure_newline()
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or config.rootpath)
    results = config.stash[RESULTS]
    for line in github_lines(results, workspace):
        terminalreporter.write_line(without_secrets(line))
