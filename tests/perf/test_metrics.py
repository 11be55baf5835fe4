"""The metrics: by hand, by numpy's own formulas, and by the laws they must keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.worker import Mode
from perf.measure.ideal import Ideal, ideal_response_s, merged
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.rank import nearest_rank, samples_for_bound
from perf.measure.rounds import joined
from perf.measure.series import backlog_series, in_service_series
from perf.measure.summary import METRICS, Summary
from perf.pipeline import State
from tests.perf.tasks import ledgers, task

#: Two workers, a burst of four; b is the slowest, d failed at once.
BURST = Ledger.of(
    [
        task("a", 0, 1, 11, deliveries=3),
        task("b", 0, 2, 22, sent_s=0.5),
        task("c", 0, 11, 20),
        task("d", 0, 20, 30, status=State.FAILED, error="no video", attempts=2),
    ]
)
IDEAL = Ideal(throughput_per_min=12.0, service_s=(8.0, 9.0, 10.0), concurrency=2)


def burst() -> Summary:
    return summarise(BURST, concurrency=2, mode=Mode.BURST, ideal=IDEAL)


def test_counts_by_hand():
    ledger = Ledger.of(
        [
            *BURST.to_records(),
            task("e", finished=None),
            task("f", finished=None, status=State.PROCESSING),
            task("g", started=None, finished=None, status=State.MISSING, attempts=0, deliveries=0),
            task(
                "h", started=None, finished=None, status=State.UNSENT, sent_s=None, attempts=0, deliveries=0
            ),
        ]
    )
    summary = summarise(ledger, concurrency=2, mode=Mode.BURST, ideal=None)
    counts = {name: summary.value(name) for name in ("total", *State, "outstanding", "lost")}
    assert counts == {
        "total": 8, "done": 3, "failed": 1, "processing": 1, "uploaded": 1, "missing": 1, "unsent": 1,
        "outstanding": 2, "lost": 1,
    }  # fmt: skip
    assert (summary.deliveries, summary.duplicates, summary.attempts) == (8, 2, 7)
    assert summary.retries == 1  # d was begun twice; those that were never begun make up for nothing


def test_rates_by_hand():
    summary = burst()
    assert summary.makespan_s == 30
    assert summary.throughput_per_min == pytest.approx(3 / 30 * 60)
    # Four tasks sent at 0, 0, 0 and 0.5 s: three gaps in half a second.
    assert summary.arrival_rate_per_min == pytest.approx(3 / 0.5 * 60)


def test_times_by_hand_are_of_the_done_tasks_alone():
    summary = burst()
    assert (summary.response_p50_s, summary.response_p95_s, summary.response_max_s) == (20, 22, 22)
    assert summary.response_mean_s == pytest.approx((11 + 22 + 20) / 3)
    assert (summary.waiting_p50_s, summary.waiting_max_s) == (2, 11)
    assert (summary.service_p50_s, summary.service_mean_s) == (10, pytest.approx(39 / 3))
    assert (summary.send_lag_p50_s, summary.send_lag_max_s) == (0, 0.5)


def test_s_keeps_the_meaning_of_the_original_procedure():
    ledger = Ledger.of(
        [task("a", 0, 1, 9, uploaded_s=2, updated_s=10), task("b", 0, 1, 9, uploaded_s=2, updated_s=6)]
    )
    summary = summarise(ledger, concurrency=2, mode=Mode.BURST, ideal=None)
    assert (summary.s_mean_s, summary.s_p50_s, summary.s_p95_s) == (6, 4, 8)


def test_backlog_and_parallelism_by_hand():
    series = backlog_series(BURST)
    assert (series.times_s.tolist(), series.level.tolist()) == ([0, 11, 20, 22, 30], [4, 3, 2, 1, 0])
    service = in_service_series(BURST)
    # At 11 s and at 20 s a worker ends one task and begins the next: no instant with three.
    assert (service.times_s.tolist(), service.level.tolist()) == ([1, 2, 11, 20, 22, 30], [1, 2, 2, 2, 1, 0])
    summary = burst()
    assert (summary.backlog_max, summary.parallelism_max) == (4, 2)
    assert summary.backlog_mean == pytest.approx((4 * 11 + 3 * 9 + 2 * 2 + 1 * 8) / 30)
    assert summary.parallelism_mean == pytest.approx((10 + 20 + 9 + 10) / 30)
    assert summary.utilisation == pytest.approx((10 + 20 + 9 + 10) / 60)


def test_ratios_to_the_ideal_by_hand():
    summary = burst()
    assert summary.efficiency == pytest.approx(6 / 12)
    # Four tasks at twelve a minute complete at 5, 10, 15 and 20 s; nearest-rank p95 of them is 20 s.
    assert summary.response_p95_vs_ideal == pytest.approx(22 / 20)
    assert summary.service_p50_vs_ideal == pytest.approx(10 / 9)
    # The nearest-rank median of those four is 10 s.
    assert summary.response_p50_vs_ideal == pytest.approx(20 / 10)


def test_a_burst_s_ideal_is_of_one_burst_however_often_it_was_repeated():
    twice = joined([BURST, BURST])
    summary = summarise(twice, concurrency=2, mode=Mode.BURST, ideal=IDEAL, rounds=2)
    assert summary.response_p95_vs_ideal == burst().response_p95_vs_ideal
    assert summary.response_p50_vs_ideal == burst().response_p50_vs_ideal
    assert summary.throughput_per_min == pytest.approx(burst().throughput_per_min)
    assert summary.efficiency == pytest.approx(burst().efficiency)
    assert (summary.total, summary.retries) == (8, 2)


def test_a_sustained_response_is_held_against_the_service_of_bare_ffmpeg():
    ledger = Ledger.of([task("a", 0, 1, 12), task("b", 20, 21, 38), task("c", 40, 41, 49)])
    summary = summarise(ledger, concurrency=2, mode=Mode.SUSTAINED, ideal=IDEAL)
    assert summary.response_p50_vs_ideal == pytest.approx(12 / 9)  # of 9, 12 and 18 against 8, 9 and 10
    assert summary.response_p95_vs_ideal == pytest.approx(18 / 10)


def times(*service_s: float) -> Ledger:
    """One worker, a burst, these service times."""
    ends = np.cumsum(service_s)
    return Ledger.of(
        task(f"{k:03}", 0, float(end - took), float(end))
        for k, (end, took) in enumerate(zip(ends, service_s, strict=True))
    )


@pytest.mark.parametrize("mode", Mode)
def test_a_slowdown_is_how_much_longer_later_tasks_took_and_1_where_that_may_be_chance(mode):
    def found(*service_s: float, concurrency: int | None = 1, ideal: Ideal | None = IDEAL) -> float | None:
        ledger = times(*service_s)
        return summarise(ledger, concurrency=concurrency, mode=mode, ideal=ideal).slowdown

    halved = [1.0, 1.01, 1.02, 1.03] * 3 + [2.0, 2.02, 2.04, 2.06] * 3
    assert found(*halved) == pytest.approx(2, rel=0.02)
    assert found(*halved, ideal=None) == found(*halved)
    assert found(*halved[::-1]) == 1
    assert found(*[1.0] * 24) == 1
    assert found(*halved[:9]) is None  # too few for a trend
    assert found(*halved, concurrency=None) is None
    # Bare runs show that the machine itself halved meanwhile.
    assert found(*halved, ideal=replace(IDEAL, change=2.0)) == 1


@pytest.mark.parametrize("percent", [50, 95])
@pytest.mark.parametrize("count", [1, 19, 20, 21, 59, 100, 1000])
def test_the_ideal_burst_is_the_percentile_of_evenly_spaced_completions(count, percent):
    completions_s = np.arange(1, count + 1) * 60 / 12
    expected = np.percentile(completions_s, percent, method="inverted_cdf")
    assert ideal_response_s(IDEAL, Mode.BURST, count, percent) == pytest.approx(expected)


def test_two_calibrations_are_one_over_both_their_times():
    # Three runs in 15 s and three in 30 s: six in 45 s.
    both = merged(IDEAL, Ideal(throughput_per_min=6.0, service_s=(7.0, 11.0, 12.0), concurrency=2))
    assert both == Ideal(pytest.approx(8.0), (7.0, 8.0, 9.0, 10.0, 11.0, 12.0), 2, pytest.approx(11 / 9))
    assert (IDEAL.change, merged(IDEAL, IDEAL).change) == (1.0, 1.0)


def test_the_ideal_of_a_sustained_case_is_its_service_time():
    assert ideal_response_s(IDEAL, Mode.SUSTAINED, 100, 95) == 10.0
    assert ideal_response_s(IDEAL, Mode.SUSTAINED, 100, 50) == 9.0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.sampled_from([50, 95, 99]))
def test_percentiles_are_numpy_s_inverted_cdf(values, percent):
    ordered = sorted(values)
    assert nearest_rank(ordered, percent) == np.percentile(ordered, percent, method="inverted_cdf")
    assert nearest_rank(ordered, percent) in values


def test_percentiles_by_hand():
    assert nearest_rank([1.0, 2.0, 3.0, 4.0], 50) == 2.0
    assert nearest_rank(range(1, 101), 95) == 95
    assert nearest_rank(range(1, 101), 99) == 99
    assert nearest_rank([7.0], 99) == 7.0


def test_samples_for_a_bound():
    assert [samples_for_bound(percent) for percent in (50, 95, 99)] == [5, 59, 299]


def sustained(gap_s: float, service_s: float, count: int = 200) -> Summary:
    """One worker, evenly spaced tasks of one length: D/D/1."""
    scheduled = np.arange(count) * gap_s
    finished = []
    for instant in scheduled:
        finished.append(max(instant, finished[-1] if finished else 0) + service_s)
    ledger = Ledger.of(
        task(str(i), due, end - service_s, end)
        for i, (due, end) in enumerate(zip(scheduled, finished, strict=True))
    )
    return summarise(ledger, concurrency=1, mode=Mode.SUSTAINED, ideal=None)


def test_a_stable_backlog_does_not_grow():
    summary = sustained(gap_s=1.0, service_s=0.7)
    assert summary.backlog_growth_vs_arrival == pytest.approx(0, abs=0.001)
    assert summary.backlog_end == 1
    assert summary.utilisation == pytest.approx(0.7, rel=0.01)


def test_an_overloaded_backlog_grows_by_what_arrives_beyond_the_capacity():
    summary = sustained(gap_s=1.0, service_s=1.25)
    assert summary.backlog_growth_per_min == pytest.approx(60 - 60 / 1.25, rel=0.02)
    assert summary.backlog_growth_vs_arrival == pytest.approx(0.2, rel=0.02)
    assert summary.backlog_end == 200 - 159  # 159 * 1.25 s = 198.75 s are over at 199 s


def test_the_filling_of_the_pipeline_is_not_growth():
    """Four workers, a task a second of 2.8 s each: the backlog rises to 3 and stays."""
    ledger = Ledger.of(task(str(i), i, i, i + 2.8) for i in range(12))
    summary = summarise(ledger, concurrency=4, mode=Mode.SUSTAINED, ideal=None)
    whole_slope = 60 * backlog_series(ledger).slope_per_s(0, 11)
    assert whole_slope > 3
    assert summary.backlog_growth_per_min == pytest.approx(0, abs=1)


def test_nothing_that_finishes_lets_the_backlog_grow_at_the_arrival_rate():
    records = [task(str(i), i, None, None) for i in range(101)]
    summary = summarise(Ledger.of(records), concurrency=1, mode=Mode.SUSTAINED, ideal=None)
    assert summary.backlog_growth_vs_arrival == pytest.approx(1, rel=0.02)


@given(ledgers(State.DONE, State.FAILED, min_size=2))
def test_the_slope_is_that_of_least_squares_on_a_dense_grid(ledger):
    steps = backlog_series(ledger)
    grid = np.linspace(0, 100, 20_001)
    middle = (grid[1:] + grid[:-1]) / 2
    levels = [steps.at(instant) for instant in middle[::10]]
    expected = np.polyfit(middle[::10], levels, 1)[0]
    assert steps.slope_per_s(0, 100) == pytest.approx(expected, abs=2e-3)


@given(ledgers(State.DONE))
def test_little_s_law(ledger):
    """The area under the backlog is the sum of the response times; that in service, of the service times."""
    begin, end = 0.0, 1e4
    response = (ledger.finished_s - ledger.scheduled_s).sum()
    service = (ledger.finished_s - ledger.started_s).sum()
    assert backlog_series(ledger).integral(begin, end) == pytest.approx(response)
    assert in_service_series(ledger).integral(begin, end) == pytest.approx(service)


@given(ledgers(State.DONE, State.FAILED))
def test_the_backlog_ends_at_zero_when_all_have_finished(ledger):
    assert backlog_series(ledger).level[-1] == 0
    assert backlog_series(ledger).level.min() >= 0


@given(ledgers())
def test_what_never_finishes_stays_in_the_backlog(ledger):
    unfinished = len(ledger) - len(ledger.select(State.DONE, State.FAILED))
    assert backlog_series(ledger).level[-1] == unfinished


@given(ledgers(), st.sampled_from(Mode))
def test_every_task_is_counted_once(ledger, mode):
    s = summarise(ledger, concurrency=3, mode=mode, ideal=IDEAL)
    assert s.total == s.unsent + s.missing + s.done + s.failed + s.outstanding
    assert s.lost <= s.missing


@given(ledgers(min_size=0), st.sampled_from(Mode), st.sampled_from([IDEAL, None]))
def test_no_metric_is_nan_and_none_exists_for_a_mode_that_is_not_its_own(ledger, mode, ideal):
    summary = summarise(ledger, concurrency=3, mode=mode, ideal=ideal)
    for name, metric in METRICS.items():
        value = summary.value(name)
        assert value is None or np.isfinite(value)
        assert value is None or metric.signed or value >= 0
        assert value is None or not metric.lacks([mode])


@given(ledgers(), st.randoms(), st.sampled_from(Mode))
def test_the_order_of_the_records_does_not_matter(ledger, random, mode):
    records = ledger.to_records()
    random.shuffle(records)
    one = summarise(ledger, concurrency=2, mode=mode, ideal=IDEAL)
    other = summarise(Ledger.of(records), concurrency=2, mode=mode, ideal=IDEAL)
    for name in METRICS:
        assert one.value(name) == pytest.approx(other.value(name))


@given(ledgers(State.DONE))
def test_percentiles_lie_in_order_and_within_the_data(ledger):
    s = summarise(ledger, concurrency=2, mode=Mode.BURST, ideal=None)
    response = ledger.finished_s - ledger.scheduled_s
    assert response.min() <= s.response_p50_s <= s.response_p95_s <= s.response_p99_s <= s.response_max_s
    assert s.response_max_s == response.max()


def test_no_data_is_none_and_never_zero():
    empty = summarise(Ledger.of([]), concurrency=1, mode=Mode.SUSTAINED, ideal=IDEAL)
    counts = {name for name, metric in METRICS.items() if empty.value(name) is not None}
    assert counts == {
        "total", *State, "outstanding", "lost", "deliveries", "duplicates", "attempts", "retries"
    }  # fmt: skip
    waiting = Ledger.of([task("a", started=None, finished=None), task("b", started=None, finished=None)])
    summary = summarise(waiting, concurrency=1, mode=Mode.BURST, ideal=IDEAL)
    for name in ("throughput_per_min", "efficiency", "response_p95_s", "parallelism_max", "utilisation"):
        assert summary.value(name) is None
    assert summary.backlog_max == 2


def test_a_concurrency_that_nobody_knows_leaves_out_the_utilisation_alone():
    unknown = summarise(BURST, concurrency=None, mode=Mode.BURST, ideal=IDEAL)
    assert unknown == replace(burst(), utilisation=None)  # and the slowdown, which so few tasks have not


def test_failures_alone_make_no_throughput():
    summary = summarise(
        Ledger.of([task("a", status=State.FAILED)]), concurrency=1, mode=Mode.BURST, ideal=IDEAL
    )
    assert (summary.failed, summary.throughput_per_min, summary.efficiency) == (1, None, None)
    assert summary.utilisation == pytest.approx(2 / 3)  # the worker was busy all the same
