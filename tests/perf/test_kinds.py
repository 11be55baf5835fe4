"""A kind of case joins from outside, without a change in perf: judged, written and shown as ours are."""

from __future__ import annotations

import csv
import errno
import json
import os
from pathlib import Path

import pytest

from perf.cli.main import main
from perf.report import regenerate
from perf.report.allure_html import NoAllureError
from perf.run.kinds import KINDS
from tests.perf.inner import INI

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).with_name("toy_kind.py").read_text()
PLAN = """\
from perf.judge.verdict import raise_unless_pass


def test_napping(toy, run_case):
    raise_unless_pass(run_case(toy).verdict)
"""
CASE = "mocked-3naps"
#: A nap takes 10 ms or, on a busy machine, longer: it is never a minute, and never a millisecond.
HOLDS = '[all.toy]\nslos = ["nap_mean_s <= 60"]\n'
BREAKS = f'{HOLDS}[mocked."3naps"]\nslos = ["nap_mean_s <= 0.001"]\n'


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with a kind of its own, on a machine without Node."""

    def refuse(*_: object) -> None:
        raise NoAllureError("there is no Node")

    monkeypatch.setattr(regenerate, "single_file", refuse)
    for name in ("DATABASE_URL", "PGHOSTADDR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makefile(".ini", pytest=INI)
    pytester.makeconftest(TOY)
    pytester.makepyfile(test_plan=PLAN)
    return pytester


def run(suite: pytest.Pytester, slos: str, *options: str) -> tuple[pytest.RunResult, Path]:
    """A run judged by these SLOs, and its folder."""
    suite.makefile(".toml", slos=slos)
    result = suite.runpytest_inprocess("--slos=slos.toml", "--results=here", *options)
    (folder,) = (suite.path / "here").glob("*")
    return result, folder


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_toy_is_small() -> None:
    assert len(TOY.splitlines()) + len(PLAN.splitlines()) <= 80
    assert "toy" not in {kind.name for kind in KINDS}


def test_what_cannot_be_written_down_is_one_line_and_a_broken_case(suite: pytest.Pytester) -> None:
    suite.makeconftest(TOY.replace("(time.monotonic() - begin_s) / case.wanted", 'float("inf")'))
    result, folder = run(suite, HOLDS)
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r"the suite broke: ValueError: Out of range float values .*"])
    result.stdout.no_re_match_line(r".*encoder\.py.*")
    assert (folder / f"broken_{CASE}.json").exists()


def test_a_toy_that_passes_is_written_shown_and_reported(suite: pytest.Pytester) -> None:
    result, folder = run(suite, HOLDS, "--report")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines(
        [
            r"perf: 1 measured case\(s\), results in .*/here/.*",
            r"case +naps +nap_mean_s +verdict",
            rf"{CASE} +3 +0\.\d+ +PASS",
            r"verdicts: 1 PASS, 0 FAIL, 0 INVALID",
            r"summary: .*summary\.html, .*",
        ]
    )
    values = {row["metric"]: (row["value"], row["unit"]) for row in rows(folder / f"metrics_{CASE}.csv")}
    assert values["naps"] == ("3", "count")
    assert float(values["nap_mean_s"][0]) >= 0.01
    assert values["slo nap_mean_s <= 60"] == ("PASS", "verdict")
    assert values["verdict"] == ("PASS", "verdict")
    document = json.loads((folder / f"case_{CASE}.json").read_text())
    assert (document["kind"], document["id"], document["verdict"]["kind"]) == ("toy", CASE, "PASS")
    assert document["case"] == {"variant": "mocked", "wanted": 3}
    assert document["parameters"] == {"naps": "3"}
    assert [phase["name"] for phase in document["phases"]] == ["nap"]
    assert not list(folder.glob("broken_*"))
    (row,) = rows(folder / "toy_consolidated.csv")
    assert (row["case"], row["wanted"], row["naps"], row["verdict"]) == (CASE, "3", "3", "PASS")
    summary = (folder / "report" / "summary.html").read_text()
    assert CASE in summary
    assert "nap_mean_s &lt;= 60" in summary
    assert CASE in (folder / "report" / "summary.md").read_text()


def test_a_toy_that_breaks_its_slo_fails_for_that_reason(suite: pytest.Pytester) -> None:
    result, folder = run(suite, BREAKS)
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [r"FAIL nap_mean_s <= 0\.001: measured .*\(.*slos\.toml:4\)", rf"{CASE} +3 +0\.\d+ +FAIL"]
    )
    document = json.loads((folder / f"case_{CASE}.json").read_text())
    assert document["verdict"]["kind"] == "FAIL"


@pytest.mark.parametrize(("slos", "verdict"), [(HOLDS, "PASS"), (BREAKS, "FAIL")])
def test_its_report_is_made_again_where_nobody_knows_the_kind(
    slos: str, verdict: str, suite: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = run(suite, slos)
    capsys.readouterr()
    assert main(["report", str(folder)]) == 0
    assert f"report: {folder / 'report' / 'summary.html'}" in capsys.readouterr().out
    summary = (folder / "report" / "summary.html").read_text()
    assert CASE in summary
    assert verdict in summary
    assert "nap_mean_s" in summary
    (allure,) = (folder / "report" / "allure-results").glob("*-result.json")
    assert {"name": "feature", "value": "Napping"} in json.loads(allure.read_text())["labels"]


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('parameter, feature = "toy", "toy", ', 'parameter, feature = "toy", "", ', "has no parameter"),
        ('kind: ClassVar[str] = "toy"', 'kind: ClassVar[str] = "yot"', "its cases call it 'yot'"),
        ('name, parameter, feature = "toy", "toy"', 'name, parameter, feature = "toy", "case"',
         "its parameter 'case' is that of the kind 'worker' too"),
        ('"toy_consolidated.csv"', '"scenario2_consolidated.csv"',
         "its consolidated 'scenario2_consolidated.csv' is that of the kind 'worker' too"),
        ('headlines = ("nap_mean_s",)', 'headlines = ("nap_men_s",)', "headlines nap_men_s are no metrics"),
        ('headlines = ("nap_mean_s",)', 'marker = "mocked"', "its marker 'mocked' is no word of its own"),
        ("return [ToyKind()]", "return [ToyKind(), ToyKind()]", "its name 'toy' is that of the kind"),
        ("return [ToyKind()]", "return [ToyKind]", "expected a list of objects of kinds"),
        ('{"wanted": [3]}', '{"wanted": [3, 3]}', "mocked-3naps is the id of several cases"),
    ],
)  # fmt: skip
def test_a_kind_that_could_not_run_is_refused_in_one_line(
    right: str, wrong: str, said: str, suite: pytest.Pytester
) -> None:
    assert right in TOY
    suite.makeconftest(TOY.replace(right, wrong))
    suite.makefile(".toml", slos=HOLDS)
    result = suite.runpytest_subprocess("--slos=slos.toml", "--results=here")
    assert result.ret == pytest.ExitCode.USAGE_ERROR, result.stderr.str()
    (line,) = [line for line in result.errlines if line]
    assert line.startswith("ERROR: ")
    assert said in line
    assert not (suite.path / "here").exists()


@pytest.mark.parametrize(
    ("room_for", "said"),
    [
        (
            0,
            rf".*Exit: {CASE} was not begun: the results in .* cannot be written \(No space left on .*",
        ),
        (1, rf"{CASE} was measured \(nap_mean_s 0\.\d+: PASS 1 SLOs hold\), and not kept: the results .*"),
        (2, rf"{CASE} was measured .*make room there, or give --results another folder"),
        (3, rf"{CASE} was measured .*make room there, or give --results another folder"),
        (4, r".*metrics\.txt cannot be written: No space left on device"),
    ],
)
def test_a_full_folder_costs_no_verdict_that_was_measured(
    room_for: int, said: str, suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of a case, in their order: that it was begun, metrics, document, row; and metrics.txt."""
    sync, written = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal written
        written += 1
        if written > room_for:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    result, _ = run(suite, HOLDS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.re_match_lines([said])
    result.stdout.no_re_match_line(r".*Traceback.*|.*\.py:\d+: ")


OPTION = """
from perf.cases.options import Option, whole_number
ToyKind.options = (Option("naps", "naps of a case", whole_number("e.g. 5")),)
"""


def test_a_kind_with_options_that_joins_too_late_is_told_how_to_join_in_time(suite: pytest.Pytester) -> None:
    suite.makeconftest(TOY + OPTION)
    suite.makefile(".toml", slos=HOLDS)
    late = suite.runpytest_subprocess("--slos=slos.toml", "--results=here")
    assert late.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in late.errlines if line]
    assert "--naps: its kind of case joined too late" in line
    suite.makeconftest(TOY + OPTION + 'pytest_plugins = ["fixtures.plugin", "perf.plugin"]\n')
    suite.makefile(".ini", pytest="[pytest]\naddopts = -p no:locust\nfilterwarnings = error\n")
    in_time = suite.runpytest_subprocess("--slos=slos.toml", "--results=here", "--naps=5")
    in_time.assert_outcomes(passed=1)


def test_a_toy_without_an_slo_or_with_a_typo_is_refused_as_ours_are(suite: pytest.Pytester) -> None:
    for slos, said in {
        '[all.worker]\nslos = ["lost == 0"]\n': "no SLO for mocked-3naps, and there must be one",
        '[all.toy]\nslos = ["nap_men_s <= 60"]\n': "did you mean 'nap_mean_s'?",
        '[all.tyo]\nslos = ["nap_mean_s <= 60"]\n': "did you mean 'toy'?",
    }.items():
        suite.makefile(".toml", slos=slos)
        result = suite.runpytest_inprocess("--slos=slos.toml", "--results=here")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        (line,) = [line for line in result.errlines if line]
        assert said in line
        assert not (suite.path / "here").exists()
