"""The files of a run, written and read again."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace

import pytest

from perf.errors import UsageError
from perf.load.injector import Sent
from perf.matrix import Mode
from perf.measure.ledger import Ledger
from perf.measure.metrics import METRICS, summarise
from perf.measure.validity import Problem
from perf.report.artifacts import (
    CONSOLIDATED,
    RunFolder,
    read_case,
    read_tasks_log,
    write_case,
    write_summary,
)
from tests.perf.results import result


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path / "results" / "run", {"host": "here", "git_commit": "abc"})


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("mode", Mode)
def test_a_case_is_read_as_it_was_written(folder, mode):
    written = result(mode=mode)
    verdict = replace(written.verdict, problems=(Problem("why", "what to do"),))
    written = replace(written, verdict=verdict)
    read = read_case(folder.write(written)[f"case_{written.case.id}.json"])
    assert read.ledger.to_records() == written.ledger.to_records()
    assert replace(read, ledger=written.ledger) == written
    again = summarise(read.ledger, concurrency=1, mode=mode, ideal=read.ideal)
    assert again == written.summary


def test_a_case_without_an_ideal_and_without_data(folder):
    written = replace(result(ledger=Ledger.of([])), ideal=None)
    read = read_case(folder.write(written)[f"case_{written.case.id}.json"])
    assert (read.ideal, read.summary, len(read.ledger)) == (None, written.summary, 0)


def test_the_json_holds_what_it_ran_on(folder):
    document = json.loads(folder.write(result())["case_mocked-50MB-c1-burst.json"].read_text())
    assert document["machine"] == {"host": "here", "git_commit": "abc"}
    assert document["facts"]["clip"]["is"] == "2 s of 320x180"
    assert document["records"][0]["task_id"] == "a"


def test_the_metrics_csv_has_every_metric_and_the_verdict(folder):
    written = result()
    found = {
        row["metric"]: (row["value"], row["unit"])
        for row in rows(folder.write(written)["metrics_mocked-50MB-c1-burst.csv"])
    }
    assert set(METRICS) <= set(found)
    assert found["done"] == ("2", "count")
    assert float(found["response_mean_s"][0]) == written.summary.response_mean_s
    assert found["backlog_growth_per_min"] == ("", "per_min")
    assert found["slo response_p95_s <= 20"] == ("FAIL", "verdict")
    assert found["verdict"] == ("FAIL", "verdict")


def test_a_summary_alone_is_written_without_a_verdict(tmp_path):
    write_summary(tmp_path / "m.csv", result().summary)
    assert [row["metric"] for row in rows(tmp_path / "m.csv")] == list(METRICS)
    with pytest.raises(UsageError, match=r"m\.csv: cannot write the metrics"):
        write_summary(tmp_path / "none" / "m.csv", result().summary)


def test_the_consolidated_table_grows_by_a_row_for_each_case(folder):
    first = result()
    folder.write(first)
    folder.write(result(mode=Mode.SUSTAINED))
    folder.write(first)  # run again: in place of its earlier row
    table = rows(folder.path / CONSOLIDATED)
    assert [row["case"] for row in table] == ["mocked-50MB-c1-sustained", "mocked-50MB-c1-burst"]
    assert list(table[0])[:12] == [
        "size_mb", "concurrency", "mode", "rate_per_min", "total", "done", "failed", "processing", "uploaded",
        "x_videos_per_min", "s_mean_s", "s_p50_s",
    ]  # fmt: skip
    assert (table[0]["rate_per_min"], table[1]["rate_per_min"]) == ("12.5", "")
    assert (table[1]["efficiency"], table[1]["verdict"]) == (str(first.summary.efficiency), "FAIL")


def test_nothing_but_the_artifacts_is_left(folder):
    (folder.path / "worker_tasks_mocked-50MB-c1-burst.log").write_text("{}\n")
    files = folder.write(result())
    assert sorted(files) == [
        "case_mocked-50MB-c1-burst.json",
        "metrics_mocked-50MB-c1-burst.csv",
        "worker_tasks_mocked-50MB-c1-burst.log",
    ]
    assert {path.name for path in folder.path.iterdir()} == {*files, CONSOLIDATED}


def test_a_write_that_fails_leaves_the_earlier_file(folder):
    path = folder.write(result())["case_mocked-50MB-c1-burst.json"]
    before = path.read_text()
    broken = replace(result(), facts={"rate_per_min": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        folder.write(broken)
    assert path.read_text() == before


def test_a_crash_in_the_middle_of_a_write_leaves_the_earlier_file(folder, monkeypatch):
    path = folder.write(result())["case_mocked-50MB-c1-burst.json"]
    before = path.read_text()

    def crash(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("perf.report.artifacts.os.fsync", crash)
    with pytest.raises(OSError, match="No space left"):
        write_case(path, result(mode=Mode.SUSTAINED), {})
    assert path.read_text() == before
    assert not [each for each in folder.path.iterdir() if each.name.startswith(".")]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', '{"format": 1, "case": {}}'])
def test_a_file_that_is_no_case_is_refused(tmp_path, text):
    path = tmp_path / "case.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"case\.json: not a case"):
        read_case(path)


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
