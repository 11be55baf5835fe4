"""The pytest fixtures by which a case runs: its deployment, its folder, its runner. Wiring only."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from fixtures.deployment import Deployment, local_deployment, remote_deployment
from fixtures.errors import FixtureError
from fixtures.machine_lock import only_measured_run
from fixtures.pipeline import running_servers
from fixtures.workdir import temporary_folder
from perf.environment import describe_machine
from perf.judge.verdict import Verdict
from perf.matrix import Case, Variant
from perf.plugin import BOOK, OPTIONS, ROWS, WEB_ROWS, case_of, shell_of
from perf.report.artifacts import RunFolder, write_broken
from perf.report.live import ProgressFile, Watch
from perf.report.progress import LiveLine, QuietLine
from perf.report.web_artifacts import write_web
from perf.run import CaseResult, Measured, Runner
from perf.web_matrix import WebCase
from perf.web_run import Knee, WebResult, WebRunner


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest) -> RunFolder:
    """Where this run's artifacts go."""
    return RunFolder.create(request.config.stash[OPTIONS].results, describe_machine())


@pytest.fixture(scope="session")
def progress_file(request: pytest.FixtureRequest, run_folder: RunFolder) -> Iterator[ProgressFile]:
    """What `python -m perf watch` reads."""
    file = ProgressFile(run_folder.path, sum(1 for item in request.session.items if case_of(item)))
    yield file
    file.run_ends()


@pytest.fixture(scope="session")
def deployments(request: pytest.FixtureRequest) -> Iterator[Callable[[Variant], Deployment]]:
    """The deployment of a variant, opened when its first case runs and closed when another's does."""
    with ExitStack() as stack:
        opened: dict[Variant, Deployment] = {}

        def deployment(variant: Variant) -> Deployment:
            if variant not in opened:
                stack.close()
                opened.clear()
                try:
                    opened[variant] = stack.enter_context(_deploy(variant, request))
                except FixtureError as error:  # no case of the variant could run
                    pytest.exit(f"no {variant} deployment: {error}", returncode=1)
            return opened[variant]

        yield deployment


@contextmanager
def _deploy(variant: Variant, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    if variant is Variant.AWS:
        shell, terminal = shell_of(request.config), sys.stdin.isatty()
        with remote_deployment(shell, reporter.write_line, terminal=terminal) as deployment:
            yield deployment
        return
    with (
        only_measured_run(),
        temporary_folder("servers") as folder,
        running_servers(os.environ, folder) as servers,
        local_deployment(variant, servers, os.environ, folder) as deployment,
    ):
        yield deployment


@pytest.fixture(scope="session")
def measured() -> Measured:
    """What the run has measured so far and later cases build on."""
    return Measured()


@pytest.fixture
def run_case(
    request: pytest.FixtureRequest,
    deployments: Callable[[Variant], Deployment],
    measured: Measured,
    run_folder: RunFolder,
    progress_file: ProgressFile,
) -> Callable[[Case], CaseResult]:
    """Run a case to its verdict, its artifacts written and attached; the test then asserts the verdict."""
    config = request.config

    def run(case: Case) -> CaseResult:
        with _watched(config, case, run_folder, progress_file) as watcher:
            runner = Runner(
                deployments(case.variant),
                config.stash[BOOK],
                run_folder.path,
                watcher,
                measured,
                config.stash[OPTIONS].drain_deadline_s,
                config.stash[OPTIONS].limits,
            )
            result = runner.run(case)
        result = replace(result, facts={**result.facts, "phases": watcher.phases})
        run_folder.write(result)
        config.stash[ROWS].append(result)
        _tell(request, run_folder, case.id, result.verdict)
        return result

    return run


@pytest.fixture(scope="session")
def knees() -> dict[Variant, Knee]:
    """The knees that the run has found."""
    return {}


@pytest.fixture
def run_web_case(
    request: pytest.FixtureRequest,
    deployments: Callable[[Variant], Deployment],
    knees: dict[Variant, Knee],
    run_folder: RunFolder,
    progress_file: ProgressFile,
) -> Callable[[WebCase], WebResult]:
    """The same as `run_case` for a case of the web tier."""
    config = request.config

    def run(case: WebCase) -> WebResult:
        with _watched(config, case, run_folder, progress_file) as watcher:
            deployment = deployments(case.variant)
            result = WebRunner(deployment, config.stash[BOOK], run_folder.path, watcher, knees).run(case)
        result = replace(result, facts={**result.facts, "phases": watcher.phases})
        write_web(run_folder.path, result, run_folder.machine)
        config.stash[WEB_ROWS].append(result)
        _tell(request, run_folder, case.id, result.verdict)
        return result

    return run


@contextmanager
def _watched(
    config: pytest.Config, case: Case | WebCase, run_folder: RunFolder, progress_file: ProgressFile
) -> Iterator[Watch]:
    """What a case tells while it runs; that it broke is written down where it comes to no verdict."""
    progress_file.case_begins(case.id)
    watcher = Watch(_line(config, case.id), progress_file)
    try:
        yield watcher
    except Exception as error:
        write_broken(run_folder.path, case, error, watcher.phases, run_folder.machine)
        raise


def _tell(request: pytest.FixtureRequest, run_folder: RunFolder, case_id: str, verdict: Verdict) -> None:
    """Pass a verdict on to pytest and, where it is asked for, to Allure."""
    request.node.user_properties.append(("verdict", str(verdict.kind)))
    if request.config.getoption("allure_report_dir", None):
        from perf.report import allure_report  # noqa: PLC0415 - it imports matplotlib, which takes a second

        allure_report.attach(run_folder.path, case_id)


def _line(config: pytest.Config, name: str) -> LiveLine | QuietLine:
    """A live line on a terminal, a line per phase in a log; both past pytest's capture."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write(text, flush=True)

    def write_line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(text)

    return LiveLine(write, name) if reporter.isatty else QuietLine(write_line, name)
