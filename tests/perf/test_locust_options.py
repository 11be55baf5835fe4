"""The options of the Locust file: what makes no sense is one line before any load; the old ones are taken."""

from __future__ import annotations

import argparse

import pytest

from perf.load.locust_options import add_options


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser("locust")
    add_options(parser)
    return parser.parse_args(argv)


def test_the_steps_of_the_old_procedure() -> None:
    options = parsed("--step-load", "--step-users", "50", "--step-time", "2m")
    assert (options.step_load, options.step_users, options.step_time) == (True, 50, 120.0)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("--rate -5", "--rate -5: not a number above 0; expected requests per second"),
        ("--rate nan", "--rate nan: not a number above 0"),
        ("--rate 1e12", "--rate 1e12: more than 100000"),
        ("--load-time inf", "--load-time inf: not a number of seconds above 0"),
        ("--step-users 0", "--step-users 0: not a whole number above 0"),
        ("--step-time 0", "--step-time 0: not a number of seconds above 0"),
        ("--step-time 2x", "--step-time 2x: not a number of seconds above 0"),
        ("--think-time -1", "--think-time -1: not a number of seconds, 0 or more"),
        ("--max-outstanding none", "--max-outstanding none: not a whole number above 0"),
        ("--shape stairs", "invalid choice: 'stairs'"),
        ("--clip absent.mp4", "--clip absent.mp4: there is no such file"),
        ("--api absent.toml", "absent.toml: cannot read the endpoints"),
    ],
)
def test_nonsense_is_one_line(argv: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(*argv.split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
