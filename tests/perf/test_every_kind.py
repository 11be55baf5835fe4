"""What is refused before any load, chosen by markers and counted: the same for every kind of case."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from perf.cases.defaults import SLOS
from perf.cases.faults import Fault
from tests.perf.inner import INI

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
#: Whoever gets as far as a deployment leaves a trace.
TRAP = """
from pathlib import Path

def pytest_perf_deployment():
    Path("asked").touch()
    raise AssertionError("a deployment was asked for")
"""
#: The plan's file of each kind, and what chooses its aws cases.
PLANS = {
    "worker": ("test_worker_throughput.py", "aws"),
    "web": ("test_web_capacity.py", "aws"),
    "search": ("test_worker_capacity.py", "aws and search"),
    "against": ("test_worker_against.py", ""),  # none of them is on aws
    "faults": ("test_worker_faults.py", ""),  # nor of these
    "autoscaling": ("test_worker_autoscaling.py", "aws and autoscaling"),
}
#: What brings the cases of a kind about, where they are not there unasked.
ASKED = {"against": ("--against-package=kombu==5.6.2",)}
AWS = ("DATABASE_URL", "AWS_REGION", "AWS_S3_BUCKET", "SQS_QUEUE_NAME", "PERF_API_URL")
every_kind = pytest.mark.parametrize("kind", PLANS)
on_aws = pytest.mark.parametrize("kind", [kind for kind, (_, aws) in PLANS.items() if aws])


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The plan itself in a project of its own, in a shell that names no deployment."""
    for name in [name for name in os.environ if name in AWS or name.startswith("PERF_")]:
        monkeypatch.delenv(name)
    pytester.makefile(".ini", pytest=INI)
    pytester.makeconftest(TRAP)
    for path in (ROOT / "perf").glob("test_*.py"):
        shutil.copy(path, pytester.path)
    return pytester


