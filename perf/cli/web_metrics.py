"""`python -m perf web-metrics FOLDER`: the metrics of a load that Locust sent by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from perf.cases.endpoints import SHIPPED, read_endpoints
from perf.cases.errors import UsageError
from perf.cases.options import number_from_0
from perf.cli.figures import print_figures, print_problems
from perf.judge.check import problems
from perf.judge.evidence import LoadEvidence
from perf.judge.load_checks import LOAD_CHECKS
from perf.judge.run_checks import RUN_CHECKS
from perf.load.request_log import GeneratorLog, read_logs
from perf.measure.web import Window, merged, start_of, summarise_web
from perf.measure.web_summary import web_metrics as metrics_of


def add_web_metrics(parser: argparse.ArgumentParser) -> None:
    """The options of `web-metrics`."""
    parser.set_defaults(run=web_metrics)
    parser.add_argument("folder", type=Path, help="what --records of perf/load/locustfile.py named")
    parser.add_argument("--warm-up", default="", help="seconds at the beginning to leave out (0)")
    parser.add_argument("--open", action="store_true", help="the load was an open loop (--rate)")
    parser.add_argument(
        "--api", type=Path, default=SHIPPED, help="the file of the endpoints (this pipeline's)"
    )


def web_metrics(args: argparse.Namespace) -> int:
    """Print the metrics of all generators' logs, merged; 1 when they cannot be trusted."""
    endpoints = read_endpoints(args.api)
    warm_up_s = number_from_0("e.g. 5", "number of seconds")("--warm-up", args.warm_up.strip()) or 0.0
    logs = _logs(args.folder)
    summary = summarise_web(
        logs,
        _window(logs, warm_up_s),
        is_open=args.open,
        endpoints=[endpoint.name for endpoint in endpoints],
    )
    print_figures(metrics_of(endpoints), summary)
    found = problems((*LOAD_CHECKS, *RUN_CHECKS), LoadEvidence(logs, summary))
    print_problems(found)
    return 1 if found else 0


def _logs(folder: Path) -> tuple[GeneratorLog, ...]:
    """The logs of the one load in a folder: that of each generator, from whatever host."""
    paths = sorted(folder.glob("requests_*.jsonl"))
    if not paths:
        raise UsageError(f"{folder}: no requests_*.jsonl in it; give the folder that --records named")
    logs = read_logs(paths)
    numbers = [log.begin.generator for log in logs]
    if len(set(numbers)) < len(numbers):
        raise UsageError(
            f"{folder}: logs of more than one load: give each load's --records a folder of its own"
        )
    return logs


def _window(logs: tuple[GeneratorLog, ...], warm_up_s: float) -> Window:
    """From the end of the warm-up to the last arrival, which is the last of it."""
    scheduled_s = merged(logs).scheduled_s
    if len(scheduled_s) < 2:
        raise UsageError("there are fewer than 2 requests: nothing can be said of them")
    gap_s = float(scheduled_s[-1] - scheduled_s[0]) / (len(scheduled_s) - 1)
    return Window(start_of(logs) + warm_up_s, float(scheduled_s[-1]) + max(gap_s, 1e-6))
