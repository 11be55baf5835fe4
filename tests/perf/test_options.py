"""Seconds, as an option or the ini file gives them."""

from __future__ import annotations

import pytest

from perf.cases.errors import UsageError
from perf.plugin.options import OPTIONS, SLOS
from perf.run.kinds import KINDS

BY_NAME = {option.name: option for option in OPTIONS}
DEADLINE, OTHER_LOAD = BY_NAME["deadline"], BY_NAME["max-other-load"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("  ", None),
        ("600", 600.0),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("2m", 120.0),
        ("1h30m", 5400.0),
    ],
)
def test_seconds(text: str, value: float | None) -> None:
    assert DEADLINE.parse(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "ten", "10 s", "m", "2m1h", "0m", "-2m"])
def test_what_is_no_number_of_seconds_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=rf"^--deadline {text}: not a number of seconds above 0; expected"):
        DEADLINE.parse(text)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("utilisation", "70", "more than 10; expected a share of the capacity, e.g. 0.7"),
        ("utilisation", "1e-300", "less than 0.01"),
        ("rate", "0.001", "less than 0.1"),
        ("rate", "1_0", "not a number above 0"),
        ("count", "9" * 20, "more than 1000000"),
        ("decide-within", "1e300", "more than 1000000"),
        ("generators", "100000", "more than 64"),
    ],
)
def test_a_slip_of_the_hand_is_told(name: str, text: str, said: str) -> None:
    option = next(each for kind in KINDS for each in kind.options if each.name == name)
    with pytest.raises(UsageError, match=rf"^--{name} {text}: {said}"):
        option.parse(text)


def test_every_option_has_a_meaning_and_a_name_of_its_own() -> None:
    options = [*OPTIONS, *(option for kind in KINDS for option in kind.options)]
    for names in ([each.name for each in options], [each.short for each in options if each.short]):
        assert len(set(names)) == len(names)
    assert all(option.meaning for option in options)
    assert SLOS.exists()


@pytest.mark.parametrize("text", ["-1", "nan", "some"])
def test_an_other_load_that_makes_no_sense(text: str) -> None:
    with pytest.raises(UsageError, match=rf"^--max-other-load {text}: not a number of processors"):
        OTHER_LOAD.parse(text)


def test_the_other_load_allowed() -> None:
    assert OTHER_LOAD.parse("") is None
    assert OTHER_LOAD.parse("1.5") == 1.5
    assert OTHER_LOAD.parse("0") == 0
