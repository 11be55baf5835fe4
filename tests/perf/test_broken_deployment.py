"""What breaks under a case is one line without a secret; a deployment that does not hold ends the run."""

from __future__ import annotations

import runpy
import traceback
from pathlib import Path

import pytest

from perf.cases.errors import HarnessError
from perf.deploy.deployment import Deployment
from perf.deploy.errors import FixtureError, FleetError
from perf.pipeline import Finding, Fleet, Weight
from perf.plugin.one_line import one_line
from perf.plugin.trouble import Trouble
from tests.fixtures.simulated import RecordingControl, SimulatedPipeline, simulated_deployment, workers_of

SECRET = "planted-Secret1"
AWAY = Finding("database", "nobody answers", Weight.WRONG)


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{SECRET}@h/x")
    return simulated_deployment(RecordingControl(SimulatedPipeline(workers_of(Fleet(1, 1)))))


def raised(error: Exception, trace: Path | None = None) -> HarnessError:
    """What becomes of an error that came from another."""
    try:
        with one_line(trace):
            raise error from RuntimeError(SECRET)
    except HarnessError as found:
        return found


@pytest.mark.usefixtures("deployment")
def test_an_error_of_ours_keeps_its_words_and_loses_secrets_and_causes() -> None:
    error = raised(FixtureError(f"tried this: {SECRET}"))
    assert (type(error), str(error)) == (FixtureError, "tried this: ***")
    assert "RuntimeError" not in "".join(traceback.format_exception(error))


@pytest.mark.usefixtures("deployment")
def test_a_defect_is_one_line_too_and_its_traceback_a_file(tmp_path: Path) -> None:
    error = raised(KeyError(SECRET), tmp_path / "trace.txt")
    assert str(error) == f"the suite broke: KeyError: '***'; its traceback: {tmp_path / 'trace.txt'}"
    written = (tmp_path / "trace.txt").read_text()
    assert "Traceback (most recent call last):" in written
    assert SECRET not in written
    assert str(raised(ValueError("first\nsecond"))) == "the suite broke: ValueError: first"


def test_what_breaks_in_an_adapter_names_it(tmp_path: Path) -> None:
    source = "def rows(ids):\n    return json.loads('{')\n"
    (tmp_path / "adapter.py").write_text(f"import json\n\n{source}")
    adapter = runpy.run_path(str(tmp_path / "adapter.py"))
    told = r"^rows\(\) in adapter.py, line 4, broke: JSONDecodeError: "
    with pytest.raises(HarnessError, match=told), one_line(None):
        adapter["rows"]([])


def ends(trouble: Trouble, deployment: Deployment, error: Exception) -> str:
    """What the run ends with; empty where it goes on."""
    try:
        trouble.met(deployment, error)
    except pytest.exit.Exception as exit_:
        return str(exit_)
    return ""


def test_a_deployment_that_is_not_what_it_was_ends_the_run(deployment: Deployment) -> None:
    deployment.doctor = lambda: [Finding("queue", "q"), AWAY]
    said = ends(Trouble(), deployment, HarnessError(f"no row {SECRET}\n[SQL: insert"))
    assert said == "the deployment broke: no row ***\n  database: nobody answers"


def test_one_that_breaks_two_cases_in_a_row_ends_it_too(deployment: Deployment) -> None:
    trouble, error = Trouble(), FixtureError("the command ended with 1")
    assert not ends(trouble, deployment, error)
    trouble.is_over()
    assert not ends(trouble, deployment, error)
    assert not ends(trouble, deployment, HarnessError("no knee was found"))  # of the case alone
    assert ends(trouble, deployment, error) == "the deployment broke: the command ended with 1"


def test_a_fleet_that_fails_twice_ends_it_whatever_was_between(deployment: Deployment) -> None:
    trouble, error = Trouble(), FleetError("no capacity")
    assert not ends(trouble, deployment, error)
    trouble.is_over()
    assert ends(trouble, deployment, error) == "the deployment broke: no capacity"


def test_on_this_machine_each_case_has_its_own(deployment: Deployment) -> None:
    trouble, deployment.is_here, deployment.doctor = Trouble(), True, lambda: [AWAY]
    assert not any(ends(trouble, deployment, FixtureError("x")) for _ in range(3))
