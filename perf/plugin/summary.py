"""Verdicts in pytest's own words, and the tables at the end. Wiring only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from _pytest._code.code import ReprFileLocation, TerminalRepr
from _pytest._io import TerminalWriter

from perf.cases.errors import PerfError, UsageError
from perf.deploy.cache import cache_folder
from perf.judge.verdict import VerdictKind
from perf.plugin.comparing import update_lines
from perf.plugin.ending import CUT_SHORT
from perf.plugin.options import STASHED
from perf.plugin.running import RESULTS
from perf.plugin.slots import SESSION
from perf.plugin.terminal import width_of
from perf.report.aligned import folded
from perf.report.baseline_table import baseline_table
from perf.report.making import report_maker
from perf.report.reasons import reasons
from perf.report.tables import conclusions, table
from perf.store.result import Result
from perf.store.secrets import without_secrets

COLOURS = {"PASS": "green", "FAIL": "red", "INVALID": "purple"}
#: The exit status where every test that failed is an INVALID case; pytest's own end at 6.
ONLY_INVALID = 10
_VERDICT = re.compile(rf"\b({'|'.join(COLOURS)})\b")


class OneLine(TerminalRepr):
    """A verdict or an error in pytest's report of a failure: its own lines, without a traceback."""

    def __init__(self, item: pytest.Item, error: PerfError) -> None:
        self.text = str(error)
        self._terminal = item.config.get_terminal_writer()
        self._width = width_of(item.config)
        path, line, _ = item.location
        self.reprcrash = ReprFileLocation(path, line or 0, self.text.splitlines()[0])

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write the lines; they are broken where the terminal ends, and nowhere else."""
        width = self._width if tw is self._terminal else None
        for line in folded(self.text.splitlines(), width):
            tw.line(line, red=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A verdict that is not PASS, or an error of the suite, is reported in its own words."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, PerfError):
        report.longrepr = OneLine(item, call.excinfo.value)
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, object] | None:
    """INVALID is not FAILED: it has a letter and a word of its own.

    It stays in pytest's category of failures, whose reasons are printed at the end.
    """
    if report.when == "call" and dict(report.user_properties).get("verdict") == "INVALID":
        return "failed", "I", ("INVALID", {COLOURS["INVALID"]: True})
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run in which nothing broke, but not all could be trusted, ends with a status of its own.

    One that was ended in the middle of a case is interrupted, also where -x would have it a failure.
    """
    if CUT_SHORT in session.config.stash:
        session.exitstatus = pytest.ExitCode.INTERRUPTED
        return
    kinds = Counter(result.verdict.kind for result in session.config.stash[RESULTS])
    failed = session.testsfailed if exitstatus == pytest.ExitCode.TESTS_FAILED else 0
    if failed and failed == kinds[VerdictKind.INVALID]:
        session.exitstatus = ONLY_INVALID


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A table for each kind, how many of each verdict, and what the cases say together."""
    options, results = config.stash[STASHED], config.stash[RESULTS]
    if results:
        terminalreporter.section("performance cases")
        writer, width = config.get_terminal_writer(), width_of(config)
        lines = [*_lines(results, options.results, width), *baseline_table(results, width)]
        for line in folded([*lines, *update_lines(config)], width):
            terminalreporter.write_line(_coloured(writer, line))
    if config.getoption("perf_report"):
        _report(terminalreporter, config)


def _coloured(writer: TerminalWriter, line: str) -> str:
    """The verdicts in it in colour, where the terminal has any."""
    return _VERDICT.sub(lambda word: writer.markup(word[0], **{COLOURS[word[0]]: True}), line)


def _lines(results: Sequence[Result], folder: Path, width: int | None) -> list[str]:
    kinds = sorted({result.case.kind for result in results})
    counts = Counter(str(result.verdict.kind) for result in results)
    by_kind = {kind: [result for result in results if result.case.kind == kind] for kind in kinds}
    return [
        *(line for some in by_kind.values() for line in table(some, width)),
        *reasons(results),
        *_slots(results),
        f"results: {folder}; their report: python -m perf report {folder}",
        "verdicts: " + ", ".join(f"{counts[kind]} {kind}" for kind in VerdictKind),
        *(line for some in by_kind.values() for line in conclusions(some)),
    ]


def _slots(results: Sequence[Result]) -> list[str]:
    """How many cases each of several deployments measured."""
    counts = Counter(result.slot for result in results if result.slot)
    if not counts:
        return []
    told = ", ".join(f"{count} on {slot}" for slot, count in sorted(counts.items()))
    return [f"slots: {told}; what is said of several cases together holds as far as slots are alike"]


def _report(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    options = config.stash[STASHED]
    try:
        made = report_maker()(
            options.results,
            cache_folder(),
            kinds=options.kinds,
            kept=options.history,
            say=terminalreporter.write_line,
        )
    except UsageError as error:
        terminalreporter.write_line(without_secrets(f"no report: {error}"), red=True)
        session = config.stash[SESSION]
        if session.exitstatus == pytest.ExitCode.OK:  # it was asked for
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return
    for line in folded(made.lines(), width_of(config)):
        terminalreporter.write_line(line)
