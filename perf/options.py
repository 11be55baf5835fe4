"""The suite's options: parsed once from the command line and pytest.ini, then frozen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perf.errors import UsageError
from perf.matrix import Axes

SLOS = Path(__file__).parent / "slos.toml"

#: Name, what it is, default. `--name` on the command line goes before `perf_name` in pytest.ini.
OPTIONS = (
    ("sizes", "video sizes in MB, e.g. 50,100", ""),
    ("concurrency", "worker concurrency, e.g. 1,2,4", ""),
    ("modes", "burst,sustained", ""),
    ("count", "tasks per case", ""),
    ("rate", "arrival rate of the sustained cases in tasks/min, instead of a share of the capacity", ""),
    ("utilisation", "that share: arrival rate / measured capacity of the sustained cases (0.7)", ""),
    ("deadline", "seconds the queue may take to drain after the last task was due", ""),
    ("slos", "the file of thresholds", str(SLOS)),
    ("results", "the folder of results; each run makes one of its own in it", "results"),
)


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    axes: Axes
    drain_deadline_s: float | None
    slos: Path
    results: Path


def add_options(parser: pytest.Parser) -> None:
    """Make every option known to pytest, for the command line and for pytest.ini."""
    group = parser.getgroup("perf", "performance cases")
    for name, meaning, default in OPTIONS:
        group.addoption(f"--{name}", dest=f"perf_{name}", metavar=name.upper(), help=meaning)
        parser.addini(f"perf_{name}", meaning, default=default)


def read_options(config: pytest.Config) -> Options:
    """The options of this run.

    Raises:
        UsageError: one of them makes no sense.
    """
    value = {name: _value(config, name) for name, _, _ in OPTIONS}
    axes = Axes.parse(
        value["sizes"],
        value["concurrency"],
        value["modes"],
        value["count"],
        value["rate"],
        value["utilisation"],
    )
    run = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    return Options(
        axes,
        seconds("--deadline", value["deadline"]),
        Path(value["slos"]),
        config.rootpath / value["results"] / run,
    )


def _value(config: pytest.Config, name: str) -> str:
    given = config.getoption(f"perf_{name}")
    return str(config.getini(f"perf_{name}") if given is None else given)


def seconds(option: str, text: str) -> float | None:
    """The seconds an option gives; None for an empty text.

    Raises:
        UsageError: it is not a number above 0.
    """
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{option} {text}: not a number of seconds above 0; expected e.g. 600")
    return value
