"""The pytest side of what several cases say together, and of the sustainable-rate search. Wiring only.

Such a search is long, so it runs only where it is named: ``pytest perf/ -k sustainable``.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable

import pytest

from fixtures.deployment import Deployment
from perf.errors import InvalidMeasurement, UsageError
from perf.judge.slos import load_slos
from perf.judge.verdict import Kind
from perf.matrix import Case, Mode, Variant
from perf.options import seconds
from perf.plugin import OPTIONS, ROWS, WEB_ROWS
from perf.report.artifacts import RunFolder, replace
from perf.report.progress import LiveLine
from perf.report.scaling_lines import scaling_lines
from perf.run import Measured, Runner
from perf.sustainable import COUNT, Sustainable, find_sustainable

FOUND = pytest.StashKey[list[Sustainable]]()
BUDGET = pytest.StashKey[float | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --budget."""
    meaning = "seconds that the search for a sustainable rate may take (mocked 40, local 1800, aws 3600)"
    parser.getgroup("perf").addoption("--budget", dest="perf_budget", metavar="SECONDS", help=meaning)
    parser.addini("perf_budget", meaning, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Read --budget."""
    config.stash[FOUND] = []
    given = config.getoption("perf_budget")
    try:
        config.stash[BUDGET] = seconds("--budget", config.getini("perf_budget") if given is None else given)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `cell` runs once for each size and concurrency of each variant."""
    if "cell" not in metafunc.fixturenames:
        return
    axes = metafunc.config.stash[OPTIONS].axes
    metafunc.parametrize(
        "cell",
        [
            pytest.param(
                Case(variant, size_mb, concurrency, Mode.SUSTAINED, axes.count or COUNT[variant]),
                id=f"{variant}-{size_mb}MB-c{concurrency}",
                marks=getattr(pytest.mark, variant),
            )
            for variant in Variant
            for concurrency in axes.concurrency
            for size_mb in axes.sizes_mb
        ],
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the searches that were not named, and those of other variants where no -m names one."""
    named = "sustainable" in config.option.keyword or any(
        "test_worker_capacity" in arg for arg in config.args
    )
    kept = [item for item in items if (cell := _cell(item)) is None or (named and _wanted(config, cell))]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _wanted(config: pytest.Config, cell: Case) -> bool:
    chosen = bool(config.option.markexpr) or any("[" in arg for arg in config.args)
    return chosen or cell.variant is Variant.MOCKED


def _cell(item: pytest.Item) -> Case | None:
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("cell") if callspec else None
    return found if isinstance(found, Case) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How many of each verdict, what the levels of concurrency say together, and the rates found."""
    rows = config.stash[ROWS]
    verdicts = [row.verdict for row in rows] + [row.verdict for row in config.stash[WEB_ROWS]]
    if verdicts:
        counts = Counter(str(verdict.kind) for verdict in verdicts)
        terminalreporter.write_line("verdicts: " + ", ".join(f"{counts[kind]} {kind}" for kind in Kind))
    lines = itertools.chain(scaling_lines(rows), *(found.lines() for found in config.stash[FOUND]))
    for line in lines:
        terminalreporter.write_line(line)


@pytest.fixture
def find_rate(
    request: pytest.FixtureRequest,
    deployments: Callable[[Variant], Deployment],
    measured: Measured,
    run_folder: RunFolder,
) -> Callable[[Case], Sustainable]:
    """Find a cell's sustainable rate, its trials written to ``capacity_<cell>.json``."""
    config = request.config

    def find(cell: Case) -> Sustainable:
        options = config.stash[OPTIONS]
        runner = Runner(
            deployments(cell.variant),
            load_slos(options.slos),
            run_folder.path,
            LiveLine(lambda _: None, cell.cell),
            measured,
            options.drain_deadline_s,
            options.limits,
        )
        try:
            found = find_sustainable(runner, cell, config.stash[BUDGET])
        except InvalidMeasurement:
            request.node.user_properties.append(("verdict", "INVALID"))
            raise
        path = run_folder.path / f"capacity_{cell.variant}-{cell.cell}.json"
        replace(path, json.dumps(found.document(), indent=1) + "\n")
        config.stash[FOUND].append(found)
        return found

    return find
