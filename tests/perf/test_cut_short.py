"""What ends in the middle of a case: the run by a signal, or the case by what is no error."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from perf.cli.main import main
from perf.report import regenerate
from perf.report.allure_html import NoAllureError
from perf.store.runs import documents
from tests.perf.inner import INI
from tests.perf.test_kinds import CASE, HOLDS, PLAN, ROOT, TOY

pytest_plugins = ["pytester"]

CUT = "mocked-4naps"
ROWS, NAP = '{"wanted": [3]}', "time.sleep(0.01)"
#: A nap that ends soon, whatever comes: a signal that is not heard is no minute of waiting.
NAPS = "time.sleep(5)"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of three cases, on a machine without Node."""

    def refuse(*_: object) -> None:
        raise NoAllureError("there is no Node")

    monkeypatch.setattr(regenerate, "single_file", refuse)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makefile(".ini", pytest=INI)
    pytester.makefile(".toml", slos=HOLDS)
    pytester.makepyfile(test_plan=PLAN)
    return pytester


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Whoever runs these tests may have signals ignored, as nohup does, and the runs in them inherit that."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def struck(suite: pytest.Pytester, strike: str, *options: str) -> tuple[pytest.RunResult, Path]:
    """A run whose second case does *strike* in its first nap, and its folder."""
    assert TOY.count(ROWS) == TOY.count(NAP) == 1
    toy = TOY.replace(ROWS, '{"wanted": [3, 4, 5]}')
    suite.makeconftest(toy.replace(NAP, f"if case.wanted == 4:\n                    {strike}"))
    result = suite.runpytest_subprocess("--slos=slos.toml", "--results=here", *options)
    (folder,) = (suite.path / "here").glob("*")
    return result, folder


def kills(*names: str) -> str:
    """Signals to the process itself."""
    sent = "; ".join(f"os.kill(os.getpid(), signal.{name})" for name in names)
    return f"import os, signal; {sent}; {NAPS}"


@pytest.mark.parametrize(
    ("name", "said", "options"),
    [
        ("SIGINT", "Ctrl-C", ()),
        ("SIGTERM", "SIGTERM", ("-x",)),
        ("SIGHUP", "SIGHUP", ()),
    ],
)
def test_a_case_in_whose_middle_the_run_ends_fails_for_that_reason(
    name: str,
    said: str,
    options: tuple[str, ...],
    suite: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
) -> None:
    result, folder = struck(suite, kills(name), "--junitxml=junit.xml", "--alluredir=allure", *options)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    why = f"the run was ended by {said} in its phase nap"
    told = f"{CUT} was cut short: {why}; 1 more not begun"
    assert result.outlines.count(told) == 1
    assert [path.name for path in documents(folder)] == [f"case_{CASE}.json", f"broken_{CUT}.json"]
    assert main(["report", str(folder)]) == 0
    assert "report of 2 case(s)" in capsys.readouterr().out
    assert why in (folder / "report" / "summary.html").read_text()
    tests = list(ElementTree.parse(suite.path / "junit.xml").iter("testcase"))
    assert [test.get("name") for test in tests] == [f"test_napping[{CASE}]", f"test_napping[{CUT}]"]
    assert [each.get("message") for test in tests for each in test][-1:] == [told]
    shown = [json.loads(path.read_text()) for path in (suite.path / "allure").glob("*-result.json")]
    assert sorted(each["status"] for each in shown) == ["broken", "passed"]


def test_of_a_run_that_is_killed_the_case_is_left(suite: pytest.Pytester) -> None:
    _, folder = struck(suite, kills("SIGKILL"))
    assert [path.name for path in documents(folder)] == [f"case_{CASE}.json", f"broken_{CUT}.json"]
    error = json.loads((folder / f"broken_{CUT}.json").read_text())["error"]
    assert "it was begun, and of its end nothing is written: the run was killed" in error


@pytest.mark.parametrize("names", [("SIGINT", "SIGTERM"), ("SIGTERM", "SIGTERM")])
def test_several_signals_at_once_are_one_end(names: tuple[str, str], suite: pytest.Pytester) -> None:
    """As tox sends them: the second comes while pytest tells of the first."""
    strikes = "import os, signal, threading; " + (
        f"threading.Timer(0.05, os.kill, (os.getpid(), signal.{names[1]})).start(); "
        f"os.kill(os.getpid(), signal.{names[0]}); {NAPS}"
    )
    suite.makefile(".py", slow="import time\ndef pytest_sessionfinish():\n    time.sleep(0.2)\n")
    result, _ = struck(suite, strikes, "-p", "slow")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert sum("was cut short: the run was ended by" in line for line in result.outlines) >= 1
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_what_is_ignored_from_outside_stays_so(suite: pytest.Pytester) -> None:
    """With nohup a run outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        result, _ = struck(suite, "import os, signal; os.kill(os.getpid(), signal.SIGHUP)")
    finally:
        signal.signal(signal.SIGHUP, before)
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("strike", "said"),
    [
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError: "),
        ("import pytest; pytest.fail('no more')", "Failed: no more"),
        ("import pytest; pytest.skip('no more')", "Skipped: no more"),
    ],
)
def test_a_case_that_ends_by_what_is_no_error_is_broken_in_one_line(
    strike: str, said: str, suite: pytest.Pytester
) -> None:
    result, folder = struck(suite, strike)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.re_match_lines([rf"run\(\) in conftest\.py, line \d+, broke: {said}; its traceback: .*"])
    result.stdout.no_re_match_line(r".*(Traceback|ToyCase\(|Context\().*")
    assert said in json.loads((folder / f"broken_{CUT}.json").read_text())["error"]
