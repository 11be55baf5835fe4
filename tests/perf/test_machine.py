"""What makes a measurement INVALID beside its ledger: machine, workers, queue, clock."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from perf.cases.worker import Mode
from perf.judge.evidence import Bare, Observed, Tolerances
from perf.measure.machine import MachineUse, machine_use
from perf.measure.metrics import summarise
from perf.observe.machine import MachineObserver, own_cpu_s
from perf.observe.observer import observing
from perf.observe.seen import ClockSeen, MachineSample, MachineSeen, QueueSeen, WorkersSeen
from perf.pipeline import ReportedWorker
from tests.perf.simulated import simulate
from tests.perf.tasks import checked

LEDGER = simulate(1, count=40, servers=2).ledger
SUMMARY = summarise(LEDGER, concurrency=2, mode=Mode.BURST, ideal=None)
QUIET = MachineUse(
    span_s=20, cpus=2, own_cores=1.8, other_cores=0.05, steal_share=0.0, least_memory_mb=8000,
    memory_mb=16000,
    swapped_in_mb=0, pressure_share=0.0, throttled_share=0.0, thermal_share=0.0, disk_busy_share=0.1,
    network_mb_per_s=1.0, clock_step_s=0.0005, longest_gap_s=1.4,
)  # fmt: skip
CREW = {"w1": ReportedWorker("w1", "host", 7, 2, "-preset veryfast")}


def reasons(tolerances=None, **observed):
    given = {"observed": Observed(**observed), "tolerances": tolerances or Tolerances()}
    found = checked(LEDGER, SUMMARY, 2, mode=Mode.BURST, **given)
    assert all(problem.remedy for problem in found)
    return [problem.reason for problem in found]


def test_a_quiet_machine_with_its_own_workers_has_no_problem():
    assert reasons(
        machine=QUIET, workers=WorkersSeen(CREW, CREW), recipe="-preset veryfast",
        queue=QueueSeen(0, 0), clock=ClockSeen(0.001, 0.0005),
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        ({"other_cores": 1.2}, "other load: processes that are not part of the run kept 1.20 of 2"),
        ({"steal_share": 0.12}, "CPU steal: the hypervisor gave 12 % of the processors' time to others"),
        ({"clock_step_s": 3.0}, "clock step: the clock was set by 3 s"),
        ({"pressure_share": 0.4}, "memory pressure: 40 % of the time something waited for memory"),
        ({"swapped_in_mb": 300.0}, "memory pressure: 0 % of the time something waited for memory, 300 MB"),
        ({"throttled_share": 0.2}, "the container's CPU quota held the processors back for 20 %"),
        ({"thermal_share": 0.2}, "heat held the processors back for 20 %"),
        ({"longest_gap_s": 5.0}, "the suite itself stood still for 5 s"),
    ],
)
def test_a_disturbed_machine(use, reason):
    (found,) = reasons(machine=replace(QUIET, **use))
    assert found.startswith(reason)


def test_the_other_load_that_counts_can_be_set():
    assert reasons(Tolerances(other_cores=1.2), machine=replace(QUIET, other_cores=1.1)) == []
    (found,) = reasons(Tolerances(other_cores=0.25), machine=replace(QUIET, other_cores=0.9))
    assert found.endswith("kept 0.9 of 2 processors busy (allowed: 0.25)")


def bare(before=0.05, after=0.05, change=1.0):
    """Bare runs beside so much other load before and after the case."""
    return Bare(
        before=replace(QUIET, other_cores=before), after=replace(QUIET, other_cores=after), change=change
    )


@pytest.mark.parametrize(
    ("during", "before", "after"),
    [
        (0.05, 0.05, 0.05),  # quiet
        (1.1, 1.1, 1.1),  # somebody keeps a processor busy all the time: bare ffmpeg had the same machine
        (1.1, 1.2, 1.0),
        (0.5, 0.9, 0.0),  # it came and went, and was in both alike
        (0.25, 0.0, 0.0),  # 0.25 of the two processors: 12.5 %
    ],
)
def test_other_load_that_bare_runs_had_alike_leaves_the_ratio_what_it_is(during, before, after):
    assert reasons(machine=replace(QUIET, other_cores=during), bare=bare(before, after)) == []


@pytest.mark.parametrize(
    ("during", "before", "after", "percent"),
    [
        # By hand: the difference, of the processors that the less loaded of both had.
        (1.0, 0.0, 0.0, 50),
        (0.0, 1.0, 1.0, 50),
        (1.0, 0.0, 1.0, 33),
        (1.9, 1.0, 1.0, 90),  # 0.9 of the one that is left
        (1.9, 1.6, 1.6, 30),  # of less than one processor nobody could tell
    ],
)
def test_other_load_that_one_of_them_had_alone_moves_it(during, before, after, percent):
    (found,) = reasons(machine=replace(QUIET, other_cores=during), bare=bare(before, after))
    assert found.startswith("other load came or went: ")
    assert found.endswith(f"during its bare runs; that moves their ratio by up to {percent} %")


@pytest.mark.parametrize("change", [1.5, 1 / 1.5])
def test_a_machine_whose_own_speed_changed(change):
    (found,) = reasons(machine=QUIET, bare=bare(change=change))
    assert found.startswith("the machine's own speed changed during the case: bare runs after it took ")
    assert reasons(machine=QUIET, bare=bare(change=change**0.5)) == []


def test_a_neighbour_that_came_explains_slower_bare_runs_and_no_more_than_it_took():
    """One of two processors: up to twice as long, and what a machine's own speed may change."""
    beside = {"machine": replace(QUIET, other_cores=0.5)}
    assert reasons(**beside, bare=bare(0, 1, change=2)) == []
    assert reasons(**beside, bare=bare(0, 1, change=1)) == []  # a run that needs one processor alone
    assert reasons(**beside, bare=bare(1, 0, change=0.5)) == []
    for others, change in (((0, 1), 3), ((0, 1), 0.6), ((1, 0), 0.3), ((1, 0), 1.5)):
        (found,) = reasons(**beside, bare=bare(*others, change=change))
        assert found.startswith("the machine's own speed changed")


