"""Locust as a process against a stand-in whose faults are known: what is measured is what arithmetic says."""

import json
import math
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.endpoints import read_endpoints
from perf.cases.errors import HarnessError
from perf.cases.web import WebMode, web_cases
from perf.deploy.processes import LOOPBACK, ManagedProcess, free_port, listens
from perf.judge.check import problems
from perf.judge.evidence import LoadEvidence
from perf.judge.load_checks import LOAD_CHECKS
from perf.judge.run_checks import RUN_CHECKS
from perf.judge.slos import load_slos
from perf.judge.verdict import VerdictKind, judge
from perf.load.locust_run import LOCUSTFILE, LoadSpec, Site, records_folder, run_load
from perf.load.request_log import read_logs
from perf.measure.web import merged, summarise_web, window_of
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.run.web import WEB, _WebRun
from perf.run.web_load import Loads

DONE = "5f0c1f7e-0000-4000-8000-000000000000"
ENDPOINTS = tuple(endpoint.name for endpoint in read_endpoints())
CASES = {case.mode: case for case in web_cases(Variant.MOCKED, {})}


@contextmanager
def stub(folder: Path, *args: str):
    port = free_port()
    argv = [sys.executable, "-m", "tests.perf.stub_api", str(port), *args]
    server = ManagedProcess("the stub", argv, env={"PATH": os.environ["PATH"]}, log=folder / "stub.txt",
                            ready=lambda: listens(server.pid, port))  # fmt: skip
    with server:
        yield server, Site(f"http://{LOOPBACK}:{port}", done_video=DONE)


def measured(load: LoadSpec, site: Site, folder: Path, warm_up_s: float = 0.495):
    logs = run_load(load, site, folder / "case")
    window = window_of(logs, load.run_s, warm_up_s)
    is_open = load.rate_per_s is not None
    return logs, summarise_web(logs, window, is_open=is_open, endpoints=load.endpoints or ENDPOINTS)


def check_load(logs, summary):
    return problems((*LOAD_CHECKS, *RUN_CHECKS), LoadEvidence(logs, summary))


def skip_if_too_busy(found):
    for problem in found:
        if "load generator" in str(problem):
            pytest.skip(f"this machine is too busy to offer the load: {problem}")


def test_an_open_load_is_offered_and_written_down_whole(tmp_path):
    with stub(tmp_path) as (_, site):
        logs, summary = measured(LoadSpec(run_s=2, rate_per_s=60), site, tmp_path)
    assert len(merged(logs)) == 120
    assert (summary.due, summary.answered, summary.warm_up) == (90, 90, 30)
    assert sum(summary.value(f"{name}_answered") for name in ENDPOINTS) == 90
    assert not [each for each in check_load(logs, summary) if "generator counted" in str(each)]
    assert json.loads((tmp_path / "case_locust.json").read_text())[0]["num_requests"]
    assert {path.name for path in tmp_path.glob("case*")} >= {"case_report.html", "case_stats.csv"}


def test_closed_users_take_the_flow_in_order(tmp_path):
    load = LoadSpec(run_s=2, users=2, shape="stable", spawn_per_s=2, think_s=0.1)
    with stub(tmp_path) as (_, site):
        _, summary = measured(load, site, tmp_path)
    counts = [summary.value(f"{name}_answered") for name in ("health", "upload", "status", "download")]
    assert min(counts) > 5
    assert max(counts) - min(counts) <= 2 * load.users
    assert summary.in_flight_max <= load.users
    assert summary.send_lag_p95_s is None


def test_generators_merge_exactly(tmp_path):
    with stub(tmp_path) as (_, site):
        logs, _ = measured(LoadSpec(run_s=2, rate_per_s=60, generators=2), site, tmp_path)
    everything = merged(logs)
    assert [len(log.requests) for log in logs] == [60, 60]
    assert len(everything) == 120
    # Between them they keep one pace: each is as regular as the whole, and they are half a period apart.
    assert {row.endpoint for row in logs[0].requests} == {row.endpoint for row in logs[1].requests}
    stats = json.loads((tmp_path / "case_locust.json").read_text())
    assert sum(each["num_requests"] for each in stats) == len(everything)
    assert sum(each["num_failures"] for each in stats) == 0


def test_master_and_workers_started_by_hand_merge_exactly(tmp_path):
    port, records = free_port(), tmp_path / "records"
    locust = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--loglevel", "WARNING"]
    own = ["--master-port", str(port)]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    def process(name: str, *args: str) -> ManagedProcess:
        log = tmp_path / f"{name}.txt"
        return ManagedProcess(name, [*locust, *args], env=env, log=log, ready=lambda: True)

    with stub(tmp_path) as (_, site):
        master = process(
            "master", "--master", "--master-bind-port", str(port), "--expect-workers", "2", "-H", site.url,
            "--rate", "60", "--load-time", "2", "-t", "5", "--stop-timeout", "12",
            "--records", str(records), "--done-video", DONE, "--json-file", str(tmp_path / "all"),
        )  # fmt: skip
        workers = [process(f"worker{n}", "--worker", *own) for n in range(2)]
        with master, workers[0], workers[1]:
            end_s = time.monotonic() + 60
            while any(each.alive for each in (master, *workers)) and time.monotonic() < end_s:
                time.sleep(0.1)
    logs = read_logs(list(records.glob("*.jsonl")))
    assert sorted(log.begin.generator for log in logs) == [0, 1]
    assert all(log.totals and log.totals.due == log.totals.ended == 60 for log in logs)
    stats = json.loads((tmp_path / "all.json").read_text())
    assert sum(each["num_requests"] for each in stats) == len(merged(logs)) == 120


