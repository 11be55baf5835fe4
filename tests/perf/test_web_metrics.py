"""Requests measured against values worked out by hand, and by laws that hold."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.case import Variant
from perf.cases.endpoints import read_endpoints
from perf.cases.errors import HarnessError, UsageError
from perf.cases.options import parsed
from perf.cases.web import CLOSED, OPTIONS, STABLE_SHARE, WebMode, web_cases
from perf.judge.check import problems
from perf.judge.evidence import LoadEvidence
from perf.judge.load_checks import LOAD_CHECKS, stalls
from perf.judge.run_checks import RUN_CHECKS
from perf.judge.slos import parse_slos
from perf.load.request_log import Begin, GeneratorLog, Request, RequestLog, Totals, read_logs
from perf.load.shapes import Growth, arrivals
from perf.measure.bisection import Outcome, bounds, next_step
from perf.measure.web import Window, merged, per_second, summarise_web, window_of
from tests.perf.judged import KINDS

T = 1_000_000.0
ENDPOINTS = tuple(endpoint.name for endpoint in read_endpoints())


def log(rows, generator=0, cpu_s=0.1, lag_s=(0.0,), started_s=T, ended_s=T + 10, **totals):
    rows = tuple(rows)
    sent = sum(row.sent_s is not None for row in rows)
    counted = {"due": len(rows), "sent": sent, "dropped": len(rows) - sent,
               "ended": sum(row.ended_s is not None for row in rows)}  # fmt: skip
    counted |= totals
    return GeneratorLog(
        Begin(generator, started_s),
        rows,
        Totals(**counted, ended_s=ended_s, cpu_s=cpu_s, loaded_s=10, lag_s=lag_s),
    )


def summarised(logs, window, **more):
    return summarise_web(logs, window, endpoints=ENDPOINTS, **{"is_open": True} | more)


def checked(logs, summary):
    return problems((*LOAD_CHECKS, *RUN_CHECKS), LoadEvidence(tuple(logs), summary))


def row(due, took=0.1, *, endpoint="health", lag=0.0, error=None, status=200, **more):
    return Request(endpoint, T + due, T + due + lag, T + due + took, status, error, **more)


def summary_of(rows, window=(0, 10), is_open=True, **more):
    return summarised([log(rows, **more)], Window(T + window[0], T + window[1]), is_open=is_open)


def test_counts_times_and_rates_by_hand():
    rows = [
        row(0.5, 0.2),  # before the window
        row(1, 0.1),
        row(2, 0.3, lag=0.1, endpoint="upload"),
        row(3, 0.2, error="500", status=500),
        Request("status", T + 4, T + 4, None, 0, "outstanding"),
        Request("status", T + 5, None, None, 0, "dropped"),
    ]
    got = summary_of(rows, (1, 9))
    assert (got.due, got.sent, got.answered, got.failed, got.outstanding, got.dropped, got.warm_up) == (
        5, 4, 2, 1, 1, 1, 1)  # fmt: skip
    assert got.error_ratio == pytest.approx(3 / 5)
    assert got.offered_per_s == pytest.approx(5 / 8)
    assert got.throughput_per_s == pytest.approx(2 / 8)
    assert got.throughput_vs_offered == pytest.approx(2 / 5)
    # 0.1, 0.3, and the outstanding one's age when the load had ended: 6 s
    assert (got.response_p50_s, got.response_p95_s) == (pytest.approx(0.3), pytest.approx(6))
    assert got.value("upload_p95_s") == pytest.approx(0.3)
    assert got.from_sent_p95_s == pytest.approx(0.2)
    assert got.send_lag_max_s == pytest.approx(0.1)
    assert got.value("status_error_ratio") == 1
    assert got.value("download_answered") == 0
    assert got.value("download_p95_s") is None
    assert got.in_flight_growth == 1


def test_a_percentile_is_nearest_rank_of_all_requests():
    rng = np.random.default_rng(5)
    took = rng.exponential(size=997)
    got = summary_of([row(n / 100, t) for n, t in enumerate(took)], ended_s=T + 100)
    for percent, value in ((50, got.response_p50_s), (95, got.response_p95_s), (99, got.response_p99_s)):
        assert value == pytest.approx(np.percentile(took, percent, method="inverted_cdf"), abs=1e-6)


def test_a_stall_is_hidden_from_a_closed_loop():
    """10/s for 100 s, each 10 ms, but for a stall of 5 s: a request u s into it takes 5 - u."""
    rows = [row(n / 10, 5 - (n / 10 - 50) if 50 <= n / 10 < 55 else 0.01) for n in range(1000)]
    got = summarised([log(rows, ended_s=T + 101)], Window(T, T + 100))
    assert got.response_p99_s == pytest.approx(4, abs=0.11)  # 1 % of 1000 waited longer than 4 s
    assert got.closed_loop_users == 1
    assert got.closed_loop_unsent == 49  # of the 50 within the stall
    assert got.closed_loop_p99_s == pytest.approx(0.01)


@given(st.lists(st.floats(0.001, 3), min_size=1, max_size=60), st.floats(0.02, 2))
def test_a_closed_loop_never_sees_more_than_there_was(took, gap):
    got = summarised(
        [log([row(n * gap, t) for n, t in enumerate(took)], ended_s=T + 1e4)], Window(T, T + 1e3)
    )
    assert got.closed_loop_p99_s <= got.response_max_s
    assert 0 <= got.closed_loop_unsent < got.sent
    assert got.due == got.answered + got.failed + got.outstanding + got.dropped


def test_generators_merge_exactly_whatever_is_whose():
    rows = [row(n / 50, 0.001 * (n % 17)) for n in range(400)]
    window = Window(T, T + 8)
    whole = summarised([log(rows)], window)
    split = summarised([log(rows[0::3]), log(rows[1::3], 1), log(rows[2::3], 2)], window)
    assert whole == split


def test_seconds_add_up_to_the_whole():
    rows = [row(n / 7, 0.3) for n in range(35)] + [Request("health", T + 2.5, None, None, 0, "dropped")]
    seconds = per_second(merged([log(rows)]), T)
    assert [each.second for each in seconds] == [0, 1, 2, 3, 4, 5]
    assert sum(each.due for each in seconds) == 36
    assert sum(each.answered for each in seconds) == 35
    assert [each.dropped for each in seconds] == [0, 0, 1, 0, 0, 0]
    assert seconds[0].in_flight == 2  # due at 5/7 and 6/7, each of 0.3 s
    assert seconds[1].p95_s == pytest.approx(0.3)


def test_the_window_begins_with_the_first_arrival():
    logs = [log([row(0.2)], started_s=T), log([row(0.4)], 1, started_s=T + 0.1)]
    assert window_of(logs, 5, 1) == Window(T + 1.2, T + 5.2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sent": 9}, "counted"),
        ({"cpu_s": 9.5}, "used 0.95 of one core"),
        ({"lag_s": (0.3,)}, "came to its answers 0.3 s late"),
    ],
)
def test_what_cannot_be_trusted_is_said(changes, said):
    logs = [log([row(n / 10) for n in range(50)], **changes)]
    (problem,) = checked(logs, summarised(logs, Window(T, T + 10)))
    assert said in str(problem)


def test_late_sends_empty_loads_and_lost_uploads_are_said():
    def said(log, **more):
        return str(tuple(map(str, checked([log], summarised([log], Window(T, T + 10), **more)))))

    good = log([row(1)])
    assert said(good) == "()"
    assert "sent its requests 0.2 s late" in said(log([row(n / 10, 0.5, lag=0.2) for n in range(50)]))
    assert "no request was due" in said(log([]))
    assert "lost: 2" in said(good, lost=2)
    assert "cut short" in said(replace(good, totals=None))


def test_a_log_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "requests_0.jsonl"
    whole = log([row(0), row(1, error="x", status=500), Request("upload", T, None, None, 0, "dropped")])
    writer = RequestLog(path, whole.begin)
    for request in whole.requests:
        writer.add(request)
    writer.close(whole.totals)
    assert read_logs([path]) == (whole,)
    text = path.read_text()
    path.write_text(text[: text.rindex("{") + 5])  # cut within the last line
    assert read_logs([path]) == (replace(whole, totals=None),)
    path.write_text("not json\n")
    with pytest.raises(HarnessError, match="not a log of requests"):
        read_logs([path])


def test_arrivals_are_even_and_dealt_out_in_turn():
    assert list(arrivals(4, 1)) == [0, 0.25, 0.5, 0.75]
    assert list(arrivals(4, 1, generator=1, generators=2)) == [0.25, 0.75]


@given(st.floats(0.1, 500), st.floats(0.01, 5), st.integers(1, 5))
def test_generators_together_offer_what_one_would(rate, run_s, generators):
    parts = [
        due for n in range(generators) for due in arrivals(rate, run_s, generator=n, generators=generators)
    ]
    assert sorted(parts) == list(arrivals(rate, run_s))


@pytest.mark.parametrize(
    ("shape", "levels"),
    [("stable", [10] * 5), ("ramp", [1, 3, 5, 7, 9]), ("steps", [4, 4, 8, 8, 10])],
)
def test_users_grow_as_the_shape_says(shape, levels):
    growth = Growth(shape, users=10, spawn_per_s=2, step_users=4, step_s=2)
    assert [growth.users_at(second) for second in range(5)] == levels
    for second in range(5):
        change_s = growth.next_change_s(second)
        if math.isfinite(change_s):
            assert growth.users_at(change_s) > growth.users_at(second) == growth.users_at(change_s - 1e-6)
        else:
            assert growth.users_at(1e6) == growth.users_at(second)


@pytest.mark.parametrize("capacity", [0.7, 3, 20, 137.3, 1000])
@pytest.mark.parametrize("resolution", [1.1, 1.2])
def test_the_search_closes_in_on_any_capacity(capacity, resolution):
    steps = []
    while (rate := next_step(steps, 16, resolution)) is not None:
        steps.append((rate, Outcome.BROKE if rate > capacity else Outcome.HELD))
    held, broken = bounds(steps)
    assert held <= capacity < broken
    assert broken / held <= resolution
    assert len(steps) <= abs(math.log2(capacity / 16)) + 2 + 4


def test_a_rate_that_held_above_one_that_broke_does_not_count():
    steps = [(16, Outcome.HELD), (32, Outcome.BROKE), (64, Outcome.HELD)]
    assert bounds(steps) == (16, 32)


def test_throughput_has_stopped_growing_when_requests_pile_up():
    fine = summary_of([row(n / 50, 0.05) for n in range(500)])
    assert stalls(fine) == ""
    behind = summary_of([row(n / 50, 0.05 + n / 500) for n in range(500)], ended_s=T + 20)
    assert "throughput stopped growing" in stalls(behind)


def test_cases_and_their_names():
    found = web_cases(Variant.MOCKED, {})
    assert [case.id for case in found] == [
        f"mocked-web-{name}" for name in ("smoke", "ramp", "steps", "knee", "stable")
    ]
    texts = {"load-users": "30", "step-users": "10", "step-time": "5", "spawn-rate": "3", "web-rate": "40"}
    cases = {case.mode: case for case in web_cases(Variant.LOCAL, parsed(OPTIONS, texts))}
    steps = cases[WebMode.STEPS]
    assert (steps.users, steps.step_users, steps.step_s, steps.spawn_per_s, steps.run_s) == (30, 10, 5, 3, 15)
    assert cases[WebMode.STABLE].rate_per_s == 40
    assert all(cases[mode].rate_per_s is None for mode in CLOSED)
    assert STABLE_SHARE == 0.8
    with pytest.raises(UsageError, match="--load-users few"):
        parsed(OPTIONS, {"load-users": "few"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[mocked.web-smoke]\nslos = ["efficiency >= 1"]', "unknown metric 'efficiency'"),
        ('[mocked.web-smoke]\nslos = ["knee_per_s >= 1"]', "only for web-knee"),
        ('[mocked.web-smoek]\nslos = ["error_ratio <= 1"]', "did you mean 'web-smoke'"),
        ('[mocked.web-knee]\nslos = ["knee_per_s >= 1 per_min"]', "in per_s"),
        ('[mocked.burst]\nslos = ["upload_p95_s <= 1"]', "unknown metric 'upload_p95_s'"),
    ],
)
def test_the_slos_of_web_cases_are_checked_as_strictly(text, said):
    with pytest.raises(UsageError, match=said):
        parse_slos(text, "slos.toml", KINDS)