def test_where_bare_runs_are_there_load_is_judged_by_its_effect_unless_a_limit_was_given():
    busy = {"machine": replace(QUIET, other_cores=1.1), "bare": bare(1.1, 1.1)}
    assert reasons(**busy) == []
    (found,) = reasons(Tolerances(other_cores=1), **busy)
    assert found.startswith("other load: ")
    assert reasons(bare=bare(change=9)) == []  # elsewhere nobody looks at the machine


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (CREW | {"w2": ReportedWorker("w2", "host", 9, 2)}, "another worker took part: host/9"),
        ({}, "a worker went away during the case: host/7"),
        ({"w1": replace(CREW["w1"], stopped=True)}, "a worker went away during the case: host/7"),
    ],
)
def test_workers_that_come_and_go(after, reason):
    (found,) = reasons(workers=WorkersSeen(CREW, after))
    assert found.startswith(reason)


def test_a_restart_is_both():
    assert len(reasons(workers=WorkersSeen(CREW, {"w2": ReportedWorker("w2", "host", 8, 2)}))) == 2


def test_other_settings_than_the_ideal_s():
    (found,) = reasons(workers=WorkersSeen(CREW, CREW), recipe="-preset medium")
    assert found == "worker host/7 does the work with '-preset veryfast', the ideal with '-preset medium'"


def test_others_in_the_same_queue():
    assert reasons(queue=QueueSeen(3, None)) == ["the queue held 3 message(s) before the first task was sent"]
    assert reasons(queue=QueueSeen(0, 2))[0].startswith("the queue holds 2 message(s) although every task")
    (found,) = reasons(foreign=("x", "y"))
    assert found == "2 tasks (x, y) of somebody else went through the same queue or table"


def test_the_database_s_clock_was_set():
    (found,) = reasons(clock=ClockSeen(-7.5, 0.001))
    assert found.startswith("clock step: the clock was set by 7.50 s")


def sample(at_s, **given):
    """Two processors, of which the run keeps one busy and something else a quarter of one."""
    counters = {
        "monotonic_s": at_s, "wall_s": 1e9 + at_s, "busy_s": 1.25 * at_s, "steal_s": 0.1 * at_s,
        "total_s": 2 * at_s, "own_s": 1.0 * at_s, "available_mb": 1000.0 - at_s,
    }  # fmt: skip
    return MachineSample(**counters | given)


def use_of(*samples):
    return machine_use(MachineSeen(samples, cpus=2, memory_mb=2000))


def test_figures_by_hand():
    use = use_of(sample(0), sample(1), sample(2), sample(4, wall_s=1e9 + 9))
    assert use is not None
    assert (use.span_s, use.own_cores, use.other_cores) == (4, 1, pytest.approx(0.25))
    assert use.steal_share == pytest.approx(0.05)
    assert (use.least_memory_mb, use.clock_step_s, use.longest_gap_s) == (996, 5, 2)


def test_a_process_that_nobody_waited_for_takes_its_time_with_it():
    use = use_of(sample(0), sample(1), sample(2, own_s=0.5), sample(3, own_s=1.5))
    assert use is not None
    assert use.own_cores == pytest.approx(2 / 3)


def test_one_sample_says_nothing():
    assert use_of(sample(0)) is None
    assert machine_use(None) is None


def test_the_parts_are_of_the_processes_that_were_there_at_both_ends():
    """Two of the API grow by 1 s and 2 s in 4 s; one that joined, and one that ended, are of no part."""
    first = {(1, "api"): 5.0, (2, "api"): 0.0, (3, "moto"): 1.0, (4, "generator"): 9.0}
    last = {(1, "api"): 6.0, (2, "api"): 2.0, (3, "moto"): 1.4, (5, "moto"): 3.0}
    use = use_of(sample(0, parts_s=first), sample(2), sample(4, parts_s=last))
    assert use is not None
    assert use.parts == {"api": 0.75, "moto": 0.1}
    assert use.busy_share == pytest.approx(1.25 / 2)


BUSY = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"


def test_a_child_s_time_is_the_run_s_own_also_once_it_has_ended():
    before_s, _ = own_cpu_s()
    machine = MachineObserver(every_s=0.1)
    with observing(machine):
        subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert own_cpu_s()[0] - before_s > 0.5
    use = machine_use(machine.seen)
    assert use is not None
    assert use.own_cores * use.span_s > 0.45


def test_another_session_s_time_is_other_load():
    """A process that is no descendant of ours: its parent has ended, and init has taken it."""
    script = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BUSY!r}], start_new_session=True)"
    )
    machine = MachineObserver(every_s=0.1)
    with observing(machine):
        subprocess.run([sys.executable, "-c", script], check=True)
        time.sleep(1.5)
    use = machine_use(machine.seen)
    assert use is not None
    assert use.other_cores * use.span_s > 0.3
