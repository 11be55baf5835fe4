"""`python -m perf web-metrics FOLDER`: the metrics of a load that Locust sent by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from perf.errors import UsageError
from perf.load.request_log import GeneratorLog, read_logs
from perf.measure.numbers import number
from perf.measure.web import Window, merged, start_of, summarise_web
from perf.measure.web_summary import WEB_METRICS
from perf.measure.web_validity import check_load
from perf.options import seconds


def add_web_metrics(parser: argparse.ArgumentParser) -> None:
    """The options of `web-metrics`."""
    parser.set_defaults(run=web_metrics)
    parser.add_argument("folder", type=Path, help="what --records of perf/load/locustfile.py named")
    parser.add_argument("--warm-up", default="", help="seconds at the beginning to leave out (0)")
    parser.add_argument("--open", action="store_true", help="the load was an open loop (--rate)")


def web_metrics(args: argparse.Namespace) -> int:
    """Print the metrics of all generators' logs, merged; 1 when they cannot be trusted."""
    logs = _logs(args.folder)
    window = _window(logs, seconds("--warm-up", args.warm_up) or 0.0)
    summary = summarise_web(logs, window, is_open=args.open)
    width = max(map(len, WEB_METRICS))
    for name, metric in WEB_METRICS.items():
        if (value := summary.value(name)) is not None:
            print(f"{name:<{width}}  {number(value):>10} {metric.unit:<8} {metric.meaning}")
    problems = check_load(logs, summary)
    for problem in problems:
        print(f"INVALID {problem}")
    return 1 if problems else 0


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
