"""Whether what a case ran on can be trusted, whatever its kind: workers, clock, machine. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from perf.judge.check import Check, Problem, listed
from perf.judge.evidence import Bare, Evidence, Observed, Tolerances
from perf.measure.machine import MachineUse
from perf.measure.numbers import number

#: The check of what others did meanwhile: the one that may find nothing when a case is run once more.
RATIO_STOOD = "ratio stood"
#: What others or the machine did: where only counts are judged, they say nothing of those.
MACHINE_CHECKS = frozenset({"machine was ours", RATIO_STOOD, "machine kept up"})
#: One process that keeps one processor of two busy is half of them, and a breath more by another's clock.
BESIDE_HALF = 0.1


def _same_workers(evidence: Evidence) -> Iterator[Problem]:
    """The workers that began the case ended it, and no other joined them."""
    workers = evidence.observed.workers
    if workers is None:
        return
    before, after = workers.before, workers.after
    if joined := sorted(worker.name for key, worker in after.items() if key not in before):
        yield Problem(
            f"another worker took part: {listed(joined)} reported itself during the case",
            "stop it, or give the run its own queue; if it replaces one that died, see the worker's log",
        )
    if gone := sorted(each.name for key, each in before.items() if key not in after or after[key].stopped):
        yield Problem(
            f"a worker went away during the case: {listed(gone)}",
            "see the worker's log for why it stopped; nobody may restart workers during a run",
        )


def _clock_stood(evidence: Evidence) -> Iterator[Problem]:
    """All instants come from one clock; if that is set during a case, durations across the step are wrong."""
    machine = evidence.observed.machine
    clock = evidence.observed.clock
    steps_s = [abs(clock.moved_s) if clock else 0.0, machine.clock_step_s if machine else 0.0]
    if max(steps_s) > evidence.tolerances.clock_step_s:
        yield Problem(
            f"clock step: the clock was set by {number(max(steps_s))} s during the case",
            "let the clock be slewed, not stepped (chrony, ntpd), and run again",
        )


def _machine_was_ours(evidence: Evidence) -> Iterator[Problem]:
    """Other load and steal; thresholds and their reasons: Tolerances."""
    machine, tolerances = evidence.observed.machine, evidence.tolerances
    if machine is None:
        return
    is_bounded = tolerances.other_cores is not None or evidence.observed.bare.before is None
    if is_bounded and machine.other_cores > _most_others(machine, tolerances):
        yield Problem(
            _too_many_others(machine, tolerances),
            "end them and run again, or allow for them with --max-other-load",
        )
    if machine.steal_share > tolerances.steal_share:
        yield Problem(
            f"CPU steal: the hypervisor gave {number(100 * machine.steal_share)} % of the processors' time "
            "to others",
            "use an instance with dedicated processors, or one that has CPU credits left",
        )


def _ratio_stood(evidence: Evidence) -> Iterator[Problem]:
    """Other load is judged by its effect: the case and its bare runs had the same machine.

    Every threshold here is a ratio to bare runs on the same machine. Load that both had alike is in both, and
    leaves the ratio what it is; what one of them had alone moves it by the share of the processors it took.
    """
    machine, bare, tolerances = evidence.observed.machine, evidence.observed.bare, evidence.tolerances
    if machine is None or bare.before is None:
        return
    slower = _slower_beside_others(bare)
    if not min(1, slower) / tolerances.bare_change <= bare.change <= max(1, slower) * tolerances.bare_change:
        yield Problem(
            f"the machine's own speed changed during the case: bare runs after it took {number(bare.change)} "
            "times as long as those before",
            "let it rest, end what else it does, and run again",
        )
    moved, usual = evidence.observed.ratio_moved, evidence.observed.others_in_bare_runs
    if moved > tolerances.effect_share:
        yield Problem(
            f"other load came or went: processes that are not part of the run kept "
            f"{number(machine.other_cores)} of {machine.cpus} processors busy during the case, and "
            f"{number(usual)} during its bare runs; that moves their ratio by up to {100 * moved:.0f} %",
            "end them, or let them run evenly, and run again",
        )


def unsteady(observed: Observed, tolerances: Tolerances) -> list[Problem]:
    """That others had the machine or its disk, or it changed by them: then a time that broke may be theirs.

    A mean ratio holds half a case on a fast and half on a slow machine; a queue does not, it grows. And
    beside many others a worker, whose servers are held up as well, gets less than the bare command does.
    """
    bare, machine, most = observed.bare, observed.machine, tolerances.bare_change
    if bare.before is None:
        return []
    if not 1 / most <= bare.change <= most:
        said = (
            f"other load came or went: bare runs after the case took {number(bare.change)} times as long as "
            "those before it"
        )
    elif machine is not None and machine.other_cores > _most_others(machine, tolerances):
        said = _too_many_others(machine, tolerances)
    elif machine is not None and observed.longer_for_disks > tolerances.disk_wait_share:
        said = (
            f"the disk was slow: for {100 * machine.disk_wait_share:.0f} % of the case something waited for "
            f"it, {100 * observed.longer_for_disks:.0f} points more than in its bare runs"
        )
    else:
        return []
    return [
        Problem(
            f"{said}, so what broke may not be the workers'",
            "end what else runs, or let it run evenly, and run again",
            RATIO_STOOD,
        )
    ]


def _most_others(machine: MachineUse, tolerances: Tolerances) -> float:
    """How many processors others may keep busy where no ratio tells what they did: half of them."""
    given = tolerances.other_cores
    return machine.cpus / 2 + BESIDE_HALF if given is None else given


def _too_many_others(machine: MachineUse, tolerances: Tolerances) -> str:
    return (
        f"other load: processes that are not part of the run kept {number(machine.other_cores)} of "
        f"{machine.cpus} processors busy (allowed: {number(_most_others(machine, tolerances))})"
    )


def _slower_beside_others(bare: Bare) -> float:
    """How much longer the bare runs after the case may take for the processors that others left them."""
    left = [max(use.cpus - use.other_cores, 0.1) for use in bare.uses]
    return left[0] / left[-1] if left else 1.0


def _machine_kept_up(evidence: Evidence) -> Iterator[Problem]:
    """Memory pressure, quotas, heat, and a suite that did not run; why so much: Tolerances."""
    machine, tolerances = evidence.observed.machine, evidence.tolerances
    if machine is None:
        return
    if machine.pressure_share > tolerances.pressure_share or machine.swapped_in_mb > tolerances.swapped_in_mb:
        yield Problem(
            f"memory pressure: {number(100 * machine.pressure_share)} % of the time something waited for "
            f"memory, {number(machine.swapped_in_mb)} MB came back from swap, "
            f"{number(machine.least_memory_mb)} MB at least were free",
            "free memory, or run fewer workers on this machine",
        )
    for share, what, remedy in (
        (machine.throttled_share, "the container's CPU quota", "raise the quota"),
        (machine.thermal_share, "heat", "cool the machine or let it rest"),
    ):
        if share > tolerances.throttled_share:
            yield Problem(f"{what} held the processors back for {number(100 * share)} % of the time", remedy)
    if machine.longest_gap_s > tolerances.gap_s:
        yield Problem(
            f"the suite itself stood still for {number(machine.longest_gap_s)} s",
            "it was stopped, or the machine was suspended or overloaded: run again and leave it alone",
        )


RUN_CHECKS: tuple[Check[Evidence], ...] = (
    Check("same workers", _same_workers),
    Check("clock stood", _clock_stood),
    Check("machine was ours", _machine_was_ours),
    Check(RATIO_STOOD, _ratio_stood),
    Check("machine kept up", _machine_kept_up),
)
