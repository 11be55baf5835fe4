"""Fault cases without a fault: which there are, what recovery is, how they are judged, the strike in time."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from perf.breakable import Fate, Hit
from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.errors import HarnessError, UsageError
from perf.cases.faults import CHOSEN, FAULTS, Fault, fault_cases
from perf.judge.evidence import Observed, Tolerances
from perf.judge.faults import judge_faults
from perf.judge.run_checks import RUN_CHECKS
from perf.judge.slos import Slo, load_slos
from perf.judge.task_checks import TASK_CHECKS
from perf.judge.tasks import Round
from perf.judge.verdict import VerdictKind
from perf.load.clock import PipelineClock
from perf.load.striker import Striker
from perf.load.strikes import Strike, Struck
from perf.measure.fault_summary import fault_summary
from perf.measure.ledger import Ledger
from perf.measure.machine import MachineUse
from perf.measure.recovery import recovery
from perf.observe.seen import QueueSeen, WorkersSeen
from perf.pipeline import ReportedWorker, State
from perf.report.fault_plots import pictures
from perf.report.fault_table import render_fault_table
from perf.run.faults import FAULTS as KIND
from perf.run.faults import FaultFacts, FaultResult
from perf.run.kinds import KINDS
from perf.store.documents import document, read_case
from perf.store.folder import RunFolder
from tests.perf.sample_run import CLIP
from tests.perf.tasks import task
from tests.perf.test_machine import QUIET

CASE = next(case for case in fault_cases(Variant.MOCKED, {}) if case.fault is Fault.S3_AWAY)
HIT = Hit(11.0, "s3", "GetObject", "port 1 closed")
STRUCK = Struck(Strike("s3-away", 10.0, 4.0), 10.0, 14.0, "the port is closed", (HIT,))
LIMITS = load_slos(SLOS, KINDS).for_case(CASE)


def course(*late: tuple[int, float]) -> list:
    """A task a second of half a second's service; those due in an outage from 10 to 14 s come after it."""
    ends = {number: number + 0.6 for number in range(30)}
    # What has waited is done two a second, until the backlog is gone.
    ends |= {number: 14.5 + 0.5 * (number - 10) for number in range(10, 19)}
    ends |= dict(late)
    return [task(f"t{number}", number, end - 0.5, end) for number, end in ends.items()]


def fates(tasks, **given):
    return {each.task_id: Fate(1, dead=False) for each in tasks} | given


def judged(tasks, *, struck=(STRUCK,), fate=None, explains=FAULTS[Fault.S3_AWAY].explains, **observed):
    found = Round(Ledger.of(tasks), Observed(**observed))
    return judge_faults(
        found,
        struck,
        fates(tasks) if fate is None else fate,
        LIMITS,
        explains=explains,
        concurrency=2,
        tolerances=Tolerances(),
    )


def test_every_fault_is_a_case_in_the_order_of_the_list():
    cases = fault_cases(Variant.MOCKED, {})
    assert [case.fault for case in cases] == list(Fault) == list(FAULTS)
    assert [case.id for case in cases][:2] == ["mocked-50MB-c2-s3-503", "mocked-50MB-c2-s3-away"]
    assert {case.nodes for case in cases} == {2}
    assert all(case.outage_s < case.load_s / 2 for case in cases)


def test_faults_are_chosen_by_name_and_nothing_is_broken_on_aws():
    chosen = CHOSEN.parse("worker-killed, s3-away")
    assert [each.fault for each in fault_cases(Variant.LOCAL, {"faults": chosen})] == [
        "s3-away",
        "worker-killed",
    ]
    assert fault_cases(Variant.AWS, {"faults": chosen}) == ()
    with pytest.raises(UsageError, match=r"s3-awya: unknown fault; did you mean 's3-away'[?]; expected"):
        CHOSEN.parse("s3-awya")


def test_a_load_is_as_long_on_a_slow_machine():
    assert CASE.count(120.0) == 36
    assert CASE.count(1.0) == 10  # the least that says something


def test_what_a_fault_explains_are_checks_that_there_are():
    names = {check.name for check in (*TASK_CHECKS, *RUN_CHECKS)}
    assert {name for each in FAULTS.values() for name in each.explains} <= names


def test_recovery_ends_with_the_backlog_of_the_outage():
    found = recovery(Ledger.of(course()), 10.0, 14.0)
    assert found.resumed_s == pytest.approx(0.5)
    # At 17.5 all that was due by 16 is done: one task is left, as before the strike.
    assert found.recovered_s == pytest.approx(3.5)


def test_recovery_waits_for_the_task_of_a_killed_worker():
    found = recovery(Ledger.of(course((9, 40.0))), 10.0, 14.0)
    assert found.recovered_s == pytest.approx(26.0)


