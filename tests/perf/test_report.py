"""Reports from artifacts alone: again, elsewhere, without Allure, of damaged files; never with a secret."""

from __future__ import annotations

import base64
import re
import shutil

import pytest

from perf.cases.case import Variant
from perf.cases.errors import HarnessError, UsageError
from perf.cases.worker import Mode, WorkerCase
from perf.deploy.cache import cache_folder
from perf.report import allure_html, regenerate
from perf.report.allure_html import NoAllureError
from perf.report.allure_results import executor
from perf.report.changes import since
from perf.report.markdown import mermaid
from perf.report.regenerate import make_report
from perf.run.kinds import KINDS
from perf.run.worker import WORKER
from perf.store.folder import RunFolder
from perf.store.history import read_history
from perf.store.runs import find_run, read_run
from tests.perf.sample_run import MACHINE, write_run

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjEXAMPLE",
    "API_TOKEN": "tok-4711-planted",
    "DATABASE_URL": "postgresql+psycopg2://perf:pl4nted-pw@127.0.0.1/videos",
}


@pytest.fixture
def no_allure(monkeypatch):
    def refuse(*_):
        raise NoAllureError("there is no Node")

    monkeypatch.setattr(regenerate, "single_file", refuse)


def quietly(folder, tmp_path, output=None):
    return make_report(folder, tmp_path / "cache", output, kinds=KINDS, say=lambda _: None)


@pytest.mark.usefixtures("no_allure")
def test_the_plain_summary_is_made_where_allure_cannot_be_and_says_why(tmp_path):
    made = quietly(write_run(tmp_path / "results"), tmp_path)
    assert made.allure is None
    assert made.best == made.html
    assert "Allure&#x27;s report could not be made: there is no Node" in made.html.read_text()


@pytest.mark.usefixtures("no_allure")
def test_a_report_made_elsewhere_of_the_artifacts_alone_is_the_same(tmp_path):
    folder = write_run(tmp_path / "results")
    first = quietly(folder, tmp_path)
    there = tmp_path / "elsewhere" / folder.name
    shutil.copytree(folder, there, ignore=shutil.ignore_patterns("report"))
    again = quietly(there, tmp_path)
    assert again.html.read_text() == first.html.read_text()
    assert again.markdown.read_text() == first.markdown.read_text()
    fixed = ("environment.properties", "categories.json", "executor.json")
    for name in fixed:
        paths = (each / "report" / "allure-results" / name for each in (folder, there))
        assert len({path.read_text() for path in paths}) == 1


@pytest.mark.usefixtures("no_allure")
def test_a_file_that_cannot_be_read_is_told_and_ends_nothing(tmp_path):
    folder = write_run(tmp_path / "results")
    (folder / "case_mocked-50MB-c1-burst.json").write_text('{"format": 99')
    assert (
        "case_mocked-50MB-c1-burst.json: not JSON, or cut short" in quietly(folder, tmp_path).html.read_text()
    )


def test_nothing_to_report_is_one_clear_line(tmp_path):
    with pytest.raises(UsageError, match="no results in it"):
        find_run(tmp_path)


def test_since_when_a_case_does_not_pass(tmp_path):
    folders = [write_run(tmp_path, back, full=False) for back in (4, 3, 2, 1, 0)]
    cases = {case.id: case for case in read_run(folders[-1], KINDS).cases}
    history = read_history(folders[-1])
    slow, new = cases["mocked-50MB-c2-burst"], cases["mocked-100MB-c4-sustained"]
    assert since(slow, history[slow.id]) == (
        "for 3 runs, since 2026-11-23T08-00-00Z (0000000002); "
        "it last passed in 2026-11-23T07-00-00Z (0000000003)"
    )
    assert since(new, history[new.id]).startswith("new: it passed in the run before, 2026-11-23T09-00-00Z")
    assert since(cases["mocked-50MB-c1-burst"], history["mocked-50MB-c1-burst"]) == ""


@pytest.mark.usefixtures("no_allure")
def test_a_ci_job_page_gets_the_summary_with_a_picture_it_draws_itself(tmp_path, monkeypatch):
    page = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    folder = write_run(tmp_path / "results")
    quietly(folder, tmp_path)
    text = page.read_text()
    assert "## ✗ Performance: 1 FAIL, 1 BROKEN, 1 INVALID, 11 PASS of 14 cases" in text
    assert mermaid(read_run(folder, KINDS)) in text
    assert 'x-axis ["50MB-c1", "50MB-c2"' in text


def test_the_executor_is_the_ci_job():
    environ = {"GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://ci", "GITHUB_REPOSITORY": "a/b"}
    assert executor(environ, "r")["buildUrl"] == "https://ci/a/b/actions/runs/7"
    assert executor({}, "r")["type"] == "local"


def test_no_secret_is_in_any_file(tmp_path, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    folder = write_run(tmp_path / "results")
    case = WorkerCase(Variant.MOCKED, 300, 1, Mode.BURST, 1)
    of_machine = RunFolder(folder, MACHINE | {"host": SECRETS["API_TOKEN"]})
    of_machine.write_broken(WORKER, case, HarnessError(f"everything: {SECRETS}"), [])
    try:
        allure_html.find_node()
        made = make_report(folder, cache_folder(), kinds=KINDS, say=lambda _: None)
    except NoAllureError:
        made = quietly(folder, tmp_path)
    hidden = [*list(SECRETS.values())[:4], "pl4nted-pw"]
    searched = 0
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            data += b"".join(decoded(chunk) for chunk in re.findall(rb"[A-Za-z0-9+/]{60,}={0,2}", data))
            searched += 1
            assert not [secret for secret in hidden if secret.encode() in data], path
    assert searched > 60
    assert made.html.read_text().count("***") > 3


def decoded(chunk: bytes) -> bytes:
    """What Allure's single file holds of attachments."""
    return base64.b64decode(chunk[: len(chunk) // 4 * 4])
