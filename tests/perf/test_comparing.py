"""--baseline, --update-baseline and --history in a run, and the run in the words of other tools."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from perf.report.annotations import github_lines
from perf.report.open_metrics import open_metrics
from perf.run.kinds import KINDS
from perf.run.worker import WORKER
from perf.store.runs import read_run
from tests.perf.inner import INI
from tests.perf.results import result
from tests.perf.sample_run import write_run

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
KIND = Path(__file__).with_name("steered_kind.py").read_text()
PLAN = """\
from perf.judge.verdict import raise_unless_pass


def test_it(steered, run_case):
    raise_unless_pass(run_case(steered).verdict)
"""
SLOS = '[all.steered]\nslos = [\n    "yield_ >= 0.3",\n]\n'
ONE, TWO = "mocked-l1", "mocked-l2"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose cases give what steer.json says."""
    for name in ("DATABASE_URL", "PGHOSTADDR", "GITHUB_ACTIONS", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makefile(".ini", pytest=INI)
    pytester.makefile(".toml", slos=SLOS)
    pytester.makeconftest(KIND)
    pytester.makepyfile(test_plan=PLAN)
    return pytester


def run(suite: pytest.Pytester, *options: str, **told: object) -> pytest.RunResult:
    """A run whose cases give this, its results in the one folder ``here``."""
    steered = {key.removeprefix("l"): value for key, value in told.items()}
    (suite.path / "steer.json").write_text(json.dumps(steered))
    here = suite.path / "here"
    for old in list(here.glob("2*")):  # a run is named by the second it began in
        old.rename(here / f"1999-01-01T00-00-{len(list(here.glob('1999*'))):02d}Z")
    return suite.runpytest_inprocess("--slos=slos.toml", "--results=here", *options)


def document(suite: pytest.Pytester, case: str = ONE) -> dict:
    folder = max((suite.path / "here").glob("*"))
    return json.loads((folder / f"case_{case}.json").read_text())


def accept(suite: pytest.Pytester, times: int, **told: object) -> None:
    for _ in range(times):
        run(suite, "--baseline=b.toml", "--update-baseline", **told).assert_outcomes(passed=2)


def test_a_case_that_got_worse_fails_alone_with_ratio_and_interval(suite: pytest.Pytester) -> None:
    accept(suite, 3)
    found = run(suite, "--baseline=b.toml", l1=[0.6, 0.01])
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.re_match_lines(
        [
            r"FAIL baseline: yield_ 0\.8 before, 0\.6 now: worse, 1\.33 times \(between 1\.30 and "
            r"1\.37; above 1 is worse\) \(b\.toml:5, 3 runs\)",
            r"case +metric +before +now +times worse +low +high +runs +baseline",
            rf"{ONE} +yield_ +0\.8 +0\.6 +1\.33 +1\.30 +1\.37 +3 +worse",
            rf"{TWO} +yield_ +0\.8 +0\.8 +1 .* 3 +same",
            r"against the baseline: 1 worse, 1 same",
        ]
    )
    verdict = document(suite)["verdict"]
    assert verdict["kind"] == "FAIL"
    assert verdict["against"]["outcome"] == "worse"
    assert verdict["against"]["comparisons"][0]["ratio"] == pytest.approx(0.8 / 0.6)


@pytest.mark.parametrize(
    ("invalid", "first", "ended"),
    [([], 0.8, 0), ([1], 0.8, 10), ([1, 2], 0.8, 10), ([2], 0.1, 1), ([], 0.1, 1)],
)
def test_where_only_invalid_cases_failed_the_run_has_an_exit_status_of_its_own(
    suite: pytest.Pytester, invalid: list[int], first: float, ended: int
) -> None:
    assert run(suite, l1=[first, 0.01], invalid=invalid).ret == ended


def test_a_baseline_that_is_missing_is_shown_everywhere_and_is_no_silent_pass(suite: pytest.Pytester) -> None:
    accept(suite, 1)
    text = (suite.path / "b.toml").read_text()
    (suite.path / "b.toml").write_text(text.partition(f'["{TWO}"]')[0])
    found = run(suite, "--baseline=b.toml", recipe="fast")
    found.assert_outcomes(passed=2)
    found.stdout.fnmatch_lines(
        [
            f"{ONE}: baseline missing: that of b.toml:5 is of another recipe: 'plain', now 'fast'",
            f"{TWO}: baseline missing: there is none of this case: accept it with --update-baseline",
            "against the baseline: 2 missing",
        ]
    )
    assert document(suite, TWO)["verdict"]["against"]["outcome"] == "missing"


def test_a_wide_interval_is_undecided_which_is_shown_and_does_not_fail(suite: pytest.Pytester) -> None:
    accept(suite, 3)
    found = run(suite, "--baseline=b.toml", l1=[0.7, 0.15])
    found.assert_outcomes(passed=2)
    found.stdout.fnmatch_lines([f"{ONE} *undecided", "against the baseline: 1 undecided, 1 same"])


def test_the_file_shows_a_person_what_changed(suite: pytest.Pytester) -> None:
    accept(suite, 2)
    before = (suite.path / "b.toml").read_text()
    found = run(suite, "--baseline=b.toml", "--update-baseline", l1=[0.5, 0.01], invalid=[])
    found.assert_outcomes(passed=2)  # it is what was asked for: worse is shown, and accepted
    found.stdout.fnmatch_lines(
        [
            f"{ONE} *worse",
            "baseline b.toml: look at what changed, and commit it",
            f"  {ONE}: replaced: yield_ 0.8 -> 0.5 (-38 %)",
            f"  {TWO}: run 3 beside 2: yield_ 0.8 -> 0.8 (+0 %)",
        ]
    )
    after = (suite.path / "b.toml").read_text()
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert [line for line in added if not line.startswith("last")] == [
        "runs = 1",
        "yield_ = { value = 0.5, low = 0.49, high = 0.51 }",
        "runs = 3",
    ]
    found = run(suite, "--baseline=b.toml", "--update-baseline", "-k", "l1", l1=[0.2, 0.01])
    found.assert_outcomes(failed=1, deselected=5)
    found.stdout.fnmatch_lines([f"  {ONE}: not accepted: it is FAIL"])
    assert (suite.path / "b.toml").read_text() == after


def test_what_is_invalid_is_neither_compared_nor_accepted(suite: pytest.Pytester) -> None:
    accept(suite, 1)
    before = (suite.path / "b.toml").read_text()
    found = run(suite, "--baseline=b.toml", "--update-baseline", invalid=[1, 2])
    found.assert_outcomes(failed=2)
    found.stdout.fnmatch_lines(
        [f"{ONE}: baseline missing: nothing to hold against it: the measurement is INVALID"]
    )
    assert (suite.path / "b.toml").read_text() == before


def test_earlier_results_are_a_baseline_as_they_are(suite: pytest.Pytester) -> None:
    for _ in range(3):
        run(suite)
    found = run(suite, "--baseline=here", l2=[0.7, 0.01])
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines([f"{TWO} *  3  worse", "against the baseline: 1 worse, 1 same"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--baseline=absent.toml"], "there is no such file; make it with --update-baseline"),
        (["--update-baseline"], "which one? Name its file by --baseline FILE"),
        (["--baseline=.", "--update-baseline"], "is a folder of results; name a file to write"),
        (["--baseline=."], "no results in it"),
        (["--baseline=slos.toml"], "slos.toml:1: 'all' has no runs"),
        (["--history=."], "--history .: cannot add to it"),
        (["--baseline=pytest.ini/b.toml", "--update-baseline"], "cannot write it"),
    ],
)
def test_nonsense_ends_in_one_line_before_anything_runs(
    options: list[str], said: str, suite: pytest.Pytester
) -> None:
    found = run(suite, *options)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in found.errlines if line]
    assert line.startswith("ERROR: ")
    assert said in line
    found.stdout.no_fnmatch_line("*passed*")


