"""Intervals of web loads against values worked out by hand, and by laws that hold."""

import ast
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf.load.request_log import Begin, GeneratorLog, Request
from perf.measure import web_intervals as module
from perf.measure.rank import samples_for_bound
from perf.measure.web import Requests, Window, merged, summarise_web
from perf.measure.web_intervals import web_intervals, wilson
from tests.perf.web_coverage import Load, coverage, queued, truth

ENDPOINTS = ("health", "upload")
NAMES = {
    "response_mean_s", "response_p50_s", "response_p95_s", "response_p99_s", "from_sent_p95_s",
    "throughput_per_s", "throughput_vs_offered", "error_ratio",
    *(f"{name}_{own}" for name in ENDPOINTS for own in ("p50_s", "p95_s", "error_ratio")),
}  # fmt: skip


def rows_of(took_s, gap_s=0.01, failed=()):
    failed = set(failed)
    return [
        Request(
            ENDPOINTS[n % 2],
            n * gap_s,
            n * gap_s,
            n * gap_s + float(took),
            500 if n in failed else 200,
            "500" if n in failed else None,
        )
        for n, took in enumerate(took_s)
    ]


def requests_of(took_s, **more):
    return Requests.of(rows_of(took_s, **more), 1e4)


def found(took_s, **more):
    return web_intervals(requests_of(took_s, **more), Window(0, len(took_s) * 0.01), ENDPOINTS)


def draws(count, seed=1):
    return np.random.default_rng(seed).lognormal(-3, 1, count)


def test_each_metric_of_a_long_load_has_one_and_it_holds_what_the_summary_says():
    rows = rows_of(draws(1200), failed=range(0, 1200, 37))
    rows[700] = Request("health", 7.0, 7.0, None, 0, "outstanding")
    rows[701] = Request("upload", 7.01, None, None, 0, "dropped")
    log, window = GeneratorLog(Begin(0, 0.0), tuple(rows), None), Window(1, 12)
    summary = summarise_web([log], window, is_open=True, endpoints=ENDPOINTS)
    intervals = web_intervals(merged([log]), window, ENDPOINTS)
    assert set(intervals) == NAMES
    for name, interval in intervals.items():
        assert summary.values()[name] in interval, name
        assert interval.low < interval.high, name


@pytest.mark.parametrize(("count", "most"), [(100, 0.036217), (8, 0.369417), (1000, 0.003682)])
def test_no_error_in_n_is_the_exact_binomial_bound(count, most):
    """0 of n is seen in 2.5 % of cases where the ratio is 1 - 0.025^(1/n): (1 - 0.036217)^100 = 0.025."""
    none = found(draws(count))["error_ratio"]
    assert (none.low, none.high) == (0, pytest.approx(most, abs=1e-6))
    every = found(draws(count), failed=range(count))["error_ratio"]
    assert (every.low, every.high) == (pytest.approx(1 - most, abs=1e-6), 1)


def test_an_endpoint_s_errors_are_bounded_by_its_own_requests():
    assert found(draws(200))["upload_error_ratio"].high == pytest.approx(0.036217, abs=1e-6)


def test_wilson_s_interval_by_hand():
    """10 of 100: z^2 = 3.8415; (0.1 + 0.0192) / 1.0384 = 0.1148, 1.96 sqrt(0.0009 + 0.000096) / 1.0384."""
    got = wilson(0.1, 100)
    assert (got.low, got.high) == (pytest.approx(0.05523, abs=1e-5), pytest.approx(0.17437, abs=1e-5))


def test_what_does_not_vary_has_no_width():
    intervals = found(np.full(600, 0.25))
    for name in ("response_mean_s", "response_p50_s", "response_p95_s", "upload_p95_s"):
        assert (intervals[name].low, intervals[name].high) == (pytest.approx(0.25), pytest.approx(0.25)), name


def test_independent_times_have_about_student_s_interval():
    took_s = np.random.default_rng(3).normal(1, 0.1, 4000)
    got = found(took_s)["response_mean_s"]
    assert (got.high - got.low) / (2 * 1.96 * 0.1 / 4000**0.5) == pytest.approx(1.15, abs=0.3)  # t of 9: 2.26


def test_a_slow_second_counts_once_and_not_as_a_hundred_requests():
    """The same response times, once in runs of a hundred and once shuffled."""
    rng = np.random.default_rng(4)
    runs = np.repeat(rng.exponential(0.1, 60), 100)
    together, apart = found(runs), found(rng.permutation(runs))
    for name in ("response_mean_s", "response_p50_s", "response_p95_s"):
        assert together[name].high - together[name].low > 3 * (apart[name].high - apart[name].low), name


