"""The suite's options: read once from the command line and pytest.ini, then frozen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from perf.cases.case import Case, Variant
from perf.cases.defaults import SLOS
from perf.cases.errors import UsageError
from perf.cases.options import EMPTY, Option, number_above_0, number_from_0, parsed, seconds, text
from perf.judge.evidence import Tolerances
from perf.run.kind import Kind

#: CloudWatch tells most metrics within two minutes.
CLOUD_WAIT_S = 120.0
#: Those of no kind.
OPTIONS = (
    Option(
        "deadline",
        "seconds the queue may take to drain after the last task was due, or such as 30m (mocked 120, local "
        "1800, aws 3600)",
        seconds,
    ),
    Option(
        "workers-deadline",
        "seconds that the workers of the aws cases may take to be set, and then to report themselves (600)",
        seconds,
    ),
    Option("api-url", "the API's address of the aws cases, instead of PERF_API_URL", text, short="-H"),
    Option(
        "max-other-load",
        "processors that other processes may keep busy on average (default: as many as leave the case's "
        "ratios to its bare runs what they are; of web cases, half of all)",
        number_from_0("e.g. 0.25", "number of processors"),
    ),
    Option(
        "cloudwatch-wait",
        "seconds to wait after an aws case for what CloudWatch tells late (120); `python -m perf cloudwatch` "
        "fetches the rest",
        number_from_0("e.g. 300, or 0 for what is there", "number of seconds"),
    ),
    Option(
        "max-minutes",
        "minutes that the run may take: then it ends, and what it has sent is removed",
        number_above_0("minutes, e.g. 90"),
    ),
    Option(
        "max-cost",
        "US dollars that the nodes of the aws cases may cost: the same then; needs PERF_NODE_TYPE or "
        "PERF_NODE_PRICE",
        number_above_0("US dollars, e.g. 5"),
    ),
    Option("slos", f"the file of thresholds (perf/{SLOS.name})", text),
    Option("results", "the folder of results; each run makes one of its own in it (results)", text),
    Option("baseline", "a baseline's file, or the results of earlier runs, to hold each case against", text),
    Option(
        "slots",
        "a file of several deployments, on which -n N measures cells of the aws cases side by side",
        text,
    ),
    Option("history", "a file to which each case's figures are added, for `python -m perf history`", text),
)


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        kinds: the kinds of case, as the options make them.
        cases: the cases of each kind and variant, in the order they run.
        tolerances: from where on a disturbance counts.
        drain_deadline_s: instead of the variant's.
        workers_deadline_s: how long a new fleet may take elsewhere, instead of the default.
        api_url: instead of PERF_API_URL.
        slos: the file of thresholds.
        results: the folder of this run.
        baseline: the file or folder to hold cases against.
        update_baseline: whether that file is written anew.
        history: the file of the history.
        slots: the file of the deployments of a run on several.
        max_s: how long the run may take; None = as long as it takes.
        max_usd: what the nodes of its aws cases may cost; None = whatever they cost.
        cloud_wait_s: how long what CloudWatch tells is waited for, after a case.
        clip: a video in place of the clips.
    """

    kinds: tuple[Kind[Any, Any], ...]
    cases: Mapping[str, tuple[Case, ...]]
    tolerances: Tolerances
    drain_deadline_s: float | None
    workers_deadline_s: float | None
    api_url: str
    slos: Path
    results: Path
    baseline: Path | None = None
    update_baseline: bool = False
    history: Path | None = None
    slots: Path | None = None
    cloud_wait_s: float = CLOUD_WAIT_S
    max_s: float | None = None
    max_usd: float | None = None
    clip: Path | None = None


#: Where the options of this run are.
STASHED = pytest.StashKey[Options]()


