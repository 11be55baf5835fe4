"""Whether a case lost capacity while it ran: by hand, by laws, and against chance."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from perf.measure.slowdown import FEWEST, MATTERS, SIGNIFICANT, Slowdown, slowdown

durations = st.lists(st.floats(0.01, 100), min_size=FEWEST, max_size=60).map(np.array)


#: Sound times of about 1 s.
NOISE = np.random.default_rng(1).lognormal(0, 0.1, 80)


def found(values, machine_ratio: float = 1.0) -> Slowdown:
    seen = slowdown(np.array(values, dtype=float), machine_ratio)
    assert seen is not None
    return seen


def test_times_that_double_half_way_by_hand():
    """12 of about 1 s, 12 of about 2 s. The split that differs most is the true one."""
    before = [1.0, 1.03, 0.98, 1.05, 1.02, 0.97, 1.01, 1.06, 0.99, 1.04, 0.96, 1.07]
    seen = found([*before, *(2 * each for each in before)])
    assert seen.ratio == pytest.approx(2)
    assert seen.found
    assert not found([*before, *before]).found


def test_a_lasting_rise_is_found_wherever_it_begins():
    for begins in (15, 30, 45):
        seen = found(NOISE[:60] * np.where(np.arange(60) < begins, 1, 2))
        assert seen.found
        assert seen.ratio == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize(("count", "share"), [(30, 0.85), (60, 0.97), (100, 0.97)])
def test_capacity_that_halves_in_the_middle_is_found(count, share):
    """A step is its own reason for times that come in runs, and does not excuse itself."""
    rng = np.random.default_rng(count)
    halves = np.where(np.arange(count) < count / 2, 1, 2)
    assert np.mean([found(rng.lognormal(0, 0.15, count) * halves).found for _ in range(200)]) >= share


def test_the_probability_is_that_of_kendall_where_successive_times_do_not_depend_on_each_other():
    values = np.random.default_rng(4).lognormal(0, 0.2, 30)
    expected = kendalltau(np.arange(30), values, alternative="greater").pvalue
    assert found(values).probability == pytest.approx(expected)


def test_times_that_come_in_runs_make_a_trend_less_certain():
    """One period of a slow wave that ends high: Kendall alone would call it a trend."""
    wave = 1 + 0.4 * np.sin(np.linspace(-np.pi, np.pi, 60)) + 0.01 * np.cos(np.arange(60))
    alone = kendalltau(np.arange(60), wave, alternative="greater").pvalue
    assert alone < SIGNIFICANT
    assert found(wave).probability > 5 * alone


def test_a_single_straggler_decides_nothing():
    seen = found([1.0, 1.1, 0.9] * 7 + [100.0])
    assert not seen.found
    assert seen.probability > 0.1


def test_a_trend_that_is_certain_and_small_is_no_loss():
    seen = found(np.linspace(1, 1.2, 100))
    assert seen.probability < 1e-6
    assert seen.ratio < MATTERS
    assert not seen.found


def test_a_large_difference_that_may_be_chance_is_none():
    seen = found([1.0, 3.0, 0.9, 2.9, 1.1, 1.0, 3.1, 3.0, 1.0, 2.8])
    assert seen.ratio > MATTERS
    assert not seen.found


@pytest.mark.parametrize("change", [2.0, 1.5])
def test_a_drift_that_bare_runs_show_as_well_is_the_machine_s(change):
    drifting = NOISE * change ** np.linspace(0, 1, 80)
    assert found(drifting).found
    assert not found(drifting, change).found
    assert found(drifting, change).ratio == pytest.approx(found(NOISE).ratio)
    # What goes beyond it is the pipeline's own.
    own = found(drifting * np.repeat([1.0, 2.0], 40), change)
    assert own.found
    assert own.ratio == pytest.approx(2, rel=0.1)


def test_a_machine_that_became_faster_takes_nothing_out():
    """A few bare runs that were quicker, such as the first warm ones, make no loss of times that stayed."""
    assert found([1.0, 1.1, 0.95] * 12, machine_ratio=0.5) == found([1.0, 1.1, 0.95] * 12)
    assert found(NOISE * np.repeat([1.0, 2.0], 40), machine_ratio=0.5).found


def test_what_is_neither_sure_nor_unlikely_is_suspected():
    """A step by half in the middle: of 16 tasks it may be chance (p 0.003), of 64 it is none."""
    few, many = (found(NOISE[:n] * np.repeat([1.0, 1.5], n // 2)) for n in (16, 64))
    assert (few.suspected, few.found) == (True, False)
    assert (many.suspected, many.found) == (False, True)
    assert not found(NOISE[:16]).suspected


def test_a_hundred_thousand_tasks_take_no_minutes():
    many = np.tile(NOISE, 1250)
    begin_s = time.process_time()
    assert not found(many).found
    assert found(many * np.repeat([1.0, 2.0], 50_000)).found
    assert time.process_time() - begin_s < 20  # it is one; without a bound it was hours


def test_too_few_for_a_trend():
    assert slowdown(np.ones(FEWEST - 1)) is None
    assert found(np.ones(FEWEST)) == Slowdown(1.0, 1.0)


@given(durations, st.integers(-8, 8))
def test_the_unit_does_not_matter(values, power):
    """Powers of two: the same floats, but for their exponent."""
    one, other = found(values), found(values * 2.0**power)
    assert other.ratio == pytest.approx(one.ratio)
    assert other.probability == pytest.approx(one.probability, abs=1e-9)


@given(durations)
def test_times_that_only_fall_are_never_a_slowdown(values):
    seen = found(np.sort(values)[::-1])
    assert not seen.found
    assert seen.ratio <= 1


@given(durations, st.floats(1, 2))
def test_the_machine_s_change_is_taken_out_and_nothing_else(values, change):
    """Times drawn out by an even drift, of which bare runs tell, are judged as those without it."""
    drawn_out = values * change ** np.linspace(0, 1, len(values))
    assume(len(set(np.round(values, 9))) == len(values))  # equal ones may come to lie either way
    one, other = found(values), found(drawn_out, change)
    assert other.ratio == pytest.approx(one.ratio)


@given(durations)
def test_it_is_a_probability_and_a_ratio(values):
    seen = found(values)
    assert 0 <= seen.probability <= 1
    assert 0 < seen.ratio < np.inf


@pytest.mark.parametrize("count", [16, 30, 100])
def test_by_chance_alone_it_is_hardly_ever_found(count):
    """300 sound cases: of 0.2 % at most 4 (0.996 of the time), whatever the count."""
    rng = np.random.default_rng(count)
    false = sum(found(rng.lognormal(0, 0.3, count)).found for _ in range(300))
    assert false <= 4
