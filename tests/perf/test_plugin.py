"""The plugin, by pytest inside pytest: which cases there are, and what ends a run before any load."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.perf.inner import INI, RUN_CASE

pytest_plugins = ["pytester"]

CASE = "def test_worker_throughput(case, seen, run_case):\n    seen.append(case)\n"
SEEN = RUN_CASE + "\n@pytest.fixture(scope='session')\ndef seen():\n    return []\n"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose cases only note that they ran, in a shell that names no deployment."""
    for name in ("DATABASE_URL", "AWS_REGION", "AWS_S3_BUCKET", "SQS_QUEUE_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith("PERF_")]:
        monkeypatch.delenv(name)
    pytester.makefile(".ini", pytest=INI)
    pytester.makepyfile(conftest=SEEN, test_cases=CASE, test_other="def test_plain():\n    pass\n")
    return pytester


def collected(suite: pytest.Pytester, *options: str) -> list[str]:
    result = suite.runpytest_inprocess("--collect-only", "-q", *options)
    return [line.partition("[")[2].rstrip("]") for line in result.outlines if "[" in line]


@pytest.mark.parametrize("variant", ["mocked", "local", "aws"])
def test_each_variant_has_its_twelve(variant: str, suite: pytest.Pytester) -> None:
    ids = collected(suite, "-m", variant)
    assert len(ids) == len(set(ids)) == 12
    assert all(name.startswith(f"{variant}-") for name in ids)
    assert ids[:2] == [f"{variant}-50MB-c1-burst", f"{variant}-50MB-c1-sustained"]
    assert f"{variant}-100MB-c4-sustained" in ids


def test_a_plain_run_has_the_mocked_ones_and_what_is_no_case(suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess("--results=here")
    result.assert_outcomes(passed=13, deselected=24)
    result.stdout.re_match_lines([r"perf: 12 measured case\(s\), results in .*/here/\d{4}-.*Z"])


def test_a_case_named_by_its_id_runs_whatever_its_variant(suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess("test_cases.py::test_worker_throughput[local-50MB-c1-burst]")
    result.assert_outcomes(passed=1)


def test_cases_that_another_plugin_repeats_are_refused_with_the_option_that_was_meant(
    suite: pytest.Pytester,
) -> None:
    repeat = "@pytest.fixture(params=[1, 2], autouse=True)\ndef again(request):\n    return request.param\n"
    suite.makepyfile(conftest=f"{SEEN}\n{repeat}")
    result = suite.runpytest_inprocess("-k", "50MB and c1 and burst")
    (line,) = [line for line in result.errlines if line]
    assert "mocked-50MB-c1-burst would run 2 times" in line
    assert line.endswith("--perf-count")


def test_k_and_m_choose_together(suite: pytest.Pytester) -> None:
    assert collected(suite, "-m", "local", "-k", "50MB and c1 and burst") == ["local-50MB-c1-burst"]


def test_the_ini_file_is_used_and_the_command_line_wins(suite: pytest.Pytester) -> None:
    suite.makefile(".ini", pytest=INI + "perf_sizes = 7\nperf_modes = burst\nperf_concurrency = 3\n")
    assert collected(suite, "-m", "mocked") == ["mocked-7MB-c3-burst"]
    assert collected(suite, "-m", "mocked", "--sizes=8", "--concurrency=1,2") == [
        "mocked-8MB-c1-burst",
        "mocked-8MB-c2-burst",
    ]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--sizes=50x", "--sizes 50x: not a size; expected whole MB, e.g. 50,100"),
        ("--sizes=50,50", "--sizes 50,50: 50 is given more than once"),
        ("--concurrency=0", "--concurrency 0: not a number of worker processes"),
        ("--modes=brust", "--modes brust: unknown mode; did you mean 'burst'?"),
        ("--count=-1", "--count -1: not a whole number above 0"),
        ("--rate=fast", "--rate fast: not a number above 0"),
        ("--utilisation=nan", "--utilisation nan: not a number above 0"),
        ("--deadline=0", "--deadline 0: not a number of seconds above 0; expected e.g. 600"),
        ("--slos=absent.toml", "absent.toml"),
        ("--sizes=99999999999", "--sizes 99999999999: more than 4000; expected whole MB"),
        ("--concurrency=1000", "--concurrency 1000: more than 256 worker processes on this machine"),
        ("--concurrency=99999", "--concurrency 99999: more than 10000"),
        ("--count=1000000000000", "--count 1000000000000: more than 1000000"),
        ("--against=", "--against '': empty, as of a variable of the shell that is not set"),
        ("--baseline= ", "--baseline '': empty"),
    ],
)
def test_nonsense_ends_in_one_line(option: str, said: str, suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert line.startswith("ERROR: ")
    assert said in line
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--sizse=50"], "--sizse: did you mean '--sizes'?"),
        (
            ["test_cases.py::test_worker_throughput[mocked-50MB-c1-brust]"],
            "did you mean 'mocked-50MB-c1-burst'?",
        ),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(argv: list[str], said: str, suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess(*argv)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])


def test_a_choice_that_chooses_nothing_is_answered_with_what_was_meant(suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess("test_cases.py", "-k", "50MB and c1 and brust")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["-k: no case has 'brust' in its id; did you mean 'burst'?"])


def test_objectives_that_contradict_each_other_end_the_run(suite: pytest.Pytester) -> None:
    table = '[mocked.worker]\nslos = ["done >= 20"]\n[mocked.burst]\nslos = ["done < 20"]\n'
    suite.makefile(".toml", slos=table)
    result = suite.runpytest_inprocess("--slos=slos.toml", "--modes=burst")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert "done >= 20 (slos.toml:2) and done < 20 (slos.toml:4) contradict each other" in line


def test_results_that_have_no_place_are_refused_before_any_server_runs(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_cases=CASE.replace("seen", "seen, run_folder", 1))
    result = suite.runpytest_inprocess("--results=pytest.ini")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert "cannot make the folder" in line
    result.stdout.no_fnmatch_line("*passed*")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("efficency >= 0.5", "did you mean 'efficiency'?"),
        ("efficiency => 0.5", ">="),
        ("response_p95_s <= 30 min", "min"),
    ],
)
def test_a_bad_slo_ends_the_run_before_any_case(line: str, said: str, suite: pytest.Pytester) -> None:
    suite.makefile(".toml", slos=f'[mocked.burst]\nslos = [\n    "lost == 0",\n    "{line}",\n]\n')
    result = suite.runpytest_inprocess("--slos=slos.toml", "--modes=burst")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (error,) = [line for line in result.errlines if line]
    assert "slos.toml:4" in error
    assert said in error
    result.stdout.no_fnmatch_line("*passed*")


