"""The files of a run: written for each case as it ends, so that a later crash loses nothing.

``metrics_<case id>.csv``         metric, value, unit, the 95 % interval; and the verdict
``case_<case id>.json``           everything, so that every report can be made again
``cloudwatch_<case id>.csv``      what CloudWatch counted around the case, where it was looked at
``broken_<case id>.json``         in its place, while the case runs and where suite or deployment broke
``broken_<case id>.txt``          the traceback beside it, where that was not foreseen
``intent_<...>.json``             what is about to be made, until it is removed: for `python -m perf clean`
``scenario2_consolidated.csv``    a row for each worker case of the run, ``scenario1_...`` of the web tier

Worker cases: ``worker_tasks_<case id>.log``, a JSON line for each task, written by the injector as it sends;
``nodes_*.csv``, what each node did, where there are several.
Web cases: ``seconds_*.csv``, the load second by second; ``knee_*.csv``, the steps of the search;
``<case id>_requests/``, the raw requests, a file for each generator; and Locust's own
``<case id>_report.html``, ``<case id>_stats.csv``, ``<case id>_stats_history.csv`` ...
Search cases: ``trials_*.csv``, the rates that were tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf.cases.case import Case
from perf.cases.errors import HarnessError, UsageError
from perf.judge.verdict import Verdict
from perf.measure.figures import Figures, Metric
from perf.measure.intervals import Interval
from perf.observe.seen import CloudSeen
from perf.store.documents import broken_document, document
from perf.store.files import csv_text, merge_row, replace, write_json
from perf.store.result import Phase, Result, StoredKind


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
        make_folder(path)
        return cls(path, machine)

    def write(self, kind: StoredKind, result: Result) -> None:
        """Write a case's files, and its row of the consolidated table.

        Raises HarnessError where the folder takes no more.
        """
        self.write_own(kind, result)
        self.add_row(kind, result)

    def begin(self, kind: StoredKind, case: Case) -> None:
        """Write down that a case runs: of a run that is killed this is left, and the report shows it."""
        why = "it was begun, and of its end nothing is written: the run was killed, or there was no room"
        self._write_broken(kind, case, HarnessError(why), ())

    def write_own(self, kind: StoredKind, result: Result) -> None:
        """Write the files that are a case's alone: several processes may do that side by side."""
        name = result.case.id
        rows = metric_rows(kind.metrics, result.summary, result.intervals) + verdict_rows(result.verdict)
        tables = {"metrics": rows, **kind.tables(result)}
        if result.cloud is not None:
            tables["cloudwatch"] = cloud_rows(result.cloud)
        with self._writing():
            for prefix, table in tables.items():
                replace(self.path / f"{prefix}_{name}.csv", csv_text(table))
            write_json(self.path / f"case_{name}.json", document(kind, result, self.machine))
            self._broken(result.case).unlink(missing_ok=True)

    def add_row(self, kind: StoredKind, result: Result) -> None:
        """Write a case's row of the consolidated table: for one process at a time."""
        with self._writing():
            merge_row(self.path / kind.consolidated, kind.row(result))

    def write_broken(
        self, kind: StoredKind, case: Case, error: BaseException, phases: Sequence[Phase]
    ) -> None:
        """Write down that a case came to no verdict, and why: the report shows it as BROKEN.

        Without room for it what `begin` has written stays; whoever is told of *error* hears of it anyway.
        """
        with suppress(HarnessError):
            self._write_broken(kind, case, error, phases)

    def _write_broken(
        self, kind: StoredKind, case: Case, error: BaseException, phases: Sequence[Phase]
    ) -> None:
        with self._writing():
            write_json(self._broken(case), broken_document(kind, case, error, phases, self.machine))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise HarnessError(
                f"the results in {self.path} cannot be written ({error.strerror or error}): "
                "make room there, or give --results another folder"
            ) from error

    def _broken(self, case: Case) -> Path:
        return self.path / f"broken_{case.id}.json"


def make_folder(path: Path) -> None:
    """Make a folder for results, where it is not there.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--results {path}: cannot make the folder: {error}") from error


def cloud_rows(seen: CloudSeen) -> list[Sequence[object]]:
    """A row for each value of each metric; of one that is not there, one row that says so."""
    rows: list[Sequence[object]] = [
        ("part", "of", "metric", "statistic", "unit", "state", "unix_s", "since_begin_s", "value", "why")
    ]
    for each in seen.series:
        what = each.metric
        head = (what.part, what.of, what.name, what.statistic, what.unit, each.state)
        rows += [
            (*head, at_s, at_s - seen.begin_s, value, each.why)
            for at_s, value in zip(each.at_s, each.values, strict=True)
        ]
        if not each.values:
            rows.append((*head, None, None, None, each.why))
    return rows


def metric_rows(
    metrics: Mapping[str, Metric], summary: Figures, intervals: Mapping[str, Interval] | None = None
) -> list[Sequence[object]]:
    """metric, value, unit, and the interval's edges where there is one."""
    rows: list[Sequence[object]] = [("metric", "value", "unit", "low", "high")]
    for name, metric in metrics.items():
        found = (intervals or {}).get(name)
        edges = (found.low, found.high) if found else (None, None)
        rows.append((name, summary.value(name), metric.unit, *edges))
    return rows


def verdict_rows(verdict: Verdict) -> list[Sequence[object]]:
    """Each SLO, each problem, the verdict."""
    rows: list[Sequence[object]] = [
        (f"slo {each.slo}", f"{each.kind}{' (borderline)' if each.borderline else ''}", "verdict")
        for each in verdict.results
    ]
    rows += [("problem", problem, "verdict") for problem in verdict.problems]
    return [*rows, ("verdict", verdict.kind, "verdict")]


def write_row(path: Path, row: Mapping[str, object]) -> None:
    """Write a header and one row.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        replace(path, csv_text([tuple(row), tuple(row.values())]))
    except OSError as error:
        raise UsageError(f"{path}: cannot write the metrics: {error}") from error
