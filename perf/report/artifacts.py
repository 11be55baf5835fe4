"""The files of a run: written for each case as it ends, so that a later crash loses nothing.

``worker_tasks_<case id>.log``    a JSON line for each task, written by the injector while it sends
``metrics_<case id>.csv``         metric, value, unit; and the verdict
``case_<case id>.json``           everything, so that every report can be made again
``broken_<case id>.json``         in its place, where the suite or the deployment broke
``scenario2_consolidated.csv``    a row for each case of the run
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perf.errors import UsageError
from perf.load.injector import Sent
from perf.matrix import Case
from perf.measure.intervals import Interval
from perf.measure.summary import METRICS, Summary
from perf.report.case_file import FORMAT, case_document, case_result
from perf.report.secrets import without_secrets
from perf.run import CaseResult
from perf.web_matrix import WebCase

CONSOLIDATED = "scenario2_consolidated.csv"

#: The columns of the procedure this suite replaces, in its order; then ours.
_KNOWN = ("total", "done", "failed", "processing", "uploaded", "throughput_per_min", "s_mean_s", "s_p50_s")
_RENAMED = {"throughput_per_min": "x_videos_per_min"}


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The results folder of one run.

    Attributes:
        path: the folder.
        machine: what the run ran on; goes into every case's file.
    """

    path: Path
    machine: Mapping[str, Any]

    @classmethod
    def create(cls, path: Path, machine: Mapping[str, Any]) -> RunFolder:
        """Make the folder.

        Raises:
            UsageError: it cannot be made.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--results {path}: cannot make the folder: {error}") from error
        return cls(path, machine)

    def write(self, result: CaseResult) -> dict[str, Path]:
        """Write a case's files and its row of the consolidated table; what there is of it, by name."""
        name = result.case.id
        metrics = self.path / f"metrics_{name}.csv"
        document = self.path / f"case_{name}.json"
        write_metrics(metrics, result)
        write_case(document, result, self.machine)
        consolidate(self.path / CONSOLIDATED, result)
        files = (metrics, document, self.path / f"worker_tasks_{name}.log")
        return {file.name: file for file in files if file.exists()}


def write_case(path: Path, result: CaseResult, machine: Mapping[str, Any]) -> None:
    """Write everything about a case as JSON."""
    document = case_document(result, machine)
    replace(path, json.dumps(document, indent=1, allow_nan=False, default=str) + "\n")


def write_broken(
    folder: Path,
    case: Case | WebCase,
    error: Exception,
    phases: Sequence[Mapping[str, Any]],
    machine: Mapping[str, Any],
) -> None:
    """Write down that a case came to no verdict, and why: the report shows it as BROKEN."""
    document = {
        "format": FORMAT,
        "id": case.id,
        "case": asdict(case),
        "error": f"{type(error).__name__}: {error}",
        "phases": phases,
        "machine": dict(machine),
    }
    path = folder / f"broken_{case.id}.json"
    replace(path, json.dumps(document, indent=1, allow_nan=False, default=str) + "\n")


def read_case(path: Path) -> CaseResult:
    """The case as it was written.

    Raises:
        UsageError: the file is absent, or is not a case's.
    """
    try:
        return case_result(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: not a case_*.json of this version: {error!r}") from error


def write_metrics(path: Path, result: CaseResult) -> None:
    """Write every metric of a case and its 95 % interval, then the verdict; see `_metric_rows`."""
    rows = _metric_rows(result.summary, result.intervals)
    rows += [
        (f"slo {each.slo}", f"{each.kind}{' (borderline)' if each.borderline else ''}", "verdict")
        for each in result.verdict.results
    ]
    rows += [("problem", problem, "verdict") for problem in result.verdict.problems]
    rows.append(("verdict", result.verdict.kind, "verdict"))
    replace(path, csv_text(rows))


def write_summary(path: Path, summary: Summary) -> None:
    """Write every metric as metric, value, unit: the same file, where there is no verdict.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        replace(path, csv_text(_metric_rows(summary)))
    except OSError as error:
        raise UsageError(f"{path}: cannot write the metrics: {error}") from error


def _metric_rows(summary: Summary, intervals: Mapping[str, Interval] | None = None) -> list[Sequence[object]]:
    """metric, value, unit, and the interval's edges where there is one."""
    rows: list[Sequence[object]] = [("metric", "value", "unit", "low", "high")]
    for name, metric in METRICS.items():
        found = (intervals or {}).get(name)
        edges = (found.low, found.high) if found else (None, None)
        rows.append((name, summary.value(name), metric.unit, *edges))
    return rows


def consolidate(path: Path, result: CaseResult) -> None:
    """Add the case's row to the table, in the place of an earlier row of the same case."""
    merge_row(path, consolidated_row(result))


def merge_row(path: Path, values: Mapping[str, object]) -> None:
    """Add a row to a table whose rows are told apart by their column ``case``."""
    row = {column: "" if value is None else str(value) for column, value in values.items()}
    rows = [earlier for earlier in _rows(path) if earlier.get("case") != row["case"]] + [row]
    replace(path, csv_text([list(row), *([each.get(column, "") for column in row] for each in rows)]))


def consolidated_row(result: CaseResult) -> dict[str, object]:
    """One row of the consolidated table: the known columns first, then the verdict and all metrics."""
    case, value = result.case, result.summary.value
    row: dict[str, object] = {
        "size_mb": case.size_mb,
        "concurrency": case.concurrency,
        "mode": case.mode,
        "rate_per_min": result.facts.get("rate_per_min"),
    }
    row |= {_RENAMED.get(name, name): value(name) for name in _KNOWN}
    row |= {"verdict": result.verdict.kind, "case": case.id, "variant": case.variant}
    return row | {name: value(name) for name in METRICS if name not in _KNOWN}


def read_tasks_log(path: Path) -> list[Sent]:
    """The tasks of a ``worker_tasks_*.log``. A last line that a crash cut short is left out.

    Raises:
        UsageError: the file is absent or holds no task, or a line of it (named) is not a task.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the tasks log: {error}") from error
    sent = []
    for number, line in enumerate(lines, 1):
        try:
            sent.append(_sent(json.loads(line)))
        except (ValueError, TypeError, KeyError) as error:
            if not line.endswith("\n"):  # only the last can be without
                break
            raise UsageError(f"{path}:{number}: not a task of a worker_tasks_*.log: {error!r}") from error
    if not sent:
        raise UsageError(f"{path}: there is no task in it; give the worker_tasks_*.log of a run")
    return sent


def _sent(line: Mapping[str, Any]) -> Sent:
    sent_s = line["sent_s"]
    return Sent(
        str(line["task_id"]),
        float(line["scheduled_s"]),
        None if sent_s is None else float(sent_s),
        line.get("error"),
    )


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader or a crash never sees half of it. No secret gets into it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(without_secrets(text))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
