"""What pairs of blocks say of a ratio, against scipy, by hand, and by what must hold of any ratio."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perf.measure.pairs import (
    LOOKS,
    STEEPEST,
    _signed_rank,
    estimate,
    less_other_load,
    level_of,
    t_interval,
    wilcoxon_interval,
)

logs = st.lists(st.floats(-1, 1), min_size=LOOKS[0], max_size=LOOKS[-1]).filter(lambda v: np.std(v) > 1e-6)
levels = st.sampled_from([0.05, 0.01, 0.002, 0.0005])


def test_the_error_is_shared_by_looks_and_comparisons():
    assert level_of(0.01, 1) == pytest.approx(0.002)
    assert level_of(0.01, 12) == pytest.approx(0.01 / 60)


@given(logs, levels)
def test_t_is_scipy_s(values, level):
    middle, low, high = t_interval(np.array(values), level)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(1 - level)
    assert (low, high) == pytest.approx((theirs.low, theirs.high))
    assert middle == pytest.approx(np.mean(values))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_ranks_are_counted_one_by_one(count):
    sums = [
        sum(rank for rank, sign in enumerate(signs, 1) if sign)
        for signs in product((False, True), repeat=count)
    ]
    expected = np.bincount(sums) / 2**count
    assert _signed_rank(count) == pytest.approx(expected)


def test_wilcoxon_by_hand():
    """Five values, level 1/8: the sum 0 or 1 has 2/32, so one Walsh average may lie outside at each end.

    P(W <= 0) = 1/32 and P(W <= 1) = 2/32, which is half the level: the edges are the second from each end.
    """
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    walsh = sorted((a + b) / 2 for i, a in enumerate(values) for b in values[i:])
    assert wilcoxon_interval(values, 1 / 8) == (pytest.approx(np.median(walsh)), walsh[1], walsh[-2])


@given(logs, levels)
def test_wilcoxon_leaves_out_what_the_exact_test_refuses(values, level):
    """A shift within the interval is not refused by scipy's exact test, and one beyond it is."""
    _, low, high = wilcoxon_interval(np.array(values), level)
    if not np.isfinite(low):
        return
    gap = max(abs(high - low), 1e-3) * 1e-6 + 1e-9
    for shift in (low - gap, high + gap):
        moved = np.array(values) - shift
        if len(set(np.abs(moved).round(12))) < len(moved) or (moved == 0).any():
            continue  # ties: the exact distribution is of none
        assert stats.wilcoxon(moved, method="exact").pvalue <= level + 1e-12


def test_wilcoxon_says_nothing_of_too_few():
    assert wilcoxon_interval(np.zeros(7), 0.01)[1:] == (-np.inf, np.inf)
    assert np.isfinite(wilcoxon_interval(np.arange(8.0), 0.01)[1])


@given(logs, levels)
def test_sides_that_change_places_turn_the_ratio_upside_down(values, level):
    one, other = estimate(values, level), estimate([-each for each in values], level)
    assert one.ratio == pytest.approx(1 / other.ratio)
    if one.by == other.by:  # where both are as wide, either may count
        assert one.low == pytest.approx(1 / other.high)
        assert one.high == pytest.approx(1 / other.low)


@given(logs, levels, st.floats(-1, 1))
def test_a_factor_moves_estimate_and_interval_alike(values, level, shift):
    one, moved = estimate(values, level), estimate([each + shift for each in values], level)
    if one.by == moved.by:
        for part in ("ratio", "low", "high"):
            assert np.log(getattr(moved, part)) == pytest.approx(np.log(getattr(one, part)) + shift, abs=1e-9)


@pytest.mark.parametrize("interval", [t_interval, wilcoxon_interval])
@given(values=logs)
def test_surer_is_wider(interval, values):
    (middle, *narrow), (_, *wide) = (interval(np.array(values), level) for level in (0.05, 0.0005))
    assert wide[0] <= narrow[0] <= middle <= narrow[1] <= wide[1]


def test_one_burst_of_noise_leaves_it_to_wilcoxon():
    quiet = [0.10, 0.11, 0.09, 0.105, 0.095, 0.1, 0.102, 0.098, 0.101, 0.099, 0.103, 0.097] * 2
    calm, burst = estimate(quiet, 0.002), estimate([*quiet[:-1], 2.0], 0.002)
    assert calm.by == "t"
    assert burst.by == "Wilcoxon"
    assert burst.low > 1.08
    assert burst.high < 1.13


def test_five_looks_keep_the_error_they_are_given():
    """The share of 300 series without a difference that any look takes for one, at 5 %."""
    rng, level = np.random.default_rng(7), level_of(0.05, 1)
    alarms = 0
    for _ in range(300):
        series = rng.normal(0, 0.05, LOOKS[-1])
        found = (estimate(series[:look].tolist(), level) for look in LOOKS)
        alarms += any(each.low > 1 or each.high < 1 for each in found)
    assert alarms <= 15  # 5 % of them; Bonferroni's five looks are below (seeds 7, 8, 9: 10, 6, 9)


signs = st.lists(st.sampled_from([-1.0, 1.0]), min_size=LOOKS[-1], max_size=LOOKS[-1])
loads = st.lists(st.floats(-2, 2), min_size=LOOKS[0], max_size=LOOKS[-1])


@given(logs, loads, signs)
def test_which_side_of_a_pair_is_called_here_has_no_part_in_the_slope(values, others, turned):
    """What is left of a pair that is turned round is what was left of it, with the other sign."""
    count = min(len(values), len(others))
    values, others, turned = (np.array(each[:count]) for each in (values, others, turned))
    left = less_other_load(values, others)
    again = less_other_load(turned * values, turned * others)
    if np.any(left != values) and np.any(again != turned * values):  # neither was taken for a side's own
        assert again == pytest.approx(turned * left)


def test_what_other_load_explains_is_taken_out_whole():
    others = np.array([0.5, -0.5, 1.0, -1.0, 0.0, 0.25, -0.25, 0.0])
    assert less_other_load(0.1 + 0.4 * others, others) == pytest.approx(np.full(8, 0.1))


def test_load_that_makes_faster_or_too_slow_by_far_is_chance():
    others = np.array([0.5, -0.5, 1.0, -1.0, 0.0, 0.25, -0.25, 0.0])
    assert less_other_load(0.1 - 0.4 * others, others) == pytest.approx(0.1 - 0.4 * others)
    assert less_other_load(3 * others, others) == pytest.approx((3 - STEEPEST) * others)
    assert less_other_load([0.1] * 8, [0.0] * 8) == pytest.approx(np.full(8, 0.1))


def test_load_that_one_side_brings_along_explains_nothing():
    """A process that a side has left running, at a tenth of a processor, is no excuse for 10 % more time."""
    others = 0.1 + 0.01 * np.array([1, -1, 2, -2, 1, -1, 0, 0])
    assert less_other_load([0.1] * 8, others).tolist() == [0.1] * 8