def test_a_late_task_long_after_the_outage_is_not_the_outages():
    assert recovery(Ledger.of(course((25, 29.0))), 10.0, 14.0) == recovery(Ledger.of(course()), 10.0, 14.0)


def test_what_did_no_harm_needs_no_recovery():
    tasks = [task(f"t{number}", number, number + 0.1, number + 0.6) for number in range(30)]
    assert recovery(Ledger.of(tasks), 10.0, 14.0).recovered_s == 0


def test_a_task_that_never_ends_is_no_recovery():
    tasks = course()
    tasks[12] = task("t12", 12, 13, None, status=State.PROCESSING)
    assert recovery(Ledger.of(tasks), 10.0, 14.0).recovered_s is None


def test_every_task_is_one_of_done_failed_dead_lettered_lost_or_unsent():
    tasks = [
        task("done", 0, 1, 2),
        task("twice", 0, 1, 2, deliveries=3, attempts=2),
        task("failed", 0, 1, 2, status=State.FAILED, error="it broke"),
        task("without a reason", 0, 1, 2, status=State.FAILED),
        task("dead", 0, None, None),
        task("hanging", 0, 1, None, status=State.PROCESSING),
        task("gone", 0, None, None, status=State.MISSING),
        task("unsent", 0, None, None, status=State.UNSENT, sent_s=None),
    ]
    known = fates(tasks, twice=Fate(2, dead=False), dead=Fate(0, dead=True), done=Fate(1, dead=True))
    found = fault_summary(Ledger.of(tasks), known, [STRUCK])
    counts = (
        found.total,
        found.sent,
        found.done,
        found.failed,
        found.dead_lettered,
        found.lost,
        found.unsent,
    )
    assert counts == (8, 7, 2, 1, 1, 3, 1)
    assert (found.done_twice, found.retries, found.duplicates, found.hits) == (1, 1, 2, 1)
    assert found.outage_s == 4


def test_a_fault_that_is_survived_passes():
    found = judged(course())
    assert found.verdict.kind is VerdictKind.PASS, found.verdict.message()
    assert [each.check for each in found.explained] == ["all worked"]  # both were idle while tasks waited


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"started_s": 12.0, "finished_s": None, "status": State.PROCESSING}, "FAIL lost == 0: measured 1"),
        ({"status": State.FAILED, "error": "S3 was away"}, "FAIL failed == 0: measured 1"),
        ({"status": State.MISSING, "started_s": None, "finished_s": None}, "FAIL lost == 0: measured 1"),
    ],
)
def test_what_is_lost_or_fails_is_a_failure_and_no_reason_for_doubt(change, said):
    tasks = course()
    tasks[12] = replace(tasks[12], **change)
    found = judged(tasks)
    assert found.verdict.kind is VerdictKind.FAIL
    assert said in found.verdict.message()


def test_a_task_that_ended_twice_is_a_failure():
    tasks = course()
    found = judged(tasks, fate=fates(tasks, t12=Fate(2, dead=False)))
    assert "FAIL done_twice == 0: measured 1" in found.verdict.message()


def test_a_recovery_that_takes_too_long_is_a_failure_unless_others_took_the_machine():
    slow = course((9, 40.0))
    assert "FAIL recovery_s <= 15: measured 26" in judged(slow).verdict.message()
    busy = replace(QUIET, other_cores=QUIET.cpus)
    assert isinstance(busy, MachineUse)
    assert judged(slow, machine=busy).verdict.kind is VerdictKind.INVALID
    assert judged(course(), machine=busy).verdict.kind is VerdictKind.PASS


def test_a_strike_that_hits_nothing_has_tried_nothing():
    found = judged(course(), struck=[replace(STRUCK, hits=())])
    assert [each.check for each in found.verdict.problems] == ["strike hit"]
    assert judged(course(), struck=[]).verdict.kind is VerdictKind.INVALID


def test_what_a_fault_does_not_explain_stays_a_reason_for_doubt():
    assert judged(course(), foreign=("x",)).verdict.kind is VerdictKind.INVALID
    assert judged(course(), queue=QueueSeen(0, 1)).verdict.kind is VerdictKind.INVALID
    tasks = [replace(each, worker=f"host/{place % 3}/1") for place, each in enumerate(course())]
    assert "3 worker processes" in judged(tasks).verdict.message()
    killed = judged(tasks, explains=FAULTS[Fault.WORKER_KILLED].explains)
    assert killed.verdict.kind is VerdictKind.PASS


def test_workers_that_a_fault_ends_with_their_tasks_are_a_failure_and_others_that_join_a_doubt():
    first, second = (ReportedWorker(each, each, 1, 1) for each in "ab")
    ended = WorkersSeen({"a": first, "b": second}, {"a": first})
    tasks = course()
    lost = [*tasks[:12], replace(tasks[12], started_s=12.0, finished_s=None, status=State.PROCESSING)]
    assert judged(lost + tasks[13:], workers=ended).verdict.kind is VerdictKind.FAIL
    assert "same workers" in {each.check for each in judged(lost, workers=ended).explained}
    assert judged(tasks, workers=ended).verdict.kind is VerdictKind.INVALID  # why did it end?
    joined = WorkersSeen({"a": first}, {"b": second})
    assert judged(lost, workers=joined).verdict.kind is VerdictKind.INVALID


