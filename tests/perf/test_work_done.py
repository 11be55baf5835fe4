"""Whether the work was done, by all the processes: each check by a case that fires and one that does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perf.cases.worker import Mode
from perf.judge.evidence import Bare, Observed, Tolerances
from perf.measure.ideal import Ideal
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.observe.seen import BareRuns, ClockSeen, ResultsSeen, WorkersSeen
from perf.pipeline import ReportedWorker, State
from tests.perf.simulated import simulate
from tests.perf.tasks import checked, task
from tests.perf.test_machine import QUIET

#: Tasks of about 1 s by two processes.
LEDGER = simulate(1, count=40, servers=2).ledger
IDS = LEDGER.task_id.tolist()
MADE = {"video": "h264", "picture": "1280x720", "duration": "1.0 s"}
#: Bare ffmpeg alone took 0.8 s of time and 1.2 s of two processors, and made 1000 bytes of it.
ALONE = BareRuns((0.8, 0.9), 1.7, 1, cpu_s=1.2, size_bytes=1000, made=MADE)
BARE = Bare(alone=ALONE, alone_use=QUIET)


def found(
    ledger: Ledger = LEDGER,
    concurrency: int | None = 2,
    tolerances=None,
    mode: Mode = Mode.BURST,
    ideal: Ideal | None = None,
    **observed,
) -> dict[str, str]:
    """What is found of a burst, by the names of the checks."""
    summary = summarise(ledger, concurrency=concurrency, mode=mode, ideal=ideal)
    given = {"observed": Observed(**observed), "tolerances": tolerances or Tolerances()}
    problems = checked(ledger, summary, concurrency, mode=mode, **given)
    assert all(problem.remedy for problem in problems)
    return {problem.check: problem.reason for problem in problems}


def sizes(**other: int | None) -> ResultsSeen:
    """Results of 1000 bytes, but for these."""
    return ResultsSeen(dict.fromkeys(IDS, 1000) | other)


def times(factor: float) -> Ledger:
    """The same burst where every task takes so many times as long."""
    return Ledger.of(
        replace(each, started_s=factor * each.started_s, finished_s=factor * each.finished_s,
                updated_s=factor * each.finished_s)
        for each in LEDGER.to_records()
    )  # fmt: skip


def test_sound_work_has_no_problem():
    crew = {"w": ReportedWorker("w", "n", 1, 2, settings={"queue_visibility_timeout_s": 1800})}
    use = replace(QUIET, span_s=20, parts={"worker": 2.4, "moto": 0.1})  # 48 s for 40 tasks
    assert found(
        results=replace(sizes(), opened=(IDS[-1], MADE)), bare=BARE, machine=use,
        workers=WorkersSeen(crew, crew),
    ) == {}  # fmt: skip


def test_what_nobody_looked_at_is_not_held_against_it():
    assert found(results=None, bare=BARE) == {}
    assert found(results=sizes(), bare=Bare()) == {}
    assert found(results=ResultsSeen({}), bare=BARE) == {}
    plain = Bare(alone=BareRuns((0.8,), 0.8, 1))  # of a pipeline that leaves nothing
    assert found(results=None, bare=plain, machine=replace(QUIET, parts={"worker": 0.0})) == {}


@pytest.mark.parametrize("nothing", [None, 0])
def test_done_means_that_the_result_is_there(nothing):
    assert found(results=sizes(t00007=nothing, t00003=nothing), bare=BARE) == {
        "results are there": "2 tasks (t00003, t00007) are done and have left no result"
    }


@pytest.mark.parametrize(
    ("size", "is_found"), [(1, True), (899, True), (901, False), (1099, False), (1101, True)]
)
def test_a_result_is_as_large_as_what_the_bare_command_makes(size, is_found):
    reasons = found(results=sizes(t00007=size), bare=BARE)
    assert reasons.keys() == ({"results as large"} if is_found else set())
    if is_found:
        assert reasons["results as large"] == (
            f"1 task (t00007) left results of {size} bytes, where the bare command makes 1000 of "
            "the same clip"
        )


def test_how_much_larger_it_may_be_is_a_tolerance():
    assert found(results=sizes(t00007=1101), bare=BARE, tolerances=Tolerances(size_share=0.2)) == {}


def test_the_sizes_that_differ_are_told_from_the_least_to_the_largest():
    reason = found(results=sizes(t00001=5000, t00002=1, t00003=30), bare=BARE)["results as large"]
    assert reason.startswith("3 tasks (t00001, t00002, t00003) left results of 1 to 5000 bytes")


@pytest.mark.parametrize(
    "made",
    [
        MADE | {"duration": "2.0 s"},  # the cut was dropped
        MADE | {"video": "hevc"},
        MADE | {"picture": "1920x1080"},
        MADE | {"audio": "aac"},
        {"unreadable": "Invalid data found when processing input"},
        {},
    ],
)
def test_one_result_is_opened_and_is_what_the_bare_command_makes(made):
    reasons = found(results=replace(sizes(), opened=("t00039", made)), bare=BARE)
    said = ", ".join(f"{name} {made[name]}" for name in sorted(made)) or "nothing"
    assert reasons == {
        "result as made": f"the result of task t00039 is {said}, where the bare command makes "
        "duration 1.0 s, picture 1280x720, video h264"
    }


@pytest.mark.parametrize("bare", [Bare(), Bare(alone=BareRuns((0.8,), 0.8, None))])
def test_a_result_that_cannot_be_read_is_none_also_without_a_bare_command(bare):
    seen = replace(sizes(), opened=("t00039", {"unreadable": "no moov"}))
    assert found(results=seen, bare=bare) == {
        "result as made": "the result of task t00039 cannot be read: no moov"
    }
    assert found(results=replace(seen, opened=("t00039", MADE)), bare=bare) == {}


@pytest.mark.parametrize(
    ("factor", "is_found"),
    [(0.2, True), (0.45, True), (0.6, False), (1.0, False), (5.0, False)],
)
def test_no_median_task_is_much_faster_than_the_least_bare_run_on_a_quiet_machine(factor, is_found):
    """It takes about 1 s times the factor; 0.65 of 0.8 s are 0.52 s."""
    reasons = found(times(factor), bare=BARE)
    assert reasons.keys() - {"no task skipped"} == ({"not faster than the work"} if is_found else set())
    if is_found:
        said = reasons["not faster than the work"]
        assert "the bare command alone takes 0.8 s at least: it does not do the work" in said


def test_not_even_a_few_tasks_are_copies_of_the_others_results():
    """Of 40 tasks 3 take a tenth of their time; 0.3 of 0.8 s are 0.24 s."""
    ledger = times(1.0)
    finished_s = ledger.finished_s.copy()
    finished_s[:3] = ledger.started_s[:3] + 0.1
    reasons = found(replace(ledger, finished_s=finished_s), bare=BARE)
    assert reasons["no task skipped"] == (
        "3 tasks (t00000, t00001, t00002) took less than 0.24 s, down to 0.1 s, and the bare command alone "
        "takes 0.8 s at least: that work was not done, but skipped or copied"
    )


def test_a_clock_that_gains_a_part_of_the_case_makes_no_seconds():
    assert "clock kept pace" not in found(bare=BARE, clock=ClockSeen(0.0, 0.001, 0.09))
    assert "gained or lost 1.50 s" in found(bare=BARE, clock=ClockSeen(0.0, 0.001, 1.5))["clock kept pace"]


def test_who_did_the_tasks_has_to_be_known():
    ledger = times(1.0)
    nobody = replace(ledger, worker=np.full(len(ledger), None, dtype=object))
    assert found(nobody, bare=BARE)["all worked"].startswith("the pipeline does not say which worker process")


@pytest.mark.parametrize(("ideal_s", "is_found"), [(3.0, True), (1.8, True), (1.4, False), (0.9, False)])
def test_in_a_burst_no_median_task_is_much_faster_than_bare_runs_as_many_at_once(ideal_s, is_found):
    """Where processes share the processors a task takes longer than alone: 0.65 of 1.8 s are 1.17 s."""
    ideal = Ideal(60.0, (ideal_s,), 2)
    reasons = found(bare=BARE, ideal=ideal)
    assert reasons.keys() == ({"not faster than the work"} if is_found else set())
    if is_found:
        assert "of the time that the bare command takes, as many at once: it does not do the work" in next(
            iter(reasons.values())
        )


@pytest.mark.parametrize(("ideal_s", "is_found"), [(1.8, False), (3.0, True)])
def test_what_others_did_in_the_bare_runs_alone_is_no_fault_of_the_worker_s(ideal_s, is_found):
    """They kept 0.9 of 2 processors busy in the bare runs, 0.5 in the case: 0.4 of 1.5 moves the ratio."""
    bare = replace(BARE, before=replace(QUIET, other_cores=0.9), after=replace(QUIET, other_cores=0.9))
    use = replace(QUIET, other_cores=0.5)
    reasons = found(bare=bare, machine=use, ideal=Ideal(60.0, (ideal_s,), 2))
    assert reasons.keys() == {"ratio stood"} | ({"not faster than the work"} if is_found else set())


def test_a_sustained_load_has_its_processors_alone_more_often_than_the_bare_runs():
    assert found(bare=BARE, ideal=Ideal(60.0, (3.0,), 2), mode=Mode.SUSTAINED) == {}


def test_beside_other_load_only_what_all_processors_could_do_is_certain():
    """1.2 s of two processors: 0.6 s at least, 0.65 of it 0.39 s."""
    busy = replace(BARE, alone_use=replace(QUIET, other_cores=1.0))
    assert found(times(0.45), bare=busy) == {}
    assert "takes 0.6 s at least" in found(times(0.3), bare=busy)["not faster than the work"]


def test_how_fast_bare_ffmpeg_is_here_says_nothing_of_workers_elsewhere():
    assert found(times(0.01), bare=replace(BARE, alone_use=None)) == {}


@pytest.mark.parametrize(
    ("cores", "is_found"),
    # Over 20 s of 40 tasks: 0.05, 0.55, 0.65 and 1.2 s each, of the 1.2 s that a bare run takes.
    [(0.1, True), (1.1, True), (1.3, False), (2.4, False)],
)
def test_the_workers_took_the_processor_time_of_the_work(cores, is_found):
    use = replace(QUIET, span_s=20, parts={"worker": cores})
    reasons = found(bare=BARE, machine=use)
    assert reasons.keys() == ({"processors did the work"} if is_found else set())
    if is_found:
        assert reasons["processors did the work"].endswith(
            "s of processor time for each task, and a bare run takes 1.20 s: it does not do the work"
        )


def test_tasks_that_never_began_took_no_processor_time():
    waiting = [
        replace(each, started_s=None, finished_s=None, worker=None, status=State.UPLOADED)
        if k >= 20
        else each
        for k, each in enumerate(LEDGER.to_records())
    ]
    use = replace(QUIET, span_s=20, parts={"worker": 0.7})  # 14 s for the 20 that began
    assert "processors did the work" not in found(Ledger.of(waiting), bare=BARE, machine=use)
    assert "processors did the work" in found(bare=BARE, machine=use)


@pytest.mark.parametrize(
    ("settings", "is_found"),
    [
        ({}, False),  # the worker does not say
        ({"queue_visibility_timeout_s": 1800}, False),
        ({"queue_visibility_timeout_s": 1}, True),
        ({"queue_visibility_timeout_s": "1"}, True),
        ({"visibility_timeout_s": 1, "visibility_renewed_for_s": 7200}, False),
        ({"queue_visibility_timeout_s": 1, "visibility_renewed_for_s": 7200}, False),
        ({"queue_visibility_timeout_s": 1800, "visibility_renewed_for_s": 1}, True),
    ],
)
def test_a_message_stays_hidden_for_longer_than_the_longest_task(settings, is_found):
    crew = {
        "a": ReportedWorker("a", "n", 1, 1, settings={"queue_visibility_timeout_s": 1800}),
        "b": ReportedWorker("b", "n", 2, 1, settings=settings),
    }
    reasons = found(workers=WorkersSeen(crew, crew))
    assert reasons.keys() == ({"visible until done"} if is_found else set())
    if is_found:
        assert reasons["visible until done"].startswith("the queue hides a message for 1 s, and a task took ")


def test_a_process_that_stopped_working_is_told_with_its_name_and_its_share():
    """Of two processes b dies after 2 of 10 s; a does the rest, 2 s a task."""
    lanes = [task(f"a{k}", 0, 2 * k, 2 * k + 2, worker="n/0/a") for k in range(8)]
    lanes += [task(f"b{k}", 0, 2 * k, 2 * k + 2, worker="n/1/b") for k in range(2)]
    reasons = found(Ledger.of(lanes))
    assert reasons == {
        "all worked": "worker processes were idle for 28.6 % of their time while tasks waited: n/1/b, for "
        "10 s at once; 2 of 2 did tasks"
    }
    assert found(Ledger.of(lanes), tolerances=Tolerances(idle_share=0.3)) == {}


def test_a_pool_of_one_that_reports_two():
    alone = simulate(1, count=40, servers=1).ledger
    assert "1 process(es) that nobody saw, for" in found(alone)["all worked"]
    assert found(alone, concurrency=1) == {}
    assert found(alone, concurrency=None) == {}  # nobody says how many there were to be


def test_a_sustained_load_that_one_can_do_alone_rightly_gives_the_other_nothing():
    ledger = Ledger.of(task(f"{k}", 3 * k, 3 * k + 0.02, 3 * k + 2.02) for k in range(20))
    assert found(ledger) == {}


def test_fewer_than_two_tasks_for_each_process_say_nothing_of_them():
    three = [task(f"a{k}", 0, 2 * k, 2 * k + 2, worker="n/0/a") for k in range(3)]
    assert found(Ledger.of(three)) == {}


def test_processes_that_were_replaced_are_said_to_be_that_and_not_idle():
    lanes = [task(f"a{k}", 0, 2 * k, 2 * k + 2, worker="n/0/a") for k in range(8)]
    lanes += [task(f"b{k}", 0, 2 * k, 2 * k + 2, worker=f"n/1/{'b' if k < 4 else 'c'}") for k in range(8)]
    assert found(Ledger.of(lanes)).keys() == {"as many processes"}
