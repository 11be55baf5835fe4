"""A web case is held against the machine it runs on, by the same checks and tolerances as a worker case."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from perf.cases.case import Variant
from perf.cases.web import WebMode, web_cases
from perf.judge.check import problems
from perf.judge.evidence import LoadEvidence, Observed, Tolerances
from perf.judge.load_checks import LOAD_CHECKS
from perf.judge.run_checks import RUN_CHECKS
from perf.judge.slos import Slo
from perf.judge.verdict import VerdictKind
from perf.load.locust_run import LoadSpec
from perf.measure.machine import machine_use
from perf.measure.web import Window, summarise_web
from perf.observe.seen import ClockSeen, MachineSample, MachineSeen, WorkersSeen
from perf.pipeline import Clip, ReportedWorker
from perf.run.context import Context, KneeFound
from perf.run.web import _WebRun
from perf.run.web_load import KneeSearch, MeasuredLoad
from tests.perf.inner import INI
from tests.perf.test_machine import QUIET
from tests.perf.test_web_metrics import ENDPOINTS, T, log, row

pytest_plugins = ["pytester"]

LOGS = (log([row(n / 10) for n in range(100)]),)
WINDOW = Window(T, T + 10)
SUMMARY = summarise_web(LOGS, WINDOW, is_open=True, endpoints=ENDPOINTS)
SMOKE = next(case for case in web_cases(Variant.MOCKED, {}) if case.mode is WebMode.SMOKE)
#: Of 20 s of two processors others took 30 s.
BUSY = machine_use(
    MachineSeen(
        tuple(
            MachineSample(at_s, T + at_s, busy_s=1.5 * at_s, steal_s=0, total_s=2 * at_s, own_s=0,
                          available_mb=8000)
            for at_s in range(21)
        ),
        cpus=2, memory_mb=16000,
    )
)  # fmt: skip


def found(tolerances: Tolerances, **observed) -> dict[str, str]:
    evidence = LoadEvidence(LOGS, SUMMARY, Observed(**observed), tolerances)
    return {each.check: each.reason for each in problems((*LOAD_CHECKS, *RUN_CHECKS), evidence)}


def test_a_busy_machine_is_a_problem_of_a_load():
    assert BUSY is not None
    assert BUSY.other_cores == pytest.approx(1.5)
    assert found(Tolerances(), machine=BUSY).keys() == {"machine was ours"}
    reasons = found(Tolerances(other_cores=0.25), machine=BUSY)
    assert "kept 1.50 of 2 processors busy (allowed: 0.25)" in reasons["machine was ours"]


def test_how_much_is_too_much_is_what_was_tolerated():
    assert found(Tolerances(other_cores=0), machine=QUIET).keys() == {"machine was ours"}
    assert found(Tolerances(), machine=QUIET) == {}
    assert found(Tolerances(other_cores=1.8), machine=BUSY) == {}
    assert found(Tolerances()) == {}  # elsewhere nobody looks at the machine


def test_the_other_checks_of_a_run_hold_for_a_load_too():
    worker = {"w": ReportedWorker("w", "host", 7, 1)}
    assert found(Tolerances(), clock=ClockSeen(3, 0.001)).keys() == {"clock stood"}
    assert found(Tolerances(), workers=WorkersSeen({}, worker)).keys() == {"same workers"}
    assert found(Tolerances(), machine=replace(QUIET, longest_gap_s=5)).keys() == {"machine kept up"}


@pytest.mark.parametrize(
    ("tolerances", "kind"),
    [(Tolerances(), VerdictKind.INVALID), (Tolerances(other_cores=1.8), VerdictKind.PASS)],
)
def test_the_verdict_of_a_web_case_follows_its_context(tolerances, kind, tmp_path):
    context = Context(
        SimpleNamespace(), SimpleNamespace(), tmp_path, SimpleNamespace(), tolerances=tolerances
    )
    spec = LoadSpec(run_s=10, users=2)
    run = _WebRun(SMOKE, context, SimpleNamespace(), ENDPOINTS, spec, (Slo("failed", "==", 0),))
    judged = MeasuredLoad(tmp_path / "x", spec, LOGS, WINDOW, SUMMARY, BUSY)
    clip = Clip(tmp_path / "c", "c", "1 MB", 1 << 20, stand_in=True)
    result = run._result(judged, {}, KneeSearch(KneeFound(None, None)), clip, Observed(machine=BUSY))
    assert result.verdict.kind is kind, result.verdict.message()
    assert result.machine_use is BUSY
    assert [each.check for each in result.verdict.problems] == ["machine was ours"] * (
        kind is VerdictKind.INVALID
    )


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        (replace(QUIET, cpus=2, own_cores=1.4, other_cores=0.5), VerdictKind.INVALID),  # full, by others too
        (replace(QUIET, cpus=2, own_cores=1.9, other_cores=0.1), VerdictKind.FAIL),  # full by the run itself
        (replace(QUIET, cpus=2, own_cores=0.4, other_cores=0.9), VerdictKind.FAIL),  # there was room
        (None, VerdictKind.FAIL),
    ],
)
@pytest.mark.parametrize("limit", [-1, 1e9])
def test_others_on_a_full_machine_explain_a_failure_and_take_nothing_from_a_pass(use, kind, limit, tmp_path):
    context = Context(SimpleNamespace(), SimpleNamespace(), tmp_path, SimpleNamespace())
    spec = LoadSpec(run_s=10, users=2)
    run = _WebRun(SMOKE, context, SimpleNamespace(), ENDPOINTS, spec, (Slo("due", "<=", limit),))
    judged = MeasuredLoad(tmp_path / "x", spec, LOGS, WINDOW, SUMMARY, use)
    verdict = run._verdict(judged, SUMMARY, (), {})
    assert verdict.kind is (kind if limit < 0 else VerdictKind.PASS)
    assert ("what broke may not be the API's" in verdict.message()) is (verdict.kind is VerdictKind.INVALID)


NOWHERE = """
from contextlib import nullcontext
from types import SimpleNamespace