def test_the_history_is_added_to_as_cases_end(suite: pytest.Pytester) -> None:
    for _ in range(2):
        run(suite, "--history=kept/h.jsonl").assert_outcomes(passed=2)
    lines = [json.loads(line) for line in (suite.path / "kept" / "h.jsonl").read_text().splitlines()]
    assert [line["case"] for line in lines] == [ONE, TWO] * 2
    assert lines[0]["estimates"]["yield_"] == {
        "value": 0.8, "interval": {"low": 0.79, "high": 0.81}, "unit": "ratio", "better": "higher"
    }  # fmt: skip
    assert lines[0]["alike"] == {"level": "1", "recipe": "plain"}


def test_junit_has_the_ratios_with_their_intervals(suite: pytest.Pytester) -> None:
    accept(suite, 1)
    run(suite, "--junitxml=junit.xml", "--baseline=b.toml")
    case = next(ElementTree.parse(suite.path / "junit.xml").getroot().iter("testcase"))
    found = [(each.get("name"), each.get("value")) for each in case.iter("property")]
    assert found == [
        ("yield_", "0.8"),
        ("yield__low", "0.79"),
        ("yield__high", "0.81"),
        ("lag_s", "0.5"),
        ("baseline", "undecided"),
        ("verdict", "PASS"),
    ]