class Broken:
    """A breakable that notes what it is told."""

    def __init__(self, refuses: str = "") -> None:
        self.told: list[str] = []
        self.refuses = refuses
        self.deployment = self

    def queued(self) -> int:
        return 0

    def strike(self, fault):
        self.told.append(f"strike {fault}")
        if self.refuses:
            raise HarnessError(self.refuses)

    def relieve(self, fault):
        self.told.append(f"relieve {fault}")

    def hits(self):
        return (HIT,)

    def how(self, fault):
        return "by hand"

    def fates(self, task_ids):
        return {each: Fate(1, dead=False) for each in task_ids}


def test_a_strike_comes_at_its_instant_and_ends():
    broken = Broken()
    striker = Striker(broken, [Strike("s3-away", 0.05, 0.05), Strike("sqs-503", 0.1, 0)], 1.0)
    began_s = time.monotonic()
    striker.start(began_s, PipelineClock(1000.0, 0.0))
    striker.look(["a"])
    assert broken.told == ["strike s3-away", "relieve s3-away", "strike sqs-503", "relieve sqs-503"]
    first, second = striker.struck
    assert first.begun_s >= 1000 + began_s + 0.05
    assert first.ended_s >= first.begun_s + 0.05
    assert second.begun_s >= first.ended_s
    assert (first.how, first.hits) == ("by hand", (HIT,))
    assert striker.fates == {"a": Fate(1, dead=False)}


def test_a_case_that_is_cut_leaves_nothing_struck():
    broken = Broken()
    striker = Striker(broken, [Strike("s3-away", 0, 3600), Strike("sqs-503", 3600, 0)], 1.0)
    striker.start(time.monotonic(), PipelineClock(0.0, 0.0))
    end_s = time.monotonic() + 10
    while not broken.told and time.monotonic() < end_s:
        time.sleep(0.01)
    striker.stop()
    assert broken.told == ["strike s3-away", "relieve s3-away"]


def test_a_strike_that_cannot_be_made_is_told_and_relieved():
    broken = Broken("no such part")
    striker = Striker(broken, [Strike("s3-away", 0, 0)], 1.0)
    striker.start(time.monotonic(), PipelineClock(0.0, 0.0))
    with pytest.raises(HarnessError, match="a strike failed: no such part"):
        striker.look(["a"])
    assert broken.told == ["strike s3-away", "relieve s3-away"]


def result() -> FaultResult:
    tasks = course()
    found = judged(tasks)
    facts = FaultFacts({"queue": "q"}, (), CLIP, 60.0, "0.5 of 120/min, from a probe", found.explained)
    return FaultResult(
        case=CASE,
        summary=found.summary,
        verdict=found.verdict,
        facts=facts,
        struck=(STRUCK,),
        fates=fates(tasks),
        ledger=Ledger.of(tasks),
    )


def test_a_case_is_written_read_back_shown_and_drawn(tmp_path):
    made = result()
    folder = RunFolder.create(tmp_path / "run", {})
    folder.write(KIND, made)
    stored = read_case(folder.path / f"case_{CASE.id}.json", KINDS)
    assert stored.result.struck == made.struck
    assert document(KIND, stored.result, {}) == document(KIND, made, {})
    assert (
        (folder.path / f"strikes_{CASE.id}.csv")
        .read_text()
        .splitlines()[1]
        .startswith("s3-away,10.0,10.0,14.0,1")
    )
    assert "GetObject" in (folder.path / f"hits_{CASE.id}.csv").read_text()
    table = render_fault_table([made])
    assert table[1].split() == ["s3-away", "30", "30", "0", "0", "0", "0", "0", "3.50", "PASS"]
    assert max(map(len, table[:2])) <= 80
    backlog, completed = pictures(made)
    assert "s3-away from 10 to 14 s. Back on course 3.50 s later." in backlog.description
    assert completed.svg.startswith("<svg")


def test_an_slo_of_a_fault_goes_before_that_of_all():
    killed = next(case for case in fault_cases(Variant.MOCKED, {}) if case.fault is Fault.WORKER_KILLED)
    slos = load_slos(SLOS, KINDS).for_case(killed)
    assert [slo.limit for slo in slos if slo.metric == "recovery_s"] == [60]
    assert {slo.metric for slo in slos if (slo.op, slo.limit) == ("==", 0)} >= {"lost", "done_twice"}
    assert isinstance(slos[0], Slo)