def pytest_perf_deployment():
    return nullcontext(SimpleNamespace(is_here=True, monitor=None, web=object()))
"""
PLAN = """
import json
import pytest
from perf.cases.errors import HarnessError
from perf.run.kinds import KINDS

@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    for kind in KINDS:
        monkeypatch.setattr(type(kind), "run", told)

def told(kind, case, context):
    with open("told.jsonl", "a") as file:
        file.write(json.dumps([kind.name, context.tolerances.other_cores, context.drain_deadline_s]) + "\\n")
    raise HarnessError("told")

def run(run_case, case):
    with pytest.raises(HarnessError, match="told"):
        run_case(case)

def test_worker(case, run_case):
    run(run_case, case)

def test_web(web_case, run_case):
    run(run_case, web_case)

def test_search(cell, run_case):
    run(run_case, cell)
"""


@pytest.mark.parametrize("option", [(), ("--max-other-load=0", "--deadline=7")])
def test_max_other_load_and_the_deadline_reach_every_kind(option, pytester, monkeypatch):
    for name in ("DATABASE_URL", "PGHOSTADDR"):
        monkeypatch.delenv(name, raising=False)
    pytester.makefile(".ini", pytest=INI)
    pytester.makeconftest(NOWHERE)
    pytester.makepyfile(test_plan=PLAN)
    result = pytester.runpytest_inprocess("test_plan.py", "--sizes=50", "--concurrency=1", *option)
    assert result.ret == 0
    told = {tuple(json.loads(line)) for line in (pytester.path / "told.jsonl").read_text().splitlines()}
    limits = (0, 7) if option else (Tolerances().other_cores, None)
    assert told == {("worker", *limits), ("web", *limits), ("search", *limits)}
