"""What makes a measurement INVALID beside its ledger: machine, workers, queue, clock."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from perf.matrix import Mode
from perf.measure.evidence import Crew, Limits, Surroundings
from perf.measure.machine import MachineSample, MachineSampler, MachineUse, machine_use, own_cpu_s
from perf.measure.metrics import summarise
from perf.measure.validity import check
from tests.perf.simulated import simulate

LEDGER = simulate(1, count=40, servers=2).ledger
SUMMARY = summarise(LEDGER, concurrency=2, mode=Mode.BURST, ideal=None)
QUIET = MachineUse(
    span_s=20, cpus=2, own_cores=1.8, other_cores=0.05, steal_share=0.0, least_memory_mb=8000,
    memory_mb=16000,
    swapped_in_mb=0, pressure_share=0.0, throttled_share=0.0, thermal_share=0.0, disk_busy_share=0.1,
    network_mb_per_s=1.0, clock_step_s=0.0005, longest_gap_s=1.4,
)  # fmt: skip
CREW = {"w1": Crew("host/7", 2, ("-preset", "veryfast"))}


def reasons(limits=None, **around):
    seen = Surroundings(**around)
    found = check(LEDGER, SUMMARY, concurrency=2, mode=Mode.BURST, around=seen, limits=limits)
    assert all(problem.remedy for problem in found)
    return [problem.reason for problem in found]


def test_a_quiet_machine_with_its_own_workers_has_no_problem():
    assert reasons(
        machine=QUIET, before=CREW, after=CREW, ffmpeg_args=("-preset", "veryfast"),
        queue_before=0, queue_after=0, clock_moved_s=0.001,
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        ({"other_cores": 0.9}, "other load: processes that are not part of the run kept 0.9 of 2 processors"),
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
    assert reasons(Limits(other_cores=1.0), machine=replace(QUIET, other_cores=0.9)) == []


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (CREW | {"w2": Crew("host/9", 2)}, "another worker took part: host/9"),
        ({}, "a worker went away during the case: host/7"),
        ({"w1": replace(CREW["w1"], stopped=True)}, "a worker went away during the case: host/7"),
    ],
)
def test_workers_that_come_and_go(after, reason):
    (found,) = reasons(before=CREW, after=after)
    assert found.startswith(reason)


def test_a_restart_is_both():
    assert len(reasons(before=CREW, after={"w2": Crew("host/8", 2)})) == 2


def test_other_settings_than_the_ideal_s():
    (found,) = reasons(before=CREW, after=CREW, ffmpeg_args=("-preset", "medium"))
    assert found == "worker host/7 runs ffmpeg with '-preset veryfast', the ideal with '-preset medium'"


def test_others_in_the_same_queue():
    assert reasons(queue_before=3) == ["the queue held 3 message(s) before the first task was sent"]
    assert reasons(queue_after=2)[0].startswith("the queue holds 2 message(s) although every task")
    (found,) = reasons(strangers=("x", "y"))
    assert found == "2 tasks (x, y) of somebody else went through the same queue or table"


def test_the_database_s_clock_was_set():
    (found,) = reasons(clock_moved_s=-7.5)
    assert found.startswith("clock step: the clock was set by 7.50 s")


def sample(at_s, **given):
    """Two processors, of which the run keeps one busy and something else a quarter of one."""
    counters = {
        "monotonic_s": at_s, "wall_s": 1e9 + at_s, "busy_s": 1.25 * at_s, "steal_s": 0.1 * at_s,
        "total_s": 2 * at_s, "own_s": 1.0 * at_s, "available_mb": 1000.0 - at_s,
    }  # fmt: skip
    return MachineSample(**counters | given)


def test_figures_by_hand():
    use = machine_use([sample(0), sample(1), sample(2), sample(4, wall_s=1e9 + 9)], 2, 2000)
    assert use is not None
    assert (use.span_s, use.own_cores, use.other_cores) == (4, 1, pytest.approx(0.25))
    assert use.steal_share == pytest.approx(0.05)
    assert (use.least_memory_mb, use.clock_step_s, use.longest_gap_s) == (996, 5, 2)


def test_a_process_that_nobody_waited_for_takes_its_time_with_it():
    use = machine_use([sample(0), sample(1), sample(2, own_s=0.5), sample(3, own_s=1.5)], 2, 2000)
    assert use is not None
    assert use.own_cores == pytest.approx(2 / 3)


def test_one_sample_says_nothing():
    assert machine_use([sample(0)], 2, 2000) is None


BUSY = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"


def test_a_child_s_time_is_the_run_s_own_also_once_it_has_ended():
    before = own_cpu_s()
    with MachineSampler(every_s=0.1) as sampler:
        subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert own_cpu_s() - before > 0.5
    assert sampler.use is not None
    assert sampler.use.own_cores * sampler.use.span_s > 0.45


def test_another_session_s_time_is_other_load():
    """A process that is no descendant of ours: its parent has ended, and init has taken it."""
    script = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BUSY!r}], start_new_session=True)"
    )
    with MachineSampler(every_s=0.1) as sampler:
        subprocess.run([sys.executable, "-c", script], check=True)
        time.sleep(1.5)
    assert sampler.use is not None
    assert sampler.use.other_cores * sampler.use.span_s > 0.3
