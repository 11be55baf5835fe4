"""The pytest fixtures by which a case of any kind runs. Wiring only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from perf.cases.case import Case, Variant
from perf.cases.errors import HarnessError
from perf.deploy.errors import CandidateError
from perf.deploy.faults import reported
from perf.deploy.pricing import price_of_node
from perf.deploy.wishes import Wishes
from perf.deploy.workdir import temporary_folder
from perf.measure.numbers import number
from perf.observe.cloudwatch import CloudObserver
from perf.observe.environment import describe_machine
from perf.observe.observer import observing
from perf.pipeline import Deployment
from perf.plugin.benchmark import add_benchmark
from perf.plugin.collection import BOOK, case_of, kind_of, shell_of
from perf.plugin.comparing import beside_baseline, keep
from perf.plugin.ending import cut_short, ended_by
from perf.plugin.one_line import one_line
from perf.plugin.options import STASHED
from perf.plugin.properties import properties
from perf.plugin.slot import end_run, slot_of
from perf.plugin.terminal import is_terminal, line_writer, screen
from perf.plugin.trouble import Trouble
from perf.report.live import CaseProgress, ProgressFile
from perf.report.progress import LiveLine, QuietLine
from perf.run.ceiling import Ceiling, CeilingError
from perf.run.cloud import with_cloud
from perf.run.context import Context, References
from perf.run.kind import Kind
from perf.store.folder import RunFolder
from perf.store.result import Result
from perf.store.secrets import without_secrets

#: What the cases of this run gave, in the order they ran.
RESULTS = pytest.StashKey[list[Result]]()


def pytest_configure(config: pytest.Config) -> None:
    """No results yet."""
    config.stash[RESULTS] = []


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest) -> RunFolder:
    """Where this run's artifacts go."""
    return RunFolder.create(request.config.stash[STASHED].results, describe_machine())


@pytest.fixture(scope="session")
def progress_file(request: pytest.FixtureRequest, run_folder: RunFolder) -> Iterator[ProgressFile]:
    """What `python -m perf watch` reads."""
    own = slot_of(request.config)
    total = sum(1 for item in request.session.items if case_of(item))
    file = ProgressFile(run_folder.path, total, own.name if own else "")
    yield file
    file.run_ends()


@pytest.fixture(scope="session")
def deployments(request: pytest.FixtureRequest) -> Iterator[Callable[[Variant], Deployment]]:
    """The deployment of a variant, opened when its first case runs and closed when another's does."""
    config = request.config
    with ExitStack() as stack:
        opened: dict[Variant, Deployment] = {}

        def deployment(variant: Variant) -> Deployment:
            if variant not in opened:
                stack.close()
                opened.clear()
                try:
                    folder = stack.enter_context(temporary_folder("servers"))
                    opened[variant] = stack.enter_context(_found(config, variant, folder))
                except HarnessError as error:  # no case of the variant could run
                    end_run(request.session, f"no {variant} deployment: {error}")
            return opened[variant]

        yield deployment
        try:
            with one_line(None):
                stack.close()
        except HarnessError as error:
            ended = request.session.exitstatus
            if ended == pytest.ExitCode.OK:
                raise  # told with the last test
            pytest.exit(str(error), returncode=int(ended))  # no test is left to tell it with


def _found(config: pytest.Config, variant: Variant, folder: Path) -> AbstractContextManager[Deployment]:
    """Where the cases of a variant run, by whoever's hook answers.

    Raises:
        HarnessError: nobody's does.
    """
    options = config.stash[STASHED]
    wishes = Wishes(line_writer(config), is_terminal(config), options.workers_deadline_s, options.clip)
    found: AbstractContextManager[Deployment] | None = config.hook.pytest_perf_deployment(
        config=config, variant=str(variant), shell=shell_of(config), folder=folder, wishes=wishes
    )
    if found is None:
        raise HarnessError("no conftest.py says where its cases run: see pytest_perf_deployment in the docs")
    return found


@pytest.fixture(scope="session")
def references() -> References:
    """What the run has measured so far and later cases build on."""
    return References()


@pytest.fixture(scope="session")
def ceiling(request: pytest.FixtureRequest) -> Ceiling:
    """What the run may take at most."""
    options = request.config.stash[STASHED]
    return Ceiling(options.max_s, options.max_usd)


@pytest.fixture(scope="session")
def trouble(request: pytest.FixtureRequest) -> Trouble:
    """What went wrong with the deployment so far."""
    return Trouble(partial(end_run, request.session))


@pytest.fixture
def run_case(
    request: pytest.FixtureRequest,
    deployments: Callable[[Variant], Deployment],
    references: References,
    run_folder: RunFolder,
    progress_file: ProgressFile,
    trouble: Trouble,
    ceiling: Ceiling,
) -> Callable[[Case], Result]:
    """Run a case of any kind to its verdict, its artifacts written and attached.

    The test then asserts the verdict.
    """
    session = _Session(deployments, references, run_folder, progress_file, trouble, ceiling)

    def run(case: Case) -> Result:
        try:
            return measured_and_kept(case)
        except KeyboardInterrupt as error:
            raise cut_short(request.session, case.id, error, progress_file.left) from None

    def measured_and_kept(case: Case) -> Result:
        result = session.measured(request.session, case)
        with one_line(None):
            try:
                return _kept(request, run_folder, result)
            except Exception as error:  # what cannot be written down, or a full disk
                kind = kind_of(request.config, case)
                run_folder.write_broken(kind, case, error, result.phases)
                if isinstance(error, HarnessError):
                    raise HarnessError(f"{_measured(kind, result)}, and not kept: {error}") from error
                raise

    return run


