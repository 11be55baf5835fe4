"""Arrival schedules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.errors import UsageError
from perf.cases.worker import Mode
from perf.load.schedule import burst, offsets, uniform


def test_a_burst_is_due_at_once():
    assert burst(3).tolist() == [0.0, 0.0, 0.0]


def test_thirty_a_minute_are_two_seconds_apart():
    assert uniform(4, 30).tolist() == [0.0, 2.0, 4.0, 6.0]


@given(count=st.integers(2, 2000), rate=st.floats(0.1, 60_000))
def test_a_uniform_schedule_offers_its_rate(count, rate):
    schedule = offsets(Mode.SUSTAINED, count, rate)
    assert len(schedule) == count
    assert schedule[0] == 0
    np.testing.assert_allclose(np.diff(schedule), 60 / rate, rtol=1e-6)
    assert (count - 1) / schedule[-1] * 60 == pytest.approx(rate)


def test_the_mode_chooses():
    assert offsets(Mode.BURST, 2, None).tolist() == [0.0, 0.0]
    assert offsets(Mode.SUSTAINED, 2, 60).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("mode", "count", "rate", "word"),
    [
        (Mode.BURST, 0, None, "at least 1"),
        (Mode.BURST, 3, 10.0, "a burst has no rate"),
        (Mode.SUSTAINED, 3, None, "needs a rate"),
        (Mode.SUSTAINED, 1, 10.0, "at least 2"),
        (Mode.SUSTAINED, 3, 0.0, "above 0"),
        (Mode.SUSTAINED, 3, -1.0, "above 0"),
        (Mode.SUSTAINED, 3, float("nan"), "above 0"),
        (Mode.SUSTAINED, 3, float("inf"), "above 0"),
    ],
)
def test_nonsense_is_refused(mode, count, rate, word):
    with pytest.raises(UsageError, match=word):
        offsets(mode, count, rate)