def test_the_metrics_of_a_run_are_open_metrics(suite: pytest.Pytester) -> None:
    run(suite)
    text = (max((suite.path / "here").glob("*")) / "metrics.txt").read_text()
    assert text.splitlines()[:4] == [
        "# TYPE perf_lag_seconds gauge",
        "# UNIT perf_lag_seconds seconds",
        "# HELP perf_lag_seconds how late",
        f'perf_lag_seconds{{case="{ONE}",kind="steered",variant="mocked"}} 0.5',
    ]
    assert f'perf_yield__low_ratio{{case="{TWO}",kind="steered",variant="mocked"}} 0.79' in text
    assert f'perf_verdict{{case="{ONE}",kind="steered",variant="mocked",perf_verdict="PASS"}} 1' in text
    assert f'perf_verdict{{case="{ONE}",kind="steered",variant="mocked",perf_verdict="FAIL"}} 0' in text
    assert text.endswith("\n# EOF\n")


def test_every_line_of_the_metrics_is_one_of_the_grammar() -> None:
    text = open_metrics([(WORKER, result())])
    sample = r'[a-z_][a-z0-9_]*\{(?:[a-z_]+="[^"\n]*",?)+\} -?\d+(?:\.\d+)?(?:e-?\d+)?'
    described = r"# (?:TYPE [a-z0-9_]+ (?:gauge|stateset)|UNIT [a-z0-9_]+ [a-z_]+|HELP [a-z0-9_]+ .+|EOF)"
    assert [line for line in text.splitlines() if not re.fullmatch(f"{sample}|{described}", line)] == []
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    assert {"perf_efficiency_ratio", "perf_throughput_per_minute", "perf_response_p95_seconds"} <= set(
        families
    )
    for line in (line.split() for line in text.splitlines() if line.startswith("# UNIT")):
        assert line[2].endswith(f"_{line[3]}")
    assert open_metrics([]) == "# EOF\n"


def test_github_is_told_the_line_of_the_slo_and_of_the_baseline(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(suite, 3)
    quiet = run(suite, "--baseline=b.toml", l1=[0.2, 0.01])
    quiet.stdout.no_fnmatch_line("::error*")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(suite.path))
    found = run(suite, "--baseline=b.toml", l1=[0.2, 0.01], l2=[0.6, 0.01])
    found.stdout.re_match_lines(
        [
            rf"::error file=slos\.toml,line=3,title={ONE} FAIL::FAIL yield_ >= 0\.3: measured 0\.2 .*",
            rf"::error file=b\.toml,line=5,title={ONE} worse::yield_ 0\.8 before, 0\.2 now: worse,.*",
            rf"::error file=b\.toml,line=1\d,title={TWO} worse::yield_ 0\.8 before, 0\.6 now: worse,.*",
        ]
    )
    found = run(suite, "--baseline=b.toml", invalid=[1, 2])
    found.stdout.fnmatch_lines([f"::error title={ONE} INVALID::the clocks disagree; look at them"])


def test_an_annotation_is_one_line_whatever_its_text(tmp_path: Path) -> None:
    (case,) = [case for case in read_run(write_run(tmp_path), KINDS).cases if case.outcome == "INVALID"]
    assert case.result is not None
    (line,) = github_lines([case.result], tmp_path)
    assert line.startswith(
        f"::error title={case.id} INVALID::other load: processes kept 1.13 of 2 processors"
    )
    assert "(allowed: 0.25)" in line


def test_pytest_benchmark_s_tools_read_a_run(suite: pytest.Pytester) -> None:
    run(suite, "--benchmark-json=one.json", "--benchmark-quiet").assert_outcomes(passed=2)
    run(suite, "--benchmark-json=two.json").stdout.fnmatch_lines(["*benchmark 'Steered': 2 tests*"])
    found = json.loads((suite.path / "one.json").read_text())
    first = found["benchmarks"][0]
    assert first["fullname"] == f"test_plan.py::test_it[{ONE}]"
    assert first["stats"]["data"] == [0.25, 0.5, 0.75]
    assert (first["stats"]["rounds"], first["stats"]["median"]) == (3, 0.5)
    assert first["params"] == {"level": "1"}
    assert first["extra_info"]["verdict"] == "PASS"
    assert first["extra_info"]["yield_"] == "0.8"
    done = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", "one.json", "two.json", "--csv=c.csv"],
        cwd=suite.path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len((suite.path / "c.csv").read_text().splitlines()) == 5


def test_pytest_benchmark_sees_nothing_unasked_and_nothing_invalid(suite: pytest.Pytester) -> None:
    run(suite).stdout.no_fnmatch_line("*benchmark '*")
    found = run(suite, "--benchmark-json=one.json", "-W", "ignore", invalid=[1, 2])
    found.assert_outcomes(failed=2)
    assert not (suite.path / "one.json").exists() or not json.loads(
        (suite.path / "one.json").read_text() or "{}"
    )
