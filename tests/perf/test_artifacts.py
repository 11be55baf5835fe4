"""The files of a run, written and read again."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace

import pytest

from perf.cases.errors import HarnessError, UsageError
from perf.cases.worker import Mode
from perf.judge.check import Problem
from perf.load.plan import Sent
from perf.measure.bisection import Outcome
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.summary import METRICS
from perf.run.kinds import KINDS
from perf.run.search import SEARCH
from perf.run.worker import WORKER, known_row
from perf.store.documents import read_case
from perf.store.files import merge_row
from perf.store.folder import RunFolder, write_row
from perf.store.published import read_table
from perf.store.runs import files_of, read_run
from perf.store.tasks_log import read_tasks_log
from tests.perf.results import facts, result, search_result


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path / "results" / "run", {"host": "here", "git_commit": "abc"})


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def written(folder, result):
    """The file of a case that has been written."""
    folder.write(WORKER, result)
    return folder.path / f"case_{result.case.id}.json"


def again(folder, result):
    return read_case(written(folder, result), KINDS)


def test_a_row_of_another_kind_takes_no_column_away(tmp_path):
    path = tmp_path / "consolidated.csv"
    merge_row(path, {"case": "a", "total": 16, "verdict": "PASS"})
    merge_row(path, {"case": "b", "naps": 3, "verdict": "PASS"})
    merge_row(path, {"case": "a", "total": 17, "verdict": "FAIL"})
    assert rows(path) == [
        {"case": "b", "total": "", "verdict": "PASS", "naps": "3"},
        {"case": "a", "total": "17", "verdict": "FAIL", "naps": ""},
    ]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace('"lost": 0', '"lost": NaN', 1), "NaN is no number"),
        (lambda text: text.replace('"lost": 0', '"lost": "none"', 1), "not a document of this version"),
        (lambda text: '{"a":' * 9999 + "1" + "}" * 9999, "not JSON, or cut short"),
        (lambda text: text[:100], "not JSON, or cut short"),
        (lambda text: text.replace('"kind": "FAIL"', '"kind": "PASS"', 1), "contradicts itself: PASS, and"),
    ],
)
def test_a_damaged_document_costs_itself_alone_and_is_told(folder, damage, said):
    written(folder, result())
    path = folder.path / f"case_{result(mode=Mode.SUSTAINED).case.id}.json"
    path.write_text(damage((folder.path / f"case_{result().case.id}.json").read_text()))
    run = read_run(folder.path, KINDS)
    assert [case.id for case in run.cases] == [result().case.id]
    (unread,) = run.unread
    assert said in unread


@pytest.mark.parametrize("mode", Mode)
def test_a_case_is_read_as_it_was_written(folder, mode):
    case = result(mode=mode)
    verdict = replace(case.verdict, problems=(Problem("why", "what to do"),))
    case = replace(case, verdict=verdict)
    read = again(folder, case).result
    assert read.ledger.to_records() == case.ledger.to_records()
    assert replace(read, ledger=case.ledger) == case
    summary = summarise(read.ledger, concurrency=1, mode=mode, ideal=read.ideal)
    assert summary == case.summary


def test_a_case_without_an_ideal_and_without_data(folder):
    case = replace(result(ledger=Ledger.of([])), ideal=None)
    read = again(folder, case).result
    assert (read.ideal, read.summary, len(read.ledger)) == (None, case.summary, 0)


def test_the_json_holds_what_it_ran_on(folder):
    document = json.loads(written(folder, result()).read_text())
    assert document["machine"] == {"host": "here", "git_commit": "abc"}
    assert document["facts"]["clip"]["what"] == "2 s of 320x180"
    assert document["records"][0]["task_id"] == "a"


def test_the_metrics_csv_has_every_metric_and_the_verdict(folder):
    case = result()
    folder.write(WORKER, case)
    table = rows(folder.path / "metrics_mocked-50MB-c1-burst.csv")
    found = {row["metric"]: (row["value"], row["unit"]) for row in table}
    assert set(METRICS) <= set(found)
    assert found["done"] == ("2", "count")
    assert float(found["response_mean_s"][0]) == case.summary.response_mean_s
    assert found["backlog_growth_per_min"] == ("", "per_min")
    assert found["slo response_p95_s <= 20"] == ("FAIL", "verdict")
    assert found["verdict"] == ("FAIL", "verdict")


def test_a_summary_alone_is_one_row_that_the_audit_reads(tmp_path):
    summary = result().summary
    write_row(tmp_path / "m.csv", {"mode": Mode.BURST, **known_row(summary), **summary.values()})
    known = "mode total done failed processing uploaded x_videos_per_min s_mean_s s_p50_s"
    assert (tmp_path / "m.csv").read_text().splitlines()[0].split(",")[:9] == known.split()
    (row,) = read_table(tmp_path / "m.csv").rows
    assert (row.total, row.done, row.throughput_per_min) == (3, 2, summary.throughput_per_min)
    with pytest.raises(UsageError, match=r"m\.csv: cannot write the metrics"):
        write_row(tmp_path / "none" / "m.csv", {"mode": "burst"})


def test_the_consolidated_table_grows_by_a_row_for_each_case(folder):
    first = result()
    folder.write(WORKER, first)
    folder.write(WORKER, result(mode=Mode.SUSTAINED))
    folder.write(WORKER, first)  # run again: in place of its earlier row
    table = rows(folder.path / WORKER.consolidated)
    assert [row["case"] for row in table] == ["mocked-50MB-c1-sustained", "mocked-50MB-c1-burst"]
    assert list(table[0])[:12] == [
        "size_mb", "concurrency", "mode", "rate_per_min", "total", "done", "failed", "processing", "uploaded",
        "x_videos_per_min", "s_mean_s", "s_p50_s",
    ]  # fmt: skip
    assert (table[0]["rate_per_min"], table[1]["rate_per_min"]) == ("12.5", "")
    assert (table[1]["efficiency"], table[1]["verdict"]) == (str(first.summary.efficiency), "FAIL")


def test_nothing_but_the_artifacts_is_left(folder):
    (folder.path / "worker_tasks_mocked-50MB-c1-burst.log").write_text("{}\n")
    written(folder, result())
    files = {path.name for path in files_of(folder.path, "mocked-50MB-c1-burst")}
    assert sorted(files) == [
        "case_mocked-50MB-c1-burst.json",
        "metrics_mocked-50MB-c1-burst.csv",
        "worker_tasks_mocked-50MB-c1-burst.log",
    ]
    assert {path.name for path in folder.path.iterdir()} == {*files, "scenario2_consolidated.csv"}


def test_the_trials_of_a_search_are_among_its_files(folder):
    folder.write(SEARCH, search_result(Outcome.HELD, Outcome.BROKE))
    names = [path.name for path in files_of(folder.path, "mocked-50MB-c2")]
    assert names == ["metrics_mocked-50MB-c2.csv", "case_mocked-50MB-c2.json", "trials_mocked-50MB-c2.csv"]
    trials = rows(folder.path / "trials_mocked-50MB-c2.csv")
    assert [(each["rate_per_min"], each["outcome"]) for each in trials] == [
        ("60.0", "held"),
        ("61.0", "broke"),
    ]
    (row,) = rows(folder.path / SEARCH.consolidated)
    assert (row["case"], row["sustainable_per_min"], row["verdict"]) == ("mocked-50MB-c2", "60.0", "PASS")


def test_a_write_that_fails_leaves_the_earlier_file(folder):
    path = written(folder, result())
    before = path.read_text()
    broken = replace(result(), facts=replace(facts(), clock_uncertainty_s=float("nan")))
    with pytest.raises(ValueError, match="JSON"):
        folder.write(WORKER, broken)
    assert path.read_text() == before


def test_a_crash_in_the_middle_of_a_write_leaves_the_earlier_file(folder, monkeypatch):
    path = written(folder, result())
    before = path.read_text()

    def crash(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("perf.store.files.os.fsync", crash)
    with pytest.raises(HarnessError, match="No space left on device"):
        folder.write(WORKER, result())
    assert path.read_text() == before
    assert not [each for each in folder.path.iterdir() if each.name.startswith(".")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON, or cut short: Expecting value"),
        ("{", "not JSON, or cut short: Expecting property name"),
        ("[]", "not a document of a case"),
        ("{}", "not a document of this version: KeyError.'format'"),
        ('{"format": 99}', "format 99 is of a later version; this one reads up to 3"),
        ('{"format": "new"}', "not a document of this version: TypeError"),
        ('{"format": 1, "case": {}}', "not a document of this version: KeyError.'facts'"),
        ('{"format": 3, "kind": "worker"}', "not a document of this version: case: Field required"),
    ],
)
def test_a_file_that_is_no_case_is_refused(tmp_path, text, said):
    path = tmp_path / "case.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        read_case(path, KINDS)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--results"):
        RunFolder.create(tmp_path / "file" / "run", {})


# The tasks log

SENT = [Sent("a", 1.5, 1.75), Sent("b", 2.5, None, "refused by SQS")]
LINES = "".join(json.dumps(asdict(task)) + "\n" for task in SENT)


def read_log(tmp_path, text):
    path = tmp_path / "worker_tasks_x.log"
    path.write_text(text)
    return read_tasks_log(path)


def test_a_log_is_read_as_it_was_written(tmp_path):
    assert read_log(tmp_path, LINES) == SENT
    assert read_log(tmp_path, LINES.rstrip("\n")) == SENT


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_last_line_that_a_crash_cut_short_is_left_out(tmp_path, cut):
    assert read_log(tmp_path, LINES + LINES[:cut]) == SENT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LINES + "nonsense\n", r"x\.log:3: not a task"),
        ("{\n" + LINES, r"x\.log:1: not a task"),
        (LINES + "{}\n", r"x\.log:3: not a task.*task_id|x\.log:3: not a task.*sent_s"),
        (LINES + "[1]\n", r"x\.log:3: not a task"),
        (LINES + '{"task_id": "c", "scheduled_s": "soon", "sent_s": null}\n', r"x\.log:3: not a task"),
        ("", "there is no task in it"),
    ],
)
def test_anything_else_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read_log(tmp_path, text)


def test_a_log_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot read the tasks log"):
        read_tasks_log(tmp_path / "none.log")
