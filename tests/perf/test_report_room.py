"""A report that cannot be written is one line, and never a green run or command."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from perf.cli.main import main
from perf.report import regenerate
from tests.perf.test_cut_short import suite  # noqa: F401 - the fixture
from tests.perf.test_kinds import TOY

pytest_plugins = ["pytester"]


def full(*_: object) -> None:
    """As a disk without room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", ["write_results", "write_history", "replace"])
def test_a_report_without_room_is_no_green_run(
    name: str,
    suite: pytest.Pytester,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    suite.makeconftest(TOY)
    monkeypatch.setattr(regenerate, name, full)
    result = suite.runpytest_inprocess("--slos=slos.toml", "--results=here", "--report")
    (folder,) = (suite.path / "here").glob("*")
    said = f"the report cannot be written to {folder / 'report'} (No space left on device): make room there"
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert sum(line.startswith(f"no report: {said}") for line in result.outlines) == 1
    result.assert_outcomes(passed=1)
    capsys.readouterr()
    assert main(["report", str(folder)]) == 2
    assert capsys.readouterr().err.startswith(f"perf: {said}")


@pytest.mark.parametrize(
    "text",
    [
        "null", "[]", "1", "{}", '{"ended": 0}', "[" * 100_000,
        '{"place": "1", "case": "c", "phase": "p", "text": "t", "pid": null}',
        '{"place": "1", "case": "c", "phase": "p", "text": "t", "pid": 99999999999999999999}',
    ],
)  # fmt: skip
def test_a_progress_file_that_is_none_is_one_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "progress.json").write_text(text)
    assert main(["watch", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"perf: {tmp_path / 'progress.json'}: nothing to watch here")