def test_two_errors_in_a_hundred_break_the_slo(tmp_path):
    with stub(tmp_path, "--error-every", "50") as (_, site):
        logs, summary = measured(LoadSpec(run_s=4.5, rate_per_s=50), site, tmp_path)
    assert summary.due == 200
    assert summary.failed in (4, 5)  # every 50th answer, wherever the warm-up ended
    assert summary.error_ratio == summary.failed / 200
    found = check_load(logs, summary)
    skip_if_too_busy(found)
    verdict = judge(summary, load_slos(SLOS, KINDS).for_case(CASES[WebMode.RAMP]), found)
    assert verdict.kind is VerdictKind.FAIL
    assert "FAIL error_ratio <= 0.01" in verdict.message()


def test_a_stall_shows_by_the_right_amount(tmp_path):
    """100/s for 6 s; for a stall of S seconds the request due u s into it takes S - u."""
    stalled_s = []
    load = LoadSpec(run_s=6.5, rate_per_s=100, endpoints=("health",))
    with stub(tmp_path) as (server, site):

        def stall():
            folder = records_folder(tmp_path / "case")
            while not list(folder.glob("*.jsonl")):
                time.sleep(0.01)
            time.sleep(2.5)
            os.kill(server.pid, signal.SIGSTOP)
            begin_s = time.monotonic()
            time.sleep(2)
            os.kill(server.pid, signal.SIGCONT)
            stalled_s.append(time.monotonic() - begin_s)

        thread = threading.Thread(target=stall, daemon=True)
        thread.start()
        logs, summary = measured(load, site, tmp_path)
        thread.join(10)
    skip_if_too_busy(check_load(logs, summary))
    stall_s = stalled_s[0]
    assert summary.due == summary.answered == 600
    # 5 % of 600 requests took longer than the 95th percentile: those due in the first 0.3 s of the stall.
    assert summary.response_p95_s == pytest.approx(stall_s - 0.05 * 600 / 100, abs=0.2)
    assert summary.response_p99_s == pytest.approx(stall_s - 0.01 * 600 / 100, abs=0.2)
    assert summary.response_max_s == pytest.approx(stall_s, abs=0.2)
    # One user is enough for 100/s of a millisecond each: he waits once, and sends nothing meanwhile.
    assert summary.closed_loop_users == 1
    assert summary.closed_loop_unsent >= 150
    assert summary.closed_loop_p99_s < 0.2


@pytest.mark.timeout(120)
def test_the_knee_of_a_handler_under_a_lock_is_where_arithmetic_says(tmp_path):
    """50 ms under one lock are 20 requests/s, however many there are at a time."""
    watcher = SimpleNamespace(phase=lambda _: nullcontext(), note=lambda _: None)
    book = load_slos(SLOS, KINDS)
    context = Context(SimpleNamespace(), book, tmp_path, watcher)
    case = replace(CASES[WebMode.KNEE], rate_per_s=13, step_s=4)
    slos = WEB.slos(book, case)
    run = _WebRun(case, context, SimpleNamespace(), ENDPOINTS, LoadSpec(run_s=case.run_s), slos)
    uploads = SimpleNamespace(remove=lambda _: 0)
    with stub(tmp_path, "--lock-s", "0.05") as (_, site):
        search = Loads(case, context, ENDPOINTS, site, uploads).search(slos, run._step_spec)
    skip_if_too_busy(search.problems())
    tried = [(step.rate_per_s, step.broken) for step in search.steps]
    assert search.problems() == [], tried
    assert search.knee.per_s == pytest.approx(18.4, abs=0.1), tried
    assert search.knee.broken_per_s == pytest.approx(21.9, abs=0.1), tried


def test_a_server_that_is_gone_is_failures_and_not_a_broken_harness(tmp_path):
    site = Site(f"http://{LOOPBACK}:{free_port()}", done_video=DONE)
    logs, summary = measured(LoadSpec(run_s=1.5, rate_per_s=20), site, tmp_path)
    assert (summary.due, summary.failed, summary.answered) == (20, 20, 0)
    assert summary.error_ratio == 1
    assert summary.response_p95_s is None
    assert any("no request was answered well" in str(each) for each in check_load(logs, summary))


def test_what_is_not_answered_is_outstanding_and_what_is_too_much_is_dropped(tmp_path):
    load = LoadSpec(run_s=1.5, rate_per_s=40, max_outstanding=10, endpoints=("health",))
    with stub(tmp_path, "--lock-s", "60") as (_, site):
        logs, summary = measured(load, site, tmp_path)
    everything = merged(logs)
    assert (len(everything), int(everything.outstanding.sum()), int(everything.dropped.sum())) == (60, 10, 50)
    assert summary.error_ratio == 1
    assert (summary.sent, summary.dropped) == (0, 40)
    assert math.isclose(logs[0].totals.dropped, 50)


def test_a_locust_that_breaks_says_why(tmp_path):
    with pytest.raises(HarnessError, match="unknown healht"):
        run_load(
            LoadSpec(run_s=1, rate_per_s=1, endpoints=("healht",)), Site("http://127.0.0.1:9"), tmp_path / "x"
        )