def add_options(parser: pytest.Parser, kinds: Sequence[Kind[Any, Any]]) -> None:
    """Make every option known to pytest, for the command line and for pytest.ini."""
    group, taken = parser.getgroup("perf", "performance cases"), _taken(parser)
    for option in _all(kinds):
        flags = _free(taken, option.flag, option.short)
        group.addoption(*flags, dest=option.key, metavar=option.name.upper(), help=option.meaning)
        parser.addini(option.key, option.meaning, default="")
    group.addoption(
        *_free(taken, "--report"),
        dest="perf_report",
        action="store_true",
        help="make the run's report at its end",
    )
    group.addoption(
        *_free(taken, "--update-baseline"),
        dest="perf_update_baseline",
        action="store_true",
        help="accept what this run measured: write it into the file that --baseline names",
    )


def _taken(parser: pytest.Parser) -> set[str]:
    """The flags of pytest and of the plugins before this one; pytest has no public way to ask."""
    groups = (*parser._groups, parser._anonymous)
    return {name for group in groups for option in group.options for name in option.names()}


def _free(taken: Collection[str], flag: str, short: str = "") -> Sequence[str]:
    """Those of the flags that nobody has; ``--perf-count`` where another plugin has ``--count``."""
    free = [each for each in (flag, short) if each and each not in taken]
    return free if flag in free else [f"--perf-{flag.removeprefix('--')}", *free]


def read_options(config: pytest.Config, kinds: Sequence[Kind[Any, Any]]) -> Options:
    """The options of this run, and the cases that they span.

    Raises:
        UsageError: one of them makes no sense.
    """
    options = tuple(_all(kinds))
    value = parsed(options, {option.name: _text(config, option) for option in options})
    configured = tuple(kind.configured(value) for kind in kinds)
    other_cores = value["max-other-load"]
    run = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    return Options(
        kinds=configured,
        cases={kind.name: _cases(kind, value) for kind in configured},
        tolerances=Tolerances() if other_cores is None else Tolerances(other_cores=other_cores),
        drain_deadline_s=value["deadline"],
        workers_deadline_s=value["workers-deadline"],
        api_url=value["api-url"],
        slos=_file(config, value["slos"]) if value["slos"] else SLOS,
        results=config.rootpath / (value["results"] or "results") / run,
        baseline=Path(value["baseline"]) if value["baseline"] else None,
        update_baseline=bool(config.getoption("perf_update_baseline")),
        history=Path(value["history"]) if value["history"] else None,
        slots=Path(value["slots"]) if value["slots"] else None,
        max_s=value["max-minutes"] and 60 * value["max-minutes"],
        max_usd=value["max-cost"],
        cloud_wait_s=CLOUD_WAIT_S if value["cloudwatch-wait"] is None else value["cloudwatch-wait"],
        clip=value.get("clip"),
    )


def _file(config: pytest.Config, name: str) -> Path:
    """A file that is named from where one is, or, as in pytest.ini, from where that is."""
    there = config.rootpath / name
    return there if there.exists() and not Path(name).exists() else Path(name)


def _cases(kind: Kind[Any, Any], value: Mapping[str, Any]) -> tuple[Case, ...]:
    return tuple(case for variant in Variant for case in kind.cases(variant, value))


def _all(kinds: Sequence[Kind[Any, Any]]) -> Iterator[Option]:
    for kind in kinds:
        yield from kind.options
    yield from OPTIONS


def _text(config: pytest.Config, option: Option) -> str:
    """What was given on the command line or else in pytest.ini.

    Raises:
        UsageError: it is given and empty, or its kind joined when the command line had been read.
    """
    try:
        given = config.getoption(option.key, None)
        if given is not None and not given.strip():
            raise UsageError(f"{option.flag} '': {EMPTY}")
        return str(config.getini(option.key) if given is None else given)
    except ValueError:
        raise UsageError(
            f"{option.flag}: its kind of case joined too late to have options; bring the kind by the root "
            "conftest.py, before its pytest_plugins, or by -p in pytest.ini before -p perf.plugin"
        ) from None