def refused(suite: pytest.Pytester, *options: str) -> list[str]:
    """The lines on standard error of a run that is refused before anything is begun."""
    result = suite.runpytest_inprocess("--results=here", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR == 4
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*passed*")
    assert not (suite.path / "asked").exists()
    assert not (suite.path / "here").exists()
    return [line for line in result.errlines if line]


def test_every_plan_is_of_a_kind() -> None:
    assert {path.name for path in (ROOT / "perf").glob("test_*.py")} == {plan for plan, _ in PLANS.values()}


@every_kind
@pytest.mark.parametrize(
    ("right", "wrong", "hint"),
    [
        ('"failed == 0"', '"faild == 0"', "unknown metric 'faild'; did you mean 'failed'?"),
        ('"error_ratio <= 0.01"', '"error_ratoi <= 0.01"', "did you mean 'error_ratio'?"),
        ("[mocked.sustained]", "[mocked.sustianed]", "did you mean 'sustained'?"),
        ("[all.web-knee]", "[al.web-knee]", "unknown variant 'al'; did you mean 'all'?"),
    ],
)
def test_a_typo_in_the_slos_is_refused_whatever_kind_runs(
    right: str, wrong: str, hint: str, kind: str, suite: pytest.Pytester
) -> None:
    text = SLOS.read_text()
    assert right in text
    suite.makefile(".toml", slos=text.replace(right, wrong, 1))
    (line,) = refused(suite, PLANS[kind][0], *ASKED.get(kind, ()), "--slos=slos.toml")
    number = text[: text.index(right)].count("\n") + 1
    assert line.startswith(f"ERROR: slos.toml:{number}: ")
    assert hint in line


@pytest.mark.parametrize(
    ("kind", "only", "said"),
    [
        ("worker", "web", "slos.toml: no SLO for mocked-50MB-c1-burst"),
        ("web", "worker", "slos.toml: no SLO for mocked-web-smoke"),
        ("search", "web", "slos.toml: no SLO for mocked-50MB-c1-sustained"),
        ("against", "worker", "slos.toml: no SLO for mocked-50MB-c1-against"),
        ("faults", "worker", "slos.toml: no SLO for mocked-50MB-c2-s3-503"),
    ],
)
def test_a_case_without_an_slo_is_refused(kind: str, only: str, said: str, suite: pytest.Pytester) -> None:
    suite.makefile(
        ".toml",
        slos=f'[all.{only}]\nslos = ["{"lost == 0" if only == "worker" else "error_ratio <= 0.5"}"]\n',
    )
    (line,) = refused(suite, PLANS[kind][0], *ASKED.get(kind, ()), "--slos=slos.toml")
    assert said in line


@on_aws
def test_what_an_aws_run_lacks_is_named(kind: str, suite: pytest.Pytester) -> None:
    plan, expression = PLANS[kind]
    lines = refused(suite, plan, "-m", expression)
    assert lines[0] == "ERROR: the aws cases need these variables:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == [*AWS, "PERF_WORKER_COMMAND"]


@every_kind
def test_a_database_elsewhere_is_refused(
    kind: str, suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:planted@db.example.com/x")
    (line,) = refused(suite, PLANS[kind][0], *ASKED.get(kind, ()))
    assert line.startswith("ERROR: DATABASE_URL would reach db.example.com")
    assert "planted" not in line


def chosen(suite: pytest.Pytester, *options: str) -> dict[str, list[str]]:
    """The ids of the cases that are chosen, by their plan."""
    result = suite.runpytest_inprocess("--collect-only", "-q", *options)
    found: dict[str, list[str]] = {}
    for line in result.outlines:
        if "[" in line:
            found.setdefault(line.partition("::")[0], []).append(line.partition("[")[2].rstrip("]"))
    return found


SEARCH, WORKER, WEB = "test_worker_capacity.py", "test_worker_throughput.py", "test_web_capacity.py"
COMPARED, OTHER = "test_worker_against.py", ASKED["against"][0]
FAULTS = "test_worker_faults.py"
ALL = len(Fault)


@pytest.mark.parametrize(
    ("options", "plans", "variant"),
    [
        ((), {WORKER: 12, WEB: 5}, "mocked"),
        (("-m", "mocked"), {WORKER: 12, WEB: 5}, "mocked"),
        (("-m", "aws"), {WORKER: 12, WEB: 5}, "aws"),
        (("-m", "search"), {SEARCH: 6}, "mocked"),
        (("-m", "local and search"), {SEARCH: 6}, "local"),
        (("-m", "aws and search"), {SEARCH: 6}, "aws"),
        (("-m", "not search"), {WORKER: 12, WEB: 5}, "mocked"),
        (("-k", "sustainable"), {}, ""),
        ((SEARCH,), {SEARCH: 6}, "mocked"),
        ((SEARCH, "-m", "aws"), {SEARCH: 6}, "aws"),
        ((f"{SEARCH}::test_sustainable_rate", "-m", "aws"), {SEARCH: 6}, "aws"),
        ((SEARCH, WORKER), {WORKER: 12, SEARCH: 6}, "mocked"),
        ((f"{SEARCH}::test_sustainable_rate[aws-50MB-c2]",), {SEARCH: 1}, "aws"),
        # What an expression names is asked for; what it merely lets through is not.
        (("-m", "search or mocked"), {WORKER: 12, WEB: 5, SEARCH: 6}, "mocked"),
        (("-m", "not aws"), {WORKER: 12, WEB: 5}, "mocked"),
        (("-m", "not mocked"), {}, ""),
        (("-m", "aws and not search"), {WORKER: 12, WEB: 5}, "aws"),
        (("-m", "not (mocked or local)"), {}, ""),
        # A run that compares two sides does nothing else, and starts no workers elsewhere.
        ((OTHER,), {COMPARED: 6}, "mocked"),
        ((OTHER, "-m", "local"), {COMPARED: 6}, "local"),
        ((OTHER, "-m", "aws"), {}, ""),
        ((COMPARED,), {}, ""),
        # Faults come by their marker, their file or their names; these do without the marker.
        (("-m", "faults"), {FAULTS: ALL}, "mocked"),
        (("-m", "local and faults"), {FAULTS: ALL}, "local"),
        (("-m", "aws and faults"), {}, ""),
        ((FAULTS,), {FAULTS: ALL}, "mocked"),
        (("-m", "faults", "--faults=s3-away,disk-full"), {FAULTS: 2}, "mocked"),
        (("--faults=s3-away", "--sizes=50", "--concurrency=1"), {WORKER: 2, WEB: 5, FAULTS: 1}, "mocked"),
        # An id asks for its own case, whatever else stands beside it.
        ((f"{WORKER}::test_worker_throughput[mocked-50MB-c1-burst]", WEB), {WORKER: 1, WEB: 5}, "mocked"),
        (
            (f"{WORKER}::test_worker_throughput[mocked-50MB-c1-burst]", SEARCH),
            {WORKER: 1, SEARCH: 6},
            "mocked",
        ),
    ],
)
def test_which_cases_are_chosen(
    options: tuple[str, ...], plans: dict[str, int], variant: str, suite: pytest.Pytester
) -> None:
    found = chosen(suite, *options)
    assert {plan: len(ids) for plan, ids in found.items()} == plans
    assert all(name.startswith(f"{variant}-") for ids in found.values() for name in ids)


COUNTED = """
def test_worker(case, progress_file):
    progress_file.case_begins(case.id)

def test_web(web_case, progress_file):
    progress_file.case_begins(web_case.id)

def test_search(cell, progress_file):
    progress_file.case_begins(cell.id)

def test_against(comparison, progress_file):
    progress_file.case_begins(comparison.id)

def test_faults(fault_case, progress_file):
    progress_file.case_begins(fault_case.id)

def test_none():
    pass
"""


def test_the_header_and_the_progress_count_the_cases_of_all_kinds(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_counted=COUNTED)
    options = ("--results=here", "--sizes=50", "--concurrency=1")
    result = suite.runpytest_inprocess("test_counted.py", *options)
    result.assert_outcomes(passed=2 + 5 + 1 + ALL + 1, deselected=2 * (2 + 5 + 1) + ALL + 1)
    cases = 2 + 5 + 1 + ALL
    result.stdout.re_match_lines([rf"perf: {cases} measured case\(s\), results in .*/here/\d{{4}}-.*Z"])
    (path,) = (suite.path / "here").glob("*/progress.json")
    state = json.loads(path.read_text())
    assert (state["place"], state["ended"]) == (f"{cases}/{cases}", True)
