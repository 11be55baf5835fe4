"""The pytest plugin: options, markers, which cases run, verdicts and the table at the end. Wiring only."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path

import pytest
from _pytest._code.code import ReprFileLocation, TerminalRepr
from _pytest._io import TerminalWriter

from fixtures.clips import cache_folder
from fixtures.deployment import missing_for_aws
from fixtures.errors import NotLoopbackError
from fixtures.loopback import require_local_shell
from perf.errors import CaseFailure, UsageError
from perf.judge.slos import SloBook, load_slos
from perf.matrix import Case, Variant, cases
from perf.options import Options, add_options, read_options
from perf.report.table import render_table
from perf.report.web_table import render_web_table
from perf.run import CaseResult
from perf.web_matrix import WebCase, web_cases
from perf.web_run import WebResult

MARKERS = {
    Variant.MOCKED: "on this machine with stand-in clips; runs where no -m says otherwise",
    Variant.LOCAL: "on this machine with clips of the real size",
    Variant.AWS: "against the deployment that the environment names",
}

OPTIONS = pytest.StashKey[Options]()
BOOK = pytest.StashKey[SloBook]()
ROWS = pytest.StashKey[list[CaseResult]]()
WEB_ROWS = pytest.StashKey[list[WebResult]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, read the options."""
    for variant, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{variant}: {meaning}")
    config.addinivalue_line("markers", "bench: a benchmark of the suite's own code; runs with -m bench")
    config.stash[ROWS] = []
    config.stash[WEB_ROWS] = []
    try:
        config.stash[OPTIONS] = read_options(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `case` or `web_case` runs once for each such case of each variant."""
    options = metafunc.config.stash[OPTIONS]
    spanned: dict[str, Callable[[Variant], Iterable[Case | WebCase]]] = {
        "case": lambda variant: cases(variant, options.axes),
        "web_case": lambda variant: web_cases(variant, options.web),
    }
    for name in spanned.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(
            name,
            [
                pytest.param(case, id=case.id, marks=getattr(pytest.mark, variant))
                for variant in Variant
                for case in spanned[name](variant)
            ],
        )


@pytest.hookimpl(trylast=True)  # after -m and -k have chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the mocked cases where nothing was chosen; hold the SLOs of the chosen against their metrics."""
    if not config.option.markexpr and not any("[" in arg for arg in config.args):
        others = [item for item in items if not _runs_unasked(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    chosen = [case for case in map(case_of, items) if case]
    if not chosen:
        return
    try:
        config.stash[BOOK] = load_slos(config.stash[OPTIONS].slos)
        for case in chosen:
            config.stash[BOOK].for_case(case)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse what cannot run, before any load."""
    if session.config.option.collectonly:
        return
    variants = {case.variant for case in map(case_of, session.items) if case}
    if Variant.AWS in variants and (
        missing := missing_for_aws(shell_of(session.config), terminal=sys.stdin.isatty())
    ):
        raise pytest.UsageError(missing)
    if variants - {Variant.AWS}:
        try:
            require_local_shell(os.environ)
        except NotLoopbackError as error:
            raise pytest.UsageError(str(error)) from error


class VerdictText(TerminalRepr):
    """A verdict in pytest's report of a failure: its own lines, where a traceback would only hide them."""

    def __init__(self, item: pytest.Item, verdict: CaseFailure) -> None:
        self.text = str(verdict)
        path, line, _ = item.location
        self.reprcrash = ReprFileLocation(path, line or 0, self.text.splitlines()[0])

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write the lines."""
        tw.line(self.text, red=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A verdict that is not PASS is reported in its own words."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, CaseFailure):
        report.longrepr = VerdictText(item, call.excinfo.value)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(ids: list[str]) -> None:
    """Measured cases do not run in parallel: they would measure each other."""
    if any(f"[{variant}-" in test for variant in Variant for test in ids):
        pytest.exit("measured cases run one at a time: leave out -n, or give -n0", returncode=4)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say what will run, and where its results go."""
    count = sum(1 for item in items if case_of(item))
    options = config.stash[OPTIONS]
    return [f"perf: {count} measured case(s), results in {options.results}"] if count else []


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, object] | None:
    """INVALID is not FAILED: it has a letter and a word of its own.

    It stays in pytest's category of failures, whose reasons are printed at the end.
    """
    if report.when == "call" and dict(report.user_properties).get("verdict") == "INVALID":
        return "failed", "I", ("INVALID", {"purple": True})
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A row for each case."""
    rows, web_rows = config.stash[ROWS], config.stash[WEB_ROWS]
    if rows or web_rows:
        terminalreporter.section("performance cases")
        tables = [
            *([render_web_table(web_rows)] if web_rows else []),
            *([render_table(rows)] if rows else []),
        ]
        for line in itertools.chain.from_iterable(tables):
            terminalreporter.write_line(line)
        for report in terminalreporter.getreports("invalid"):
            terminalreporter.write_line(f"{report.nodeid}", bold=True)
            terminalreporter.write_line(report.longreprtext, purple=True)
        results = config.stash[OPTIONS].results
        terminalreporter.write_line(f"results: {results}; their report: python -m perf report {results}")
    if config.getoption("perf_report"):
        _report(terminalreporter, config.stash[OPTIONS].results)


def _report(terminalreporter: pytest.TerminalReporter, results: Path) -> None:
    from perf.report.regenerate import make_report  # noqa: PLC0415 - matplotlib takes a second to import

    try:
        made = make_report(results, cache_folder(), say=terminalreporter.write_line)
    except UsageError as error:
        terminalreporter.write_line(f"no report: {error}", red=True)
        return
    for line in made.lines():
        terminalreporter.write_line(line)


def _runs_unasked(item: pytest.Item) -> bool:
    case = case_of(item)
    return item.get_closest_marker("bench") is None and (case is None or case.variant is Variant.MOCKED)


def case_of(item: pytest.Item) -> Case | WebCase | None:
    """The measured case that a test is, if it is one."""
    callspec = getattr(item, "callspec", None)
    found = (callspec.params.get("case") or callspec.params.get("web_case")) if callspec else None
    return found if isinstance(found, Case | WebCase) else None


def shell_of(config: pytest.Config) -> Mapping[str, str]:
    """The environment; --api-url goes before its PERF_API_URL."""
    url = config.stash[OPTIONS].api_url
    return {**os.environ, "PERF_API_URL": url} if url else os.environ
