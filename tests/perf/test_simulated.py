"""Ledgers of an independent model: metrics equal its own books, laws hold, broken ledgers are INVALID."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from perf.cases.worker import Mode
from perf.measure.intervals import block_length, intervals
from perf.measure.laws import little, little_polled
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.replay import replay, served
from perf.observe.seen import Poll
from perf.pipeline import State
from tests.perf.simulated import LAWS, simulate
from tests.perf.tasks import checked

CASES = [
    (seed, law, servers, rho)
    for seed, (law, servers, rho) in enumerate(
        list(product(LAWS, (1, 2, 4), (None, 0.5, 0.9, 1.2))) * 3  # 144 cases, a seed each
    )
]


def summary_of(ledger, servers, rho):
    mode = Mode.BURST if rho is None else Mode.SUSTAINED
    return summarise(ledger, concurrency=servers, mode=mode, ideal=None)


def reasons(ledger, servers=2, rho=None, **given):
    mode = Mode.BURST if rho is None else Mode.SUSTAINED
    found = checked(ledger, summary_of(ledger, servers, rho), servers, mode=mode, **given)
    return [problem.reason for problem in found]


def changed(ledger, position, **fields):
    records = ledger.to_records()
    records[position] = replace(records[position], **fields)
    return Ledger.of(records)


@pytest.mark.parametrize(("seed", "law", "servers", "rho"), CASES)
def test_metrics_equal_the_simulator_s_and_the_laws_hold(seed, law, servers, rho):
    true = simulate(seed, count=40, servers=servers, law=law, rho=rho)
    found = summary_of(true.ledger, servers, rho)
    assert found.throughput_per_min == pytest.approx(true.throughput_per_min)
    assert found.response_mean_s == pytest.approx(np.mean(true.responses_s))
    assert found.response_p95_s == pytest.approx(np.quantile(true.responses_s, 0.95, method="inverted_cdf"))
    assert found.backlog_mean == pytest.approx(true.backlog_area / true.end_s)
    assert found.backlog_max == true.in_system_max
    assert found.utilisation == pytest.approx(true.busy_area / (servers * true.end_s))
    areas = little(true.ledger)
    assert areas is not None
    assert areas.agree
    assert areas.backlog == pytest.approx(true.backlog_area)
    assert reasons(true.ledger, servers, rho) == []


@pytest.mark.parametrize(("seed", "law", "servers", "rho"), CASES[:48])
def test_the_queue_run_again_gives_the_same_instants(seed, law, servers, rho):
    ledger = simulate(seed, count=40, servers=servers, law=law, rho=rho).ledger
    tasks = served(ledger, servers)
    again = replay(tasks.arrival_s, tasks.occupancy_s[None, :], servers)[0]
    assert np.sort(again) == pytest.approx(np.sort(ledger.finished_s))
    assert tasks.occupancy_s == pytest.approx(tasks.service_s)  # the model needs no time to hand over


SOUND = simulate(1, count=40, servers=2).ledger
SOUND_SUSTAINED = simulate(1, count=40, servers=2, rho=0.7).ledger


def test_a_lost_task():
    lost = changed(
        SOUND, 7, status=State.MISSING, started_s=None, finished_s=None, uploaded_s=None, worker=None
    )
    assert [reason for reason in reasons(lost) if reason.startswith("lost: 1 task (t00007)")]


def test_a_task_twice():
    doubled = Ledger.of([*SOUND.to_records(), SOUND.to_records()[7]])
    assert reasons(doubled)[0] == "1 task (t00007) stand in the ledger more than once"


def test_a_late_injector():
    late = Ledger.of(
        replace(record, sent_s=record.sent_s + 3, uploaded_s=record.uploaded_s + 3)
        if 10 <= place < 14
        else record
        for place, record in enumerate(SOUND_SUSTAINED.to_records())
    )
    found = reasons(late, rho=0.7)
    assert any(reason.startswith("the injector was late by up to 3 s") for reason in found)


def test_a_slow_injector_offers_another_rate():
    first = SOUND_SUSTAINED.scheduled_s[0]
    slow = Ledger.of(
        replace(record, scheduled_s=first + (record.scheduled_s - first) * 0.9)
        for record in SOUND_SUSTAINED.to_records()
    )
    assert any(reason.startswith("the rate offered was 0.9 of") for reason in reasons(slow, rho=0.7))


def test_a_worker_too_many():
    three = simulate(1, count=40, servers=3).ledger
    found = reasons(three, servers=2)
    assert found[0] == "3 tasks were in service at once where the concurrency is 2"


def test_a_worker_too_few():
    (reason,) = reasons(simulate(1, count=40, servers=1).ledger, servers=2)
    assert re.fullmatch(
        r"worker processes were idle for 4\d\.\d % of their time while tasks waited: "
        r"1 process\(es\) that nobody saw, for 3\d\.\d s at once; 1 of 2 did tasks",
        reason,
    )


def test_a_worker_that_was_replaced():
    other = Ledger.of(
        replace(record, worker="host/1/2") if place >= 30 and record.worker == "host/1/1" else record
        for place, record in enumerate(SOUND.to_records())
    )
    (reason,) = reasons(other)
    assert reason.startswith("3 worker processes did the tasks where the concurrency is 2 (host/0/0, ")


def polls(ledger, every_s, shift_s=0.0):
    """What looking every so often would have shown, had the finishes been *shift_s* later."""
    looks = np.arange(every_s, float(ledger.finished_s.max()) + abs(shift_s) + 2 * every_s, every_s)
    return [
        Poll(at, int((ledger.scheduled_s <= at).sum() - (ledger.finished_s + shift_s <= at).sum()))
        for at in looks.tolist()
    ]


@pytest.mark.parametrize("every_s", [0.2, 1.0])
def test_little_s_law_with_the_backlog_seen_live(every_s):
    areas = little_polled(SOUND, polls(SOUND, every_s), 0.1)
    assert areas is not None
    assert areas.agree


def test_instants_that_nobody_saw_break_little_s_law():
    areas = little_polled(SOUND, polls(SOUND, 0.2, shift_s=2), 0.1)
    assert areas is not None
    assert not areas.agree


@pytest.mark.parametrize("rho", [None, 0.7])
def test_an_interval_holds_what_was_measured(rho):
    ledger = simulate(3, count=60, servers=2, law="uniform", rho=rho).ledger
    summary = summary_of(ledger, 2, rho)
    mode = Mode.BURST if rho is None else Mode.SUSTAINED
    found = intervals(ledger, summary, concurrency=2, mode=mode)
    assert {"throughput_per_min", "response_mean_s", "response_p95_s"} <= set(found)
    for name in ("throughput_per_min", "response_mean_s", "service_mean_s", "response_p50_s"):
        assert summary.value(name) in found[name]
    assert found == intervals(ledger, summary, concurrency=2, mode=mode)


def test_growth_in_the_bootstrap_is_the_metric_s():
    """Constant services drawn again are the same services: each figure is then the metric itself."""
    ledger = simulate(1, count=60, law="constant", rho=1.2).ledger
    summary = summary_of(ledger, 1, 1.2)
    found = intervals(ledger, summary, concurrency=1, mode=Mode.SUSTAINED)
    for name, interval in found.items():
        assert interval.low == pytest.approx(summary.value(name), abs=1e-6), name
        assert interval.high == pytest.approx(summary.value(name), abs=1e-6), name
    assert "backlog_growth_per_min" in found
    # Arrivals of 72/min, departures of 60/min.
    assert summary.backlog_growth_per_min == pytest.approx(12, rel=0.05)


def test_no_interval_from_few_or_unfinished_tasks():
    few = simulate(1, count=7).ledger
    assert intervals(few, summary_of(few, 1, None), concurrency=1, mode=Mode.BURST) == {}
    open_ended = changed(SOUND, 3, status=State.UPLOADED, started_s=None, finished_s=None)
    assert intervals(open_ended, summary_of(open_ended, 2, None), concurrency=2, mode=Mode.BURST) == {}


def test_no_interval_of_a_tail_that_was_not_seen():
    ledger = simulate(1, count=24, rho=0.7).ledger
    found = intervals(ledger, summary_of(ledger, 1, 0.7), concurrency=1, mode=Mode.SUSTAINED)
    assert "response_p50_s" in found
    assert "response_p95_s" not in found


def test_blocks_follow_the_dependence():
    rng = np.random.default_rng(5)
    assert block_length(rng.normal(size=400)) < 3
    steps = rng.normal(size=400)
    drifting = np.array([0.9 ** np.arange(k + 1)[::-1] @ steps[: k + 1] for k in range(400)])
    assert 10 < block_length(drifting) < 100
    assert block_length(np.ones(40)) == 1


@pytest.mark.parametrize(("seed", "law"), [(seed, law) for law in LAWS for seed in range(10)])
def test_broken_ledgers_are_invalid_for_their_reason_whatever_the_seed_and_the_law(seed, law):
    """A lost task, a doubled one, a late injector, a worker too many: of 40 sound ledgers each."""
    burst = simulate(seed, count=40, servers=2, law=law).ledger
    lost = changed(burst, seed, status=State.MISSING, started_s=None, finished_s=None, worker=None)
    assert any(reason.startswith("lost: 1 task ") for reason in reasons(lost))
    doubled = Ledger.of([*burst.to_records(), burst.to_records()[seed]])
    assert any("stand in the ledger more than once" in reason for reason in reasons(doubled))
    three = simulate(seed, count=40, servers=3, law=law).ledger
    assert any("where the concurrency is 2" in reason for reason in reasons(three))
    sustained = simulate(seed, count=40, servers=2, law=law, rho=0.7).ledger
    late = changed(sustained, 10 + seed, sent_s=float(sustained.scheduled_s[10 + seed]) + 2)
    assert any(reason.startswith("the injector was late") for reason in reasons(late, rho=0.7))
    assert reasons(burst) == []
    assert reasons(sustained, rho=0.7) == []