def test_failures_that_come_together_say_less():
    together = found(draws(3000), failed=[n for n in range(3000) if n % 1000 < 30])["error_ratio"]
    apart = found(draws(3000), failed=range(0, 3000, 33))["error_ratio"]
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_too_few_samples_have_none():
    assert found(draws(7)) == {}
    few = found(draws(58))
    assert "response_p50_s" in few
    assert not {"response_p95_s", "response_p99_s", "from_sent_p95_s"} & set(few)
    assert "response_p95_s" in found(draws(59))
    assert samples_for_bound(99) == 299
    assert ("response_p99_s" in found(draws(298)), "response_p99_s" in found(draws(299))) == (False, True)


def test_an_endpoint_needs_enough_of_its_own():
    assert "upload_p95_s" not in found(draws(117))
    assert "upload_p95_s" in found(draws(118))
    assert "status_p50_s" not in web_intervals(requests_of(draws(50)), Window(0, 0.5), ("status",))


def test_failed_requests_have_an_error_ratio_and_nothing_else():
    intervals = found(draws(400), failed=range(400))
    assert set(intervals) == {name for name in NAMES if name.endswith("error_ratio")}


def test_only_the_window_is_measured():
    slow_start = np.concatenate([np.full(200, 9.0), np.full(400, 0.05)])
    measured = web_intervals(requests_of(slow_start), Window(2, 6))
    assert measured["response_mean_s"].high == pytest.approx(0.05)


def test_the_same_requests_give_the_same_interval():
    assert found(draws(500)) == found(draws(500))


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 700), st.integers(0, 1000), st.floats(0, 1))
def test_an_interval_holds_what_was_measured(count, seed, failing):
    rng = np.random.default_rng(seed)
    rows = rows_of(rng.pareto(1.5, count), failed=np.flatnonzero(rng.random(count) < failing))
    log, window = GeneratorLog(Begin(0, 0.0), tuple(rows), None), Window(0, count * 0.01)
    summary = summarise_web([log], window, is_open=True, endpoints=ENDPOINTS).values()
    for name, interval in web_intervals(merged([log]), window, ENDPOINTS).items():
        assert interval.low <= summary[name] <= interval.high, name
        assert interval.low >= 0


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 500), st.integers(0, 1000), st.integers(-8, 8))
def test_time_k_times_as_slow_scales_the_interval_by_k(count, seed, power):
    """By powers of two, which floating point scales exactly."""
    k, took_s = 2.0**power, draws(count, seed)
    one = web_intervals(requests_of(took_s, gap_s=1 / 128), Window(0, count / 128), ENDPOINTS)
    scaled = web_intervals(
        Requests.of(rows_of(took_s * k, gap_s=k / 128), 1e4), Window(0, k * count / 128), ENDPOINTS
    )
    assert set(one) == set(scaled)
    for name, interval in one.items():
        factor = k if name.endswith("_s") and name != "throughput_per_s" else 1
        factor = 1 / k if name == "throughput_per_s" else factor
        assert scaled[name].low == pytest.approx(factor * interval.low, rel=1e-6), name
        assert scaled[name].high == pytest.approx(factor * interval.high, rel=1e-6), name


def test_more_requests_make_it_narrower_on_average():
    names = ("response_mean_s", "response_p95_s", "error_ratio", "throughput_vs_offered")

    def widths(count):
        each = [found(draws(count, seed), failed=range(seed, count, 50)) for seed in range(12)]
        return [np.mean([intervals[name].high - intervals[name].low for intervals in each]) for name in names]

    for shorter, longer in pairwise([widths(300), widths(1200), widths(4800)]):
        assert all(np.array(longer) < shorter), dict(
            zip(names, zip(shorter, longer, strict=True), strict=True)
        )


def test_nominal_95_percent_hold_the_truth_about_so_often():
    """Of 60 at 95 %, 51 or more but for one time in 500 (binomial); all: tests/perf/data/web_coverage.txt."""
    held, _ = coverage(Load(100, "exponential", 0.5), 6, 60)
    for name, share in held.items():
        assert share >= 51 / 60, name


def test_the_queue_of_the_simulator_by_hand():
    """Four servers and five requests at once: the fifth waits for the shortest of the others."""
    took_s = np.array([[3.0, 1.0, 2.0, 5.0, 1.0]])
    assert queued(np.zeros(5), took_s).tolist() == [[3, 1, 2, 5, 2]]


def test_the_simulator_s_truth_without_a_queue_is_the_law_s():
    """Half of the requests take 0.5 and half 1.5 times 20 ms; uploads' p95 is 30 ms ln 20."""
    true = truth(Load(100, "exponential", None))
    assert true["response_mean_s"] == pytest.approx(0.02, rel=0.01)
    assert true["upload_p95_s"] == pytest.approx(0.03 * np.log(20), rel=0.01)
    assert true["error_ratio"] == pytest.approx(0.01, rel=0.02)


def test_it_touches_nothing_of_the_world():
    tree = ast.parse(Path(module.__file__).read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in modules if name.startswith("perf")} == {
        "perf.measure.intervals", "perf.measure.ledger", "perf.measure.rank", "perf.measure.web",
    }  # fmt: skip
