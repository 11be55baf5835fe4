"""The anchor to the pipeline's clock is never off by more than it says."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.environment import named_settings
from fixtures.video_pipeline import VideoPipeline
from perf.cases.errors import HarnessError
from perf.load.clock import PROBES, PipelineClock, anchor

DELAYS_S = st.floats(0, 2)


class Wire:
    """A local clock, and a remote one *offset_s* ahead, asked over delays there and back.

    The first question, which may pay for a connection, takes long; its answer must not count.
    """

    def __init__(self, offset_s: float, delays_s: list[tuple[float, float]]) -> None:
        self.now_s = 1000.0
        self._offset_s = offset_s
        self._delays_s = iter([(9.0, 0.0), *delays_s])

    def clock(self) -> float:
        return self.now_s

    def ask(self) -> float:
        there_s, back_s = next(self._delays_s)
        self.now_s += there_s
        answer = self.now_s + self._offset_s
        self.now_s += back_s
        return answer


@given(
    st.floats(-1e9, 1e9),
    st.lists(st.tuples(DELAYS_S, DELAYS_S), min_size=PROBES, max_size=PROBES),
)
def test_the_error_is_within_the_uncertainty(offset_s: float, delays_s: list[tuple[float, float]]) -> None:
    wire = Wire(offset_s, delays_s)
    clock = anchor(wire.ask, wire.clock)
    assert abs(clock.offset_s - offset_s) <= clock.uncertainty_s + 1e-6  # of a float near 1e9
    assert abs(clock.uncertainty_s - min(there + back for there, back in delays_s) / 2) < 1e-9


@pytest.mark.parametrize("answer", [None, "12", math.nan, math.inf, Decimal(12)])
def test_what_is_no_instant_is_told(answer: object) -> None:
    with pytest.raises(HarnessError, match=r"^the pipeline's clock_s\(\) says .*; expected a number"):
        anchor(lambda: answer)


def test_the_quickest_probe_is_used() -> None:
    slow, quick = (0.0, 2.0), (0.01, 0.01)  # by hand: the slow ones alone would be off by 1 s
    wire = Wire(50.0, [slow] * 7 + [quick] + [slow] * (PROBES - 8))
    clock = anchor(wire.ask, wire.clock)
    assert abs(clock.offset_s - 50.0) < 1e-9
    assert abs(clock.uncertainty_s - 0.01) < 1e-9


def test_an_instant_is_the_reading_plus_the_offset() -> None:
    assert PipelineClock(offset_s=100.0, uncertainty_s=0.0).at(2.5) == 102.5


def test_it_is_the_pipelines_clock(pipeline_env: dict[str, str]) -> None:
    pipeline = VideoPipeline.of(*named_settings())
    clock = anchor(pipeline.clock_s)
    before_s = pipeline.clock_s()
    now_s = clock.now()
    after_s = pipeline.clock_s()
    pipeline.close()
    assert before_s - clock.uncertainty_s <= now_s <= after_s + clock.uncertainty_s
