"""The history: a file that is only added to, the series of a case, and `python -m perf history`."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from perf.cases.errors import UsageError
from perf.cli.main import main
from perf.measure.estimates import Estimate
from perf.measure.intervals import Interval
from perf.report import regenerate
from perf.report.allure_html import NoAllureError
from perf.report.changes import levels
from perf.report.regenerate import make_report
from perf.report.series import series_of
from perf.run.kinds import KINDS
from perf.store.history import Past, past_of, read_folders, read_history
from perf.store.history_file import append, merged, read_history_file
from perf.store.runs import read_run
from tests.perf.change_power import shares
from tests.perf.sample_run import write_run

ALIKE = {"size": "50 MB"}


def past(number: int, value: float, **changed: object) -> Past:
    """The run of an hour; its efficiency is known to 5 %."""
    estimate = Estimate(value, Interval(0.95 * value, 1.05 * value), "ratio", "higher")
    seconds = Estimate(1 / value, None, "s", "lower")
    found = Past(
        run=f"2026-11-{number + 1:02d}T10-00-00Z",
        outcome="PASS",
        values={"efficiency": value},
        message="",
        commit=f"c{number}",
        alike=ALIKE,
        environment="ci-7, 2 processors",
        estimates={"efficiency": estimate, "response_p50_s": seconds},
    )
    return replace(found, **changed)


STEP = [0.8, 0.81, 0.79, 0.8, 0.82, 0.78, 0.8, 0.81, 0.66, 0.67, 0.65, 0.66]


def test_what_was_added_is_read_back_each_run_once(tmp_path: Path) -> None:
    file = tmp_path / "kept" / "history.jsonl"
    for number in (1, 0):
        append(file, "mocked-a", past(number, 0.8))
    append(file, "mocked-a", past(1, 0.7))
    append(file, "mocked-b", past(1, 0.9))
    assert read_history_file(file) == {"mocked-a": [past(0, 0.8), past(1, 0.7)], "mocked-b": [past(1, 0.9)]}
    assert len(file.read_text().splitlines()) == 4
    assert len(file.read_text().splitlines()[0]) < 1000


def test_a_line_that_a_crash_cut_short_costs_itself_alone(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    append(file, "mocked-a", past(0, 0.8))
    with file.open("a") as text:
        text.write('{"case": "mocked-a", "run": "2026')
    append(file, "mocked-a", past(2, 0.7))
    assert read_history_file(file) == {"mocked-a": [past(0, 0.8), past(2, 0.7)]}


def test_a_line_of_something_else_is_named(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    append(file, "mocked-a", past(0, 0.8))
    with file.open("a") as text:
        text.write('{"case": "mocked-a", "run": 7}\n')
    with pytest.raises(UsageError, match=r"history\.jsonl:2: not a line of a history: "):
        read_history_file(file)


def test_no_secret_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "tok-4711-planted")
    append(tmp_path / "h", "mocked-a", past(0, 0.8, message="401 with tok-4711-planted"))
    assert "tok-4711" not in (tmp_path / "h").read_text()


def test_histories_are_joined_and_the_later_one_counts() -> None:
    joined = merged({"a": [past(0, 0.8), past(1, 0.8)]}, {"a": [past(1, 0.7)], "b": [past(2, 0.9)]})
    assert joined == {"a": [past(0, 0.8), past(1, 0.7)], "b": [past(2, 0.9)]}


def test_a_series_tells_since_when_it_is_another() -> None:
    (series,) = series_of([past(number, value) for number, value in enumerate(STEP)])
    assert series.metric == "efficiency"
    (change,) = series.changes
    assert change.place == 8
    said = r"efficiency 1\.21 times worse since 2026-11-09T10-00-00Z \(c8\), for 4 runs \(p = 0\.00\d\d\)"
    assert re.fullmatch(said, series.since())
    lines = series.lines()
    assert lines[0] == "efficiency, higher is better, 12 runs"
    assert [line[0] for line in lines[2:14]] == [">" if place == 8 else " " for place in range(12)]
    assert "0.66  0.627  0.693" in lines[10]
    assert lines[10].rstrip("-").endswith("o")


def test_only_runs_that_are_alike_and_trusted_make_a_series() -> None:
    runs = [
        past(0, 0.1, alike={"size": "100 MB"}),
        past(1, 0.2, outcome="INVALID"),
        past(2, 0.8),
        past(3, 0.7, outcome="FAIL"),
        past(4, 0.75, environment="ci-8, 2 processors"),
        past(5, 0.3, outcome="BROKEN", estimates={}),
    ]
    (series,) = series_of(runs)
    assert [each.value for each in series.estimates] == [0.8, 0.7, 0.75]
    assert series.since() == ""
    assert series_of(runs[:2]) != []
    assert series_of([runs[1], runs[5]]) == []


def test_seconds_make_a_series_where_there_is_no_ratio_and_on_one_machine_alone() -> None:
    def seconds(number: int, environment: str) -> Past:
        found = past(number, 0.5, environment=environment)
        return replace(found, estimates={"response_p50_s": found.estimates["response_p50_s"]})

    (series,) = series_of([seconds(0, "a"), seconds(1, "b"), seconds(2, "b")])
    assert (series.metric, len(series.runs)) == ("response_p50_s", 2)
    assert series.lines()[0] == "response_p50_s in s, lower is better, 2 runs"


def test_a_small_step_is_not_told_however_certain() -> None:
    values = [0.8 + 0.0001 * (number % 3) for number in range(12)] + [0.79] * 12
    (series,) = series_of([past(number, value) for number, value in enumerate(values)])
    assert series.changes == ()


@pytest.mark.parametrize(
    ("step", "after", "least", "most"), [(0, 8, 0, 0.05), (0.1, 8, 0.4, 1), (0.5, 5, 0.9, 1)]
)
def test_how_often_a_step_is_found_and_where_there_is_none(
    step: float, after: int, least: float, most: float
) -> None:
    """Of 60 fixed series at a spread of 6 %; more: tests/perf/data/change_power.txt."""
    told, near = shares(60, 0.06, step, after)
    assert least <= told <= most
    assert near >= 0.8 * told or not step


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve runs as folders; 50MB-c2-burst got slow in the last three."""
    folder = tmp_path_factory.mktemp("results")
    for back in range(11, -1, -1):
        write_run(folder, back, full=False)
    return folder


