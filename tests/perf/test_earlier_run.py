"""A results folder of an earlier version: formats 1 (web) and 2 (worker) are read and reported."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from perf.cases.case import Variant
from perf.report import regenerate
from perf.report.allure_html import NoAllureError
from perf.report.pictures import pictures_of
from perf.report.regenerate import make_report
from perf.run.kinds import KINDS
from perf.run.web import WebResult
from perf.run.worker_result import WorkerResult
from perf.store.history import read_history
from perf.store.runs import read_run

#: What that version did not measure yet: there is no data of it, and never a zero in its place.
LATER = (
    "response_p50_vs_ideal",
    "retries",
    "slowdown",
    "nodes_used",
    "node_share_least",
    "node_share_most",
    "cost_per_video_usd",
    "cost_per_1000_usd",
)
#: Written by commit 83d9f1d; of the machine, the phases and Locust's columns a part is left.
FOLDER = Path(__file__).parent / "data" / "earlier_run"
BURST, SUSTAINED = "mocked-50MB-c1-burst", "mocked-50MB-c1-sustained"
SMOKE, KNEE = "mocked-web-smoke", "mocked-web-knee"
CASES = {case.id: case for case in read_run(FOLDER, KINDS).cases}


def document(case_id):
    return json.loads((FOLDER / f"case_{case_id}.json").read_text())


def test_all_are_read_into_typed_results_in_order():
    assert read_run(FOLDER, KINDS).unread == ()
    assert list(CASES) == [BURST, SUSTAINED, KNEE, SMOKE]
    assert [type(case.result) for case in CASES.values()] == [
        WorkerResult,
        WorkerResult,
        WebResult,
        WebResult,
    ]
    assert [document(case)["format"] for case in CASES] == [2, 2, 1, 1]


@pytest.mark.parametrize("case_id", CASES, ids="of {}".format)
def test_the_values_are_those_of_the_file(case_id):
    case, written = CASES[case_id], document(case_id)
    later = dict.fromkeys(LATER if case.kind == "worker" else ())
    assert not written["summary"].keys() & later.keys()
    assert case.values == written["summary"]
    assert case.result.summary.values() == written["summary"] | later
    assert case.outcome == written["verdict"]["kind"] == "PASS"
    shown = [(str(each.slo).split()[0], each.measured, each.passed) for each in case.verdict.results]
    assert shown == [
        (each["slo"]["metric"], each["measured"], each["passed"]) for each in written["verdict"]["results"]
    ]
    assert {name: (each.low, each.high) for name, each in case.result.intervals.items()} == {
        name: (each["low"], each["high"]) for name, each in written.get("intervals", {}).items()
    }
    assert [(each.name, each.begin_s, each.end_s) for each in case.phases] == [
        tuple(each.values()) for each in written["facts"]["phases"]
    ]
    assert case.machine == written["machine"]
    assert case.variant == Variant.MOCKED


@pytest.mark.parametrize("case_id", [BURST, SUSTAINED], ids="of {}".format)
def test_a_worker_case_keeps_its_tasks_its_workers_and_its_clip(case_id):
    result, written = CASES[case_id].result, document(case_id)
    records = [
        {name: getattr(each, name) for name in type(each).__slots__} for each in result.ledger.to_records()
    ]
    assert records == written["records"]
    (worker,) = result.facts.workers
    assert (worker.name, worker.concurrency) == ("vm/7611", 1)
    assert worker.settings == written["facts"]["worker_settings"]
    assert (result.facts.clip.what, result.facts.clip.stand_in) == ("1.0 MB, 1 s, 1280x720@24", True)
    assert result.facts.rate_per_min == written["facts"]["rate_per_min"]
    assert list(result.ideal.service_s) == written["ideal"]["service_s"]
    assert result.machine_use.own_cores == written["machine_use"]["own_cores"]
    assert result.case.count == written["case"]["count"] == 16
    assert {each.name for each in pictures_of(CASES[case_id])} == {"backlog", "gantt", "times", "ecdf"}


def test_a_web_case_keeps_its_steps_and_takes_its_seconds_from_the_file_beside_it():
    result, written = CASES[KNEE].result, document(KNEE)
    assert [(each.rate_per_s, each.broken) for each in result.steps] == [
        (each["rate_per_s"], each["broken"]) for each in written["steps"]
    ]
    first = written["steps"][0]
    figures = {name: value for name, value in first.items() if name not in ("rate_per_s", "broken")}
    assert result.steps[0].figures == figures
    assert result.load.rate_per_s == written["load"]["rate_per_s"]
    with (FOLDER / f"seconds_{KNEE}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    shown = [{name: getattr(each, name) for name in type(each).__slots__} for each in result.seconds]
    assert shown == [{name: float(text) if text else None for name, text in row.items()} for row in rows]
    assert result.users == (0, 1, 1, 1, 1)
    assert result.facts.bottleneck == written["facts"]["limit"]
    assert result.facts.bottleneck_at_knee == written["facts"]["limit_at_knee"]
    knee, load = pictures_of(CASES[KNEE])
    assert (knee.name, load.name) == ("knee", "load")
    assert knee.description == "Held up to 114 requests/s; 136/s did not. 5 steps."


def test_a_closed_loop_keeps_its_users():
    assert CASES[SMOKE].result.users == (0, 2, 2, 2)
    users, load = pictures_of(CASES[SMOKE])
    assert (users.description, load.name) == ("At most 2 users.", "load")


def test_it_is_read_without_the_files_beside_it_too(tmp_path):
    shutil.copy(FOLDER / f"case_{KNEE}.json", tmp_path)
    (case,) = read_run(tmp_path, KINDS).cases
    assert (case.result.seconds, case.result.users) == ((), ())
    assert case.values == document(KNEE)["summary"]
    assert [each.name for each in pictures_of(case)] == ["knee"]


@pytest.mark.parametrize(("case_id", "kind"), [(BURST, "worker"), (SMOKE, "web")], ids=["worker", "web"])
def test_a_case_that_broke_is_read(tmp_path, case_id, kind):
    broken = {
        "format": 2,
        "id": case_id,
        "case": document(case_id)["case"],
        "error": "HarnessError: why",
        "phases": [{"name": "deploy", "begin_s": 1.0, "end_s": 2.0}],
        "machine": {"host": "h"},
    }
    (tmp_path / f"broken_{case_id}.json").write_text(json.dumps(broken))
    run = read_run(tmp_path, KINDS)
    assert run.unread == ()
    (found,) = run.cases
    assert (found.outcome, found.message, found.kind) == ("BROKEN", "HarnessError: why", kind)
    same = CASES[case_id]
    for name in ("id", "title", "variant", "feature", "story", "parameters"):
        assert getattr(found, name) == getattr(same, name)
    assert (len(found.phases), found.machine, pictures_of(found)) == (1, {"host": "h"}, [])


def test_its_report_is_made_and_it_is_the_history_of_a_later_run(tmp_path, monkeypatch):
    def refuse(*_):
        raise NoAllureError("there is no Node")

    monkeypatch.setattr(regenerate, "single_file", refuse)
    earlier, later = tmp_path / "2026-11-25T02-28-28Z", tmp_path / "2026-11-26T02-28-28Z"
    for folder in (earlier, later):
        shutil.copytree(FOLDER, folder)
    made = make_report(later, tmp_path / "cache", kinds=KINDS, say=lambda _: None)
    text = made.html.read_text()
    assert "4 PASS of 4 cases" in text
    assert "Not read" not in text
    assert text.count("<svg") == 4 + 4 + 2 + 2 + 3  # each case's, and three over the run
    assert text.count("as before, within 5 %") == 4
    past = read_history(later)
    assert sorted(past) == sorted(CASES)
    assert {(each.run, each.outcome) for runs in past.values() for each in runs} == {(earlier.name, "PASS")}
