"""Runs Locust, as a process of its own: it patches whatever process imports it."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perf.cases.endpoints import SHIPPED
from perf.cases.errors import HarnessError
from perf.deploy.processes import ManagedProcess
from perf.deploy.waiting import until
from perf.load.request_log import GeneratorLog, read_logs

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
#: What a load may take beyond its own length: Locust's start, the last answers, the reports.
EXTRA_S = 60.0
#: What distributed generators are given for the start of all and the last answers.
_SLACK_S = 4
_POLL_S = 0.05
#: Of the shell Locust gets these alone: no credentials of AWS or the database reach it.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "API_TOKEN", "SSL_CERT_FILE", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """What is sent.

    Attributes:
        run_s: how long requests are sent.
        rate_per_s: open loop: requests per second in all; None = a closed loop.
        shape: closed loop: ramp, steps or stable.
        users: closed loop: users at most.
        spawn_per_s: users started per second.
        step_users: users that each step adds.
        step_s: seconds of each step.
        think_s: a user's pause between visits.
        endpoints: what is called, in this order; empty = all of *api*.
        generators: load processes.
        max_outstanding: open loop: requests at once at most.
        api: the file of the endpoints.
    """

    run_s: float
    rate_per_s: float | None = None
    shape: str = "stable"
    users: int = 1
    spawn_per_s: float = 1.0
    step_users: int = 1
    step_s: float = 1.0
    think_s: float = 1.0
    endpoints: tuple[str, ...] = ()
    generators: int = 1
    max_outstanding: int = 1000
    api: Path = SHIPPED


@dataclass(frozen=True, slots=True)
class Site:
    """What a load is sent to: the API's address, the video to upload, the id of the one to download."""

    url: str
    clip: Path | None = None
    done_video: str = ""


def command(load: LoadSpec, site: Site, prefix: Path) -> list[str]:
    """Locust's command line; its own reports are ``<prefix>_report.html``, ``<prefix>_stats.csv`` ..."""
    options = {
        "--host": site.url,
        "--csv": prefix,
        "--html": f"{prefix}_report.html",
        "--json-file": f"{prefix}_locust",  # Locust adds the suffix
        "--exit-code-on-error": 0,
        "--stop-timeout": 12,
        "--loglevel": "WARNING",
        "--records": records_folder(prefix),
        "--load-time": load.run_s,
        "--max-outstanding": load.max_outstanding,
        "--api": load.api,
        "--clip": site.clip or "",
        "--done-video": site.done_video,
    }
    if load.endpoints:
        options["--endpoints"] = ",".join(load.endpoints)
    options |= _open(load) if load.rate_per_s else _closed(load)
    if load.generators > 1:
        options["--processes"] = load.generators
    words = [str(word) for option, value in options.items() for word in (option, value)]
    return [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", *words]


def _open(load: LoadSpec) -> dict[str, object]:
    options: dict[str, object] = {"--rate": load.rate_per_s}
    if load.generators > 1:  # alone, Locust ends with the last answer
        options["--run-time"] = math.ceil(load.run_s) + _SLACK_S
    return options


def _closed(load: LoadSpec) -> dict[str, object]:
    return {
        "--shape": load.shape,
        "--users": load.users,
        "--spawn-rate": load.spawn_per_s,
        "--step-users": load.step_users,
        "--step-time": load.step_s,
        "--think-time": load.think_s,
    }


def records_folder(prefix: Path) -> Path:
    """Where the generators of this load write their logs."""
    return prefix.with_name(f"{prefix.name}_requests")


def run_load(
    load: LoadSpec, site: Site, prefix: Path, tick: Callable[[float], None] = lambda _: None
) -> tuple[GeneratorLog, ...]:
    """Send the load, to its end.

    Args:
        load: what to send.
        site: where to.
        prefix: the beginning of the names of all files it leaves, in a folder that exists.
        tick: called several times a second with the seconds since the start.

    Raises:
        HarnessError: Locust broke, or did not end in time; the end of its log is quoted.
    """
    log = prefix.with_name(f"{prefix.name}_locust.log")
    process = ManagedProcess(
        "Locust",
        command(load, site, prefix),
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        log=log,
        ready=lambda: True,
        stop_deadline_s=5.0,
    )
    start_s = time.monotonic()

    def ended() -> bool:
        tick(time.monotonic() - start_s)
        return not process.alive

    with process:
        if not until(ended, load.run_s + EXTRA_S, _POLL_S):
            raise HarnessError(
                _report(f"did not end within {EXTRA_S:g} s of the end of a load of {load.run_s:g} s", log)
            )
    paths = list(records_folder(prefix).glob("*.jsonl"))
    logs = read_logs(paths) if paths else ()
    if len(logs) != load.generators or any(each.totals is None for each in logs):
        raise HarnessError(
            _report(f"ended early: {len(logs)} of {load.generators} logs, some cut short", log)
        )
    return logs


def _report(what: str, log: Path) -> str:
    tail = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
    return "\n  ".join([f"Locust {what}; see {log}, and that the API answers; its last lines:", *tail])