def test_the_command_shows_each_series_of_folders_and_of_a_file_alike(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history.jsonl"
    for case_id, pasts in read_folders(results).items():
        for each in pasts:
            append(file, case_id, each)
    only = ["--case", "50MB-c2-burst", "--metric", "efficiency"]
    assert main(["history", str(results), *only]) == 0
    shown = capsys.readouterr().out
    assert main(["history", str(file), *only]) == 0
    assert capsys.readouterr().out == shown
    assert "mocked-50MB-c2-burst: efficiency, higher is better, 12 runs" in shown
    last = shown.splitlines()[-1]
    assert re.match(
        r"mocked-50MB-c2-burst: efficiency 2\.\d+ times worse since 2026-11-23T08-00-00Z \(0+2\), for 3",
        last,
    )
    assert main(["history", str(file), "--case", "50MB-c1-burst"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no change of level"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["absent"], "absent: there is no such folder of runs, and no such file"),
        (["."], ".: no run of any case"),
        (["h", "--case", "mocked-b"], "h: no run of mocked-b; did you mean 'mocked-a'?"),
        (["h", "--metric", "eff"], "h: no trusted run with eff"),
    ],
)
def test_nonsense_is_one_line(
    args: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    append(Path("h"), "mocked-a", past(0, 0.8))
    assert main(["history", *args]) == 2
    assert capsys.readouterr().err.splitlines() == [f"perf: {said}"]


def test_a_run_in_its_folder_is_the_same_past_as_its_document(results: Path) -> None:
    folder = sorted(results.iterdir())[0]
    case = next(case for case in read_run(folder, KINDS).cases if case.id == "mocked-50MB-c1-burst")
    again = read_folders(results)[case.id][0]
    ours = past_of(case, folder.name)
    assert ours == replace(again, values=ours.values, message=ours.message)
    assert ours.values["efficiency"] == again.values["efficiency"]
    json.dumps(dict(ours.values))


def test_the_report_tells_since_when_also_from_the_file_alone(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise NoAllureError("there is no Node")

    monkeypatch.setattr(regenerate, "single_file", refuse)
    last = sorted(results.iterdir())[-1]
    case = next(case for case in read_run(last, KINDS).cases if case.id == "mocked-50MB-c2-burst")
    (efficiency,) = [
        line for line in levels(case, read_history(last)[case.id]) if line.startswith("efficiency")
    ]
    assert "times worse since 2026-11-23T08-00-00Z (0000000002), for 3 runs" in efficiency
    file, alone = tmp_path / "history.jsonl", tmp_path / "alone" / last.name
    for case_id, pasts in read_folders(results).items():
        for each in pasts:
            append(file, case_id, each)
    shutil.copytree(last, alone)
    made = make_report(alone, tmp_path, kinds=KINDS, kept=file, say=lambda _: None)
    assert f"Change of level: {efficiency}" in made.html.read_text()
    assert efficiency in made.markdown.read_text()
    without = make_report(alone, tmp_path, kinds=KINDS, say=lambda _: None)
    assert "Change of level" not in without.html.read_text()