@dataclass(frozen=True)
class _Session:
    """What the cases of a run share."""

    deployments: Callable[[Variant], Deployment]
    references: References
    run_folder: RunFolder
    progress_file: ProgressFile
    trouble: Trouble
    ceiling: Ceiling

    def measured(self, session: pytest.Session, case: Case) -> Result:
        """A case to its verdict; what breaks it is written down, and may end the run."""
        config = session.config
        kind = kind_of(config, case)
        self.progress_file.case_begins(case.id)
        progress = CaseProgress(_line(config, case.id), self.progress_file, _step(config))
        with one_line(self.run_folder.path / f"broken_{case.id}.txt"):
            deployment: Deployment | None = None
            self._begin(session, kind, case)
            self.ceiling.begin(price_of_node(shell_of(config)) if case.variant is Variant.AWS else None)
            try:
                self.ceiling.check()
                deployment = self.deployments(case.variant)
                cloud = CloudObserver(deployment.monitor, config.stash[STASHED].cloud_wait_s, progress.note)
                with reported("run the case"), observing(cloud):
                    result: Result = kind.run(case, self._context(config, deployment, progress))
                if deployment.monitor is not None:
                    with progress.phase("CloudWatch"):
                        result = with_cloud(result, cloud.seen)
            except KeyboardInterrupt as error:
                phase = f" in its phase {progress.phases[-1].name}" if progress.phases else ""
                why = f"{ended_by(error)}{phase}"
                self.run_folder.write_broken(kind, case, HarnessError(f"the run was {why}"), progress.phases)
                raise KeyboardInterrupt(why) from None
            except BaseException as error:
                self.run_folder.write_broken(kind, case, error, progress.phases)
                if isinstance(error, (CeilingError, CandidateError)):
                    end_run(session, f"{case.id}: {error}")
                if deployment is not None:
                    self.trouble.met(deployment, error)
                raise
        self.trouble.is_over()
        return replace(result, phases=progress.phases)

    def _begin(self, session: pytest.Session, kind: Kind[Any, Any], case: Case) -> None:
        try:
            self.run_folder.begin(kind, case)
        except HarnessError as error:  # what is measured could not be kept
            end_run(session, f"{case.id} was not begun: {error}")

    def _context(self, config: pytest.Config, deployment: Deployment, progress: CaseProgress) -> Context:
        options = config.stash[STASHED]
        return Context(
            deployment,
            config.stash[BOOK],
            self.run_folder.path,
            progress,
            self.references,
            options.drain_deadline_s,
            options.tolerances,
            self.ceiling,
        )


def _measured(kind: Kind[Any, Any], result: Result) -> str:
    """What a case came to, in a line: its verdict and its headlines."""
    found = ((name, result.summary.value(name)) for name in kind.headlines)
    figures = ", ".join(f"{name} {number(value)}" for name, value in found if value is not None)
    verdict = "; ".join(result.verdict.message().splitlines())
    return f"{result.case.id} was measured ({figures}: {verdict})"


def _kept(request: pytest.FixtureRequest, run_folder: RunFolder, result: Result) -> Result:
    """The result beside its baseline, written down and handed to whoever wants it."""
    config = request.config
    kind = kind_of(config, result.case)
    result = beside_baseline(config, kind, result)
    if own := slot_of(config):
        run_folder.write_own(kind, replace(result, slot=own.name))
    else:
        run_folder.write(kind, result)
        take_up(request.node, kind, result, run_folder)
    request.node.user_properties.extend(properties(kind, result))
    _tell(request, run_folder, result)
    return result


def take_up(item: pytest.Item, kind: Kind[Any, Any], result: Result, run_folder: RunFolder) -> None:
    """Add a case to what the run makes of all: tables, history, baseline and benchmarks."""
    config = item.config
    config.stash[RESULTS].append(result)
    keep(config, kind, result, run_folder)
    add_benchmark(item, kind, result)


def _tell(request: pytest.FixtureRequest, run_folder: RunFolder, result: Result) -> None:
    """Pass a verdict on to pytest and, where it is asked for, to Allure."""
    request.node.user_properties.append(("verdict", str(result.verdict.kind)))
    if request.config.getoption("allure_report_dir", None):
        from perf.report import allure_report  # noqa: PLC0415 - it imports matplotlib, which takes a second

        allure_report.attach(run_folder.path, result.case.id, request.config.stash[STASHED].kinds)


def _step(config: pytest.Config) -> Callable[[str], AbstractContextManager[object]]:
    """What makes a phase a step of Allure's report, where that is asked for."""
    if not config.getoption("allure_report_dir", None):
        return nullcontext
    return _allure_step


@contextmanager
def _allure_step(name: str) -> Iterator[None]:
    """A step of Allure's report, which is told of an error neither its secrets nor where it came from."""
    import allure  # noqa: PLC0415 - only where it is there

    step, told = allure.step(name), None
    step.__enter__()  # type: ignore[no-untyped-call]
    try:
        yield
    except BaseException as error:
        told = HarnessError(without_secrets(f"{type(error).__name__}: {error}"))
        raise
    finally:
        step.__exit__(type(told) if told else None, told, None)  # type: ignore[no-untyped-call]


def _line(config: pytest.Config, name: str) -> LiveLine | QuietLine:
    """A live line on a terminal, a line per phase in a log."""
    if is_terminal(config):
        return LiveLine(screen(config), name)
    return QuietLine(line_writer(config), name)
