"""The suite's options: parsed once from the command line and pytest.ini, then frozen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from perf.errors import UsageError
from perf.matrix import Axes, positive_number
from perf.measure.evidence import Limits
from perf.web_matrix import WebAxes

SLOS = Path(__file__).parent / "slos.toml"

#: Name, what it is, default. `--a-name` on the command line goes before `perf_a_name` in pytest.ini.
OPTIONS = (
    ("sizes", "video sizes in MB, e.g. 50,100", ""),
    ("concurrency", "worker concurrency, e.g. 1,2,4", ""),
    ("modes", "burst,sustained", ""),
    ("count", "tasks per case", ""),
    ("rate", "arrival rate of the sustained cases in tasks/min, instead of a share of the capacity", ""),
    ("utilisation", "that share: arrival rate / measured capacity of the sustained cases (0.7)", ""),
    ("deadline", "seconds the queue may take to drain after the last task was due", ""),
    ("load-users", "web cases: users at the top of ramp and steps, e.g. 50", ""),
    ("step-users", "web cases: users that each step adds, e.g. 10", ""),
    ("step-time", "web cases: seconds of each step, e.g. 30", ""),
    ("spawn-rate", "web cases: users started per second, e.g. 1", ""),
    ("web-rate", "requests/s of the stable web case, instead of 0.8 of the knee", ""),
    ("generators", "load processes of the web cases (1)", ""),
    ("api-url", "the API's address of the aws cases, instead of PERF_API_URL", ""),
    (
        "max-other-load",
        "processors that other processes may keep busy on average before a case is INVALID (0.25)",
        "",
    ),
    ("slos", "the file of thresholds", str(SLOS)),
    ("results", "the folder of results; each run makes one of its own in it", "results"),
)

_SHORT = {"api-url": ("-H",)}


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    axes: Axes
    web: WebAxes
    api_url: str
    drain_deadline_s: float | None
    limits: Limits
    slos: Path
    results: Path


def add_options(parser: pytest.Parser) -> None:
    """Make every option known to pytest, for the command line and for pytest.ini."""
    group = parser.getgroup("perf", "performance cases")
    for name, meaning, default in OPTIONS:
        flags = (f"--{name}", *_SHORT.get(name, ()))
        group.addoption(*flags, dest=_key(name), metavar=name.upper(), help=meaning)
        parser.addini(_key(name), meaning, default=default)
    meaning = "make the run's report at its end"
    group.addoption("--report", dest="perf_report", action="store_true", help=meaning)


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
    web = WebAxes.parse(
        load_users=value["load-users"],
        step_users=value["step-users"],
        step_time=value["step-time"],
        spawn_rate=value["spawn-rate"],
        web_rate=value["web-rate"],
        generators=value["generators"],
        size_mb=min(axes.sizes_mb),
    )
    run = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    return Options(
        axes,
        web,
        value["api-url"],
        seconds("--deadline", value["deadline"]),
        limits(value["max-other-load"]),
        Path(value["slos"]),
        config.rootpath / value["results"] / run,
    )


def limits(other_cores: str) -> Limits:
    """The limits of validity, with the processors that other load may take.

    Raises:
        UsageError: it is not a number, 0 or more.
    """
    if not other_cores.strip():
        return Limits()
    try:
        cores = float(other_cores)
    except ValueError:
        cores = math.nan
    if not (math.isfinite(cores) and cores >= 0):
        raise UsageError(
            f"--max-other-load {other_cores}: not a number of processors, 0 or more; expected e.g. 0.25"
        )
    return Limits(other_cores=cores)


def _value(config: pytest.Config, name: str) -> str:
    given = config.getoption(_key(name))
    return str(config.getini(_key(name)) if given is None else given)


def _key(name: str) -> str:
    return f"perf_{name.replace('-', '_')}"


def seconds(option: str, text: str) -> float | None:
    """The seconds an option gives; None for an empty text.

    Raises:
        UsageError: it is not a number above 0.
    """
    return positive_number(option, text, "e.g. 600", "number of seconds")
