"""Change points: steps that are there, in series by hand and by chance; and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf.measure.changepoints import FEWEST, _scores, change_points


def test_the_score_is_the_two_sample_t_of_the_split() -> None:
    # 1, 2, 3 | 7, 8, 9: means 2 and 8, both variances 1: 6 / sqrt(1 * (1/3 + 1/3)) = 7.348
    scores = _scores(np.array([[1.0, 2.0, 3.0, 7.0, 8.0, 9.0]]))
    assert scores.shape == (1, 1)
    assert scores[0, 0] == pytest.approx(7.348, abs=1e-3)


def test_a_step_is_found_at_its_first_value() -> None:
    noise = [0.01, -0.02, 0.015, -0.01, 0.02, -0.015, 0.005, -0.005]
    values = [0.8 * (1 + each) for each in noise] + [0.7 * (1 + each) for each in noise]
    (found,) = change_points(values)
    assert found.place == 8
    assert found.factor == pytest.approx(0.7 / 0.8)
    assert found.probability < 0.005


def test_two_steps_are_both_found_with_the_factor_of_each() -> None:
    noise = [0.01, -0.02, 0.015, -0.01, 0.02, -0.015]
    values = [level * (1 + each) for level in (1.0, 1.3, 1.6) for each in noise]
    found = change_points(values)
    assert [each.place for each in found] == [6, 12]
    assert [each.factor for each in found] == pytest.approx([1.3, 1.6 / 1.3], rel=0.01)


@pytest.mark.parametrize(
    "values",
    [[], [1.0], [1.0, 1.0, 2.0, 2.0], [0.8] * 40, [0.0, 1.0, 2.0] * 5, [1.0] * 12 + [1.5] + [1.0] * 12,
     [1.0, 1.02, 0.99, 1.01, 0.98] * 4 + [1.5, 1.5]],
)  # fmt: skip
def test_there_is_none(values: list[float]) -> None:
    """Too few, all alike, not above 0, one slow run among others, two slow runs at the end."""
    assert change_points(values) == []


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0.1, 10), min_size=8, max_size=40), st.floats(0.01, 100))
def test_the_unit_makes_no_difference_and_parts_are_long_enough(values: list[float], factor: float) -> None:
    found = change_points(values)
    scaled = change_points([factor * each for each in values])
    assert [each.place for each in scaled] == [each.place for each in found]
    edges = [0, *(each.place for each in found), len(values)]
    if found:
        assert min(np.diff(edges)) >= FEWEST