def test_a_case_without_an_slo_ends_the_run(suite: pytest.Pytester) -> None:
    suite.makefile(".toml", slos='[mocked.burst]\nslos = ["lost == 0"]\n')
    result = suite.runpytest_inprocess("--slos=slos.toml", "--modes=sustained")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_aws_names_all_that_is_missing(suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess("-m", "aws")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: the aws cases need these variables:"])
    names = ["DATABASE_URL", "AWS_REGION", "AWS_S3_BUCKET", "SQS_QUEUE_NAME", "PERF_API_URL"]
    for name in [*names, "PERF_WORKER_COMMAND"]:
        result.stderr.fnmatch_lines([f"  {name}: *"])
    result.stdout.no_fnmatch_line("*passed*")


def test_aws_wants_a_command_with_the_number(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "AWS_REGION", "AWS_S3_BUCKET", "SQS_QUEUE_NAME", "PERF_API_URL"):
        monkeypatch.setenv(name, "given")
    monkeypatch.setenv("PERF_WORKER_COMMAND", "restart-workers")
    result = suite.runpytest_inprocess("-m", "aws")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.errlines if line]
    assert lines[1:] == ["  PERF_WORKER_COMMAND: has neither {concurrency} in it, nor {nodes} and {per_node}"]


@pytest.mark.parametrize("variable", ["DATABASE_URL", "PGHOSTADDR"])
def test_a_database_elsewhere_is_refused_but_not_for_aws(
    variable: str, suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, {"PGHOSTADDR": "192.0.2.7"}.get(variable, "postgresql://u@db.example.com/x"))
    result = suite.runpytest_inprocess("-m", "local")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert line.startswith(f"ERROR: {variable} would reach ")
    assert len(collected(suite, "-m", "local")) == 12
    result = suite.runpytest_inprocess("test_other.py")
    result.assert_outcomes(passed=1)


INVALID = """
from perf.cases.errors import InvalidMeasurement, SloBroken

def test_a(request):
    request.node.user_properties.append(("verdict", "INVALID"))
    raise InvalidMeasurement("INVALID the clocks disagree; look at them")

def test_b(request):
    request.node.user_properties.append(("verdict", "FAIL"))
    raise SloBroken("FAIL efficiency >= 0.5: measured 0.4")
"""


def test_invalid_has_a_letter_a_word_and_a_property_of_its_own(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_verdicts=INVALID)
    result = suite.runpytest_inprocess("test_verdicts.py", "-v", "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "test_verdicts.py::test_a INVALID *",
            "test_verdicts.py::test_b FAILED *",
            "*2 failed in *",
        ]
    )
    # Why it is invalid is to be read on the terminal, as the reason of a failure is.
    result.stdout.fnmatch_lines(["*INVALID the clocks disagree; look at them*"])
    result.stdout.fnmatch_lines(["*FAIL efficiency >= 0.5: measured 0.4*"])
    junit = Path(suite.path / "junit.xml").read_text()
    assert '<property name="verdict" value="INVALID"' in junit
    assert '<property name="verdict" value="FAIL"' in junit
    short = suite.runpytest_inprocess("test_verdicts.py")
    short.stdout.re_match_lines([r"test_verdicts\.py IF\b.*"])


def test_measured_cases_are_refused_in_parallel(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xdist.workermanage.NodeManager.EXIT_TIMEOUT", 0.1)  # 10 s for what is not begun
    result = suite.runpytest_inprocess("-n2", "-k", "50MB and c1 and burst")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*measured cases run one at a time: leave out -n, or give -n0*"])
    result.stdout.no_fnmatch_line("*passed*")
