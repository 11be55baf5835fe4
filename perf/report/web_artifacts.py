"""The files of a web case, written as it ends, beside those that Locust and its generators wrote.

``metrics_<case id>.csv``            metric, value, unit; and the verdict
``case_<case id>.json``              everything but the raw requests, and which files hold those
``seconds_<case id>.csv``            the load second by second
``knee_<case id>.csv``               the steps of the search
``<case id>_requests/``              the raw requests: a file for each generator
``<case id>_report.html``, ``<case id>_stats.csv``, ``<case id>_stats_history.csv`` ...   Locust's own
``scenario1_consolidated.csv``       a row for each web case of the run
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from perf.measure.web import Second, merged, per_second, start_of
from perf.measure.web_summary import WEB_METRICS
from perf.report.artifacts import csv_text, merge_row, replace
from perf.web_run import Tried, WebResult

CONSOLIDATED = "scenario1_consolidated.csv"
FORMAT = 1
#: What a table of steps shows of each.
_STEP_METRICS = ("offered_per_s", "throughput_per_s", "error_ratio", "response_p50_s", "response_p95_s",
                 "send_lag_p95_s", "generator_cpu")  # fmt: skip


def write_web(folder: Path, result: WebResult, machine: Mapping[str, Any]) -> dict[str, Path]:
    """Write a case's files and its row of the consolidated table; what there is of it, by name."""
    name = result.case.id
    metrics, seconds = folder / f"metrics_{name}.csv", folder / f"seconds_{name}.csv"
    document, knee = folder / f"case_{name}.json", folder / f"knee_{name}.csv"
    replace(metrics, csv_text(metric_rows(result)))
    replace(seconds, csv_text(second_rows(result)))
    replace(
        document, json.dumps(case_document(result, machine), indent=1, allow_nan=False, default=str) + "\n"
    )
    if result.tried:
        replace(knee, csv_text(step_rows(result.tried)))
    merge_row(folder / CONSOLIDATED, consolidated_row(result))
    prefix = result.judged.prefix
    locust = (prefix.with_name(prefix.name + end) for end in ("_report.html", "_stats.csv", "_locust.log"))
    files = (metrics, document, seconds, knee, *locust)
    return {file.name: file for file in files if file.exists()}


def metric_rows(result: WebResult) -> list[tuple[object, ...]]:
    """Every metric, then the verdict."""
    rows: list[tuple[object, ...]] = [("metric", "value", "unit")]
    rows += [(name, result.summary.value(name), metric.unit) for name, metric in WEB_METRICS.items()]
    rows += [(f"slo {each.slo}", each.kind, "verdict") for each in result.verdict.results]
    rows += [("problem", problem, "verdict") for problem in result.verdict.problems]
    return [*rows, ("verdict", result.verdict.kind, "verdict")]


def second_rows(result: WebResult) -> list[tuple[object, ...]]:
    """A row for each second of the load."""
    names = tuple(each.name for each in fields(Second))
    seconds = per_second(merged(result.judged.logs), start_of(result.judged.logs))
    return [names, *(tuple(getattr(second, name) for name in names) for second in seconds)]


def step_rows(tried: tuple[Tried, ...]) -> list[tuple[object, ...]]:
    """A row for each step of a search, in the order they were tried."""
    rows: list[tuple[object, ...]] = [("rate_per_s", "broken", *_STEP_METRICS)]
    return rows + [
        (each.step.rate_per_s, each.step.broken, *map(each.measurement.summary.value, _STEP_METRICS))
        for each in tried
    ]


def consolidated_row(result: WebResult) -> dict[str, object]:
    """One row of the consolidated table."""
    row: dict[str, object] = {
        "case": result.case.id,
        "variant": result.case.variant,
        "mode": result.case.mode,
        "rate_per_s": result.judged.load.rate_per_s,
        "users": None if result.judged.load.rate_per_s else result.case.users,
        "verdict": result.verdict.kind,
    }
    return row | {name: result.summary.value(name) for name in WEB_METRICS}


def case_document(result: WebResult, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about a case, in what JSON can hold; *machine* is what it ran on."""
    judged = result.judged
    return {
        "format": FORMAT,
        "id": result.case.id,
        "case": asdict(result.case),
        "verdict": asdict(result.verdict),
        "summary": asdict(result.summary),
        "load": asdict(judged.load),
        "window": asdict(judged.window),
        "requests": f"{judged.prefix.name}_requests",
        "steps": [
            dict(zip(row[0], each, strict=True)) for row in [step_rows(result.tried)] for each in row[1:]
        ],
        "facts": dict(result.facts),
        "machine": dict(machine),
    }
