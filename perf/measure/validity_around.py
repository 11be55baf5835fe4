"""Checks of what was seen around a case: queue, workers, injector, clock, machine. Pure.

As in perf.measure.validity, each takes the Evidence and yields a Problem for each thing it finds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from perf.matrix import Mode
from perf.measure.evidence import Evidence, Problem, listed, tasks
from perf.measure.ledger import Floats, Ledger
from perf.measure.numbers import number


def strangers(evidence: Evidence) -> Iterator[Problem]:
    """Nobody else's tasks went through the deployment."""
    if evidence.around.strangers:
        yield Problem(
            f"{tasks(sorted(evidence.around.strangers))} of somebody else went through the same queue or "
            "table",
            "something else uses the deployment: give the run its own, or stop it for the run",
        )


def queue_was_empty(evidence: Evidence) -> Iterator[Problem]:
    """The queue was empty before, and is again once every task has finished."""
    if evidence.around.queue_before:
        yield Problem(
            f"the queue held {evidence.around.queue_before} message(s) before the first task was sent",
            "let them finish or purge the queue, and find out who sends them",
        )
    if evidence.around.queue_after:
        yield Problem(
            f"the queue holds {evidence.around.queue_after} message(s) although every task has finished",
            "somebody else sends to this queue, or the worker cannot delete its messages: see its log",
        )


def injector_on_time(evidence: Evidence) -> Iterator[Problem]:
    """Lag of sent behind scheduled: late sends are another load than the one asked for.

    Against the time between two arrivals, since a lag below it leaves their order and number (the send delay
    that the OpenMessaging Benchmark records); in a burst, against the makespan.
    """
    summary, limits = evidence.summary, evidence.limits
    p99_s, max_s = summary.send_lag_p99_s, summary.send_lag_max_s
    if p99_s is None or max_s is None or evidence.mode is None:
        return
    if evidence.mode is Mode.SUSTAINED:
        gap_s = _gap_s(evidence.ledger)
        allowed_s, of = limits.lag_gaps * gap_s, f"between two arrivals are {number(gap_s)} s"
    else:
        allowed_s, of = limits.lag_share * (summary.makespan_s or 0.0), "the burst is to begin at once"
    late = max_s > max(allowed_s, 0.5) or p99_s > max(allowed_s / 2, 0.5)
    if late:
        yield Problem(
            f"the injector was late by up to {number(max_s)} s (p99 {number(p99_s)} s) where {of}",
            "the suite's own process was held up: free this machine, or inject from a larger one",
        )


def rate_as_asked(evidence: Evidence) -> Iterator[Problem]:
    """The rate offered is the rate asked for."""
    asked_s = _span_s(evidence.ledger.scheduled_s)
    offered_s = _span_s(evidence.ledger.sent_s)
    if evidence.mode is not Mode.SUSTAINED or not asked_s or not offered_s:
        return
    off = abs(offered_s - asked_s)
    if off > evidence.limits.rate_share * asked_s and off > 2 * evidence.tolerance_s:
        yield Problem(
            f"the rate offered was {number(asked_s / offered_s)} of the rate asked for",
            "the injector could not keep it: free this machine, or inject from a larger one",
        )


def same_workers(evidence: Evidence) -> Iterator[Problem]:
    """The workers that began the case ended it, and no other joined them."""
    before, after = evidence.around.before, evidence.around.after
    if before is None or after is None:
        return
    if joined := sorted(crew.name for key, crew in after.items() if key not in before):
        yield Problem(
            f"another worker took part: {listed(joined)} reported itself during the case",
            "stop it, or give the run its own queue; if it replaces one that died, see the worker's log",
        )
    if gone := sorted(crew.name for key, crew in before.items() if key not in after or after[key].stopped):
        yield Problem(
            f"a worker went away during the case: {listed(gone)}",
            "see the worker's log for why it stopped; nobody may restart workers during a run",
        )


def settings_as_calibrated(evidence: Evidence) -> Iterator[Problem]:
    """The workers report the arguments of ffmpeg that the ideal was measured with."""
    expected = evidence.around.ffmpeg_args
    for crew in (evidence.around.before or {}).values():
        if expected is not None and crew.ffmpeg_args != expected:
            yield Problem(
                f"worker {crew.name} runs ffmpeg with {' '.join(crew.ffmpeg_args)!r}, the ideal with "
                f"{' '.join(expected)!r}",
                "give both the same FFMPEG_ARGS: a ratio of two different works says nothing",
            )


def clock_stood(evidence: Evidence) -> Iterator[Problem]:
    """All instants come from one clock; if that is set during a case, durations across the step are wrong."""
    machine = evidence.around.machine
    steps_s = [abs(evidence.around.clock_moved_s or 0.0), machine.clock_step_s if machine else 0.0]
    if max(steps_s) > evidence.limits.clock_step_s:
        yield Problem(
            f"clock step: the clock was set by {number(max(steps_s))} s during the case",
            "let the clock be slewed, not stepped (chrony, ntpd), and run again",
        )


def machine_was_ours(evidence: Evidence) -> Iterator[Problem]:
    """Other load and steal; thresholds and their reasons: Limits."""
    machine, limits = evidence.around.machine, evidence.limits
    if machine is None:
        return
    if machine.other_cores > limits.other_cores:
        yield Problem(
            f"other load: processes that are not part of the run kept {number(machine.other_cores)} of "
            f"{machine.cpus} processors busy (allowed: {number(limits.other_cores)})",
            "end them and run again, or allow for them with --max-other-load",
        )
    if machine.steal_share > limits.steal_share:
        yield Problem(
            f"CPU steal: the hypervisor gave {number(100 * machine.steal_share)} % of the processors' time "
            "to others",
            "use an instance with dedicated processors, or one that has CPU credits left",
        )


def machine_kept_up(evidence: Evidence) -> Iterator[Problem]:
    """Memory pressure, quotas, heat, and a suite that did not run; thresholds and their reasons: Limits."""
    machine, limits = evidence.around.machine, evidence.limits
    if machine is None:
        return
    if machine.pressure_share > limits.pressure_share or machine.swapped_in_mb > limits.swapped_in_mb:
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
        if share > limits.throttled_share:
            yield Problem(f"{what} held the processors back for {number(100 * share)} % of the time", remedy)
    if machine.longest_gap_s > limits.gap_s:
        yield Problem(
            f"the suite itself stood still for {number(machine.longest_gap_s)} s",
            "it was stopped, or the machine was suspended or overloaded: run again and leave it alone",
        )


def _span_s(instants_s: Floats) -> float:
    """From the first to the last of them; 0 where there are none."""
    known = instants_s[~np.isnan(instants_s)]
    return float(np.ptp(known)) if len(known) else 0.0


def _gap_s(ledger: Ledger) -> float:
    """The time between two arrivals, as scheduled."""
    return _span_s(ledger.scheduled_s) / max(1, len(ledger) - 1)
