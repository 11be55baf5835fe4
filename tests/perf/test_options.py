"""Seconds, as an option or the ini file gives them."""

from __future__ import annotations

import pytest

from perf.errors import UsageError
from perf.measure.evidence import Limits
from perf.options import OPTIONS, SLOS, limits, seconds


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("  ", None), ("600", 600.0), ("0.5", 0.5), ("1e3", 1000.0)]
)
def test_seconds(text: str, value: float | None) -> None:
    assert seconds("--deadline", text) == value


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "ten", "10 s"])
def test_what_is_no_number_of_seconds_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=rf"^--deadline {text}: not a number of seconds above 0; expected"):
        seconds("--deadline", text)


def test_every_option_has_a_meaning_and_a_name_of_its_own() -> None:
    assert len({name for name, _, _ in OPTIONS}) == len(OPTIONS)
    assert all(meaning for _, meaning, _ in OPTIONS)
    assert SLOS.exists()


@pytest.mark.parametrize("text", ["-1", "nan", "some"])
def test_an_other_load_that_makes_no_sense(text: str) -> None:
    with pytest.raises(UsageError, match=rf"^--max-other-load {text}: not a number of processors"):
        limits(text)


def test_the_other_load_allowed() -> None:
    assert limits("") == Limits()
    assert limits("1.5").other_cores == 1.5
