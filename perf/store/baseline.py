"""The file of a baseline: a table for each case, which a person reads and commits.

It is TOML::

    ["mocked-50MB-c1-burst"]
    runs = 3
    last = "2026-11-25T06-21-06Z of 7d38dad1f2"
    efficiency = { value = 0.812, low = 0.721, high = 0.974 }

    ["mocked-50MB-c1-burst".alike]
    size = "50 MB"

Figures have four digits: more would change with every run and tell nothing. In its place may stand the
results of earlier runs: a run's folder, or that of all, of which the latest runs count.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from perf.cases.case import Variant
from perf.cases.errors import UsageError
from perf.judge.accepting import MOST_RUNS, accepted
from perf.judge.baseline import Accepted, Baseline, judged
from perf.judge.lines import line_of_table
from perf.measure.intervals import Interval
from perf.store.files import replace
from perf.store.result import StoredKind
from perf.store.runs import find_run, read_run, runs_in

#: Runs looked back at in the folder of all.
LOOKED_AT = 2 * MOST_RUNS
_HEAD = """\
# The baseline of the performance cases: pytest perf/ --baseline FILE. Written by --update-baseline: look at
# what changed, and commit it. low and high are the widest of its runs' nominal 95 % intervals. A table that
# is removed begins anew.
"""
_WORDS = {"runs": int, "last": str, "alike": dict}


def read_baseline(path: Path, kinds: Sequence[StoredKind]) -> dict[str, Baseline]:
    """Each case's baseline by its id.

    Raises:
        UsageError: the file or folder is not there, or makes no sense; one line, with the line of the file.
    """
    if path.is_dir():
        return _of_runs(path, kinds)
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except FileNotFoundError:
        raise UsageError(
            f"--baseline {path}: there is no such file; make it with --update-baseline"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--baseline {path}: cannot read it: {error}") from error
    return {name: _baseline(path, text, name, table) for name, table in document.items()}


def write_baseline(path: Path, cases: Mapping[str, Baseline]) -> None:
    """Write the file whole, its cases and figures in order.

    Raises:
        UsageError: it cannot be written.
    """
    tables = (_table(name, cases[name]) for name in sorted(cases))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, "\n".join((_HEAD, *tables)))
    except OSError as error:
        raise UsageError(f"--baseline {path}: cannot write it: {error}") from error


def commit_of(machine: Mapping[str, Any]) -> str:
    """The commit that a run measured, short; with a plus where it had changes."""
    commit = machine.get("git_commit")
    return f"{str(commit)[:10]}{'+' if machine.get('git_dirty') else ''}" if commit else "no commit"


def _of_runs(path: Path, kinds: Sequence[StoredKind]) -> dict[str, Baseline]:
    """Of one run's folder, or of the latest in the folder of all: from the newest back while alike."""
    latest = find_run(path)
    folders = [latest] if latest == path else runs_in(path)[-LOOKED_AT:]
    found: dict[str, Baseline] = {}
    ended: set[str] = set()
    for folder in reversed(folders):
        for case in read_run(folder, kinds).cases:
            estimates = judged(case.estimates, Variant(case.variant)) if case.outcome == "PASS" else {}
            if not estimates or case.id in ended:
                continue
            last = f"{folder.name} of {commit_of(case.machine)}"
            earlier = found.get(case.id)
            entry = accepted(earlier, case.alike, estimates, last)
            if earlier is None:
                found[case.id] = dataclasses.replace(entry, source=str(folder))
            elif entry.runs > earlier.runs:
                found[case.id] = dataclasses.replace(entry, last=earlier.last, source=earlier.source)
            else:
                ended.add(case.id)
    return found


def _table(name: str, baseline: Baseline) -> str:
    lines = [f"[{_text(name)}]", f"runs = {baseline.runs}", f"last = {_text(baseline.last)}"]
    for metric, each in sorted(baseline.metrics.items()):
        low, high = each.interval.low, each.interval.high
        lines.append(
            f"{metric} = {{ value = {_figure(each.value)}, low = {_figure(low)}, high = {_figure(high)} }}"
        )
    lines += ["", f"[{_text(name)}.alike]"]
    lines += [f"{_text(label)} = {_text(text)}" for label, text in sorted(baseline.alike.items())]
    return "\n".join(lines) + "\n"


def _figure(value: float) -> str:
    """Four significant digits, as TOML writes a float."""
    return repr(float(f"{value:.4g}"))


def _text(text: str) -> str:
    """A string of TOML; JSON's escapes are TOML's, but for the one character that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _baseline(path: Path, text: str, name: str, table: Any) -> Baseline:
    source = f"{path}:{line_of_table(text, (name,))}"
    try:
        return _checked(name, table, source)
    except ValueError as error:
        raise UsageError(
            f"{source}: {error}; remove the table, or make it anew with --update-baseline"
        ) from None


def _checked(name: str, table: Any, source: str) -> Baseline:
    if not isinstance(table, dict):
        raise ValueError(f"{name!r} is not the table of a case")
    for word, kind in _WORDS.items():
        if not isinstance(table.get(word), kind):
            raise ValueError(f"{name!r} has no {word}, or one of another kind")
    if table["runs"] < 1:
        raise ValueError(f"runs = {table['runs']}: a baseline is of one run at least")
    metrics = dict(_metrics({key: value for key, value in table.items() if key not in _WORDS}))
    alike = {str(label): str(value) for label, value in table["alike"].items()}
    return Baseline(table["runs"], table["last"], alike, metrics, source)


def _metrics(table: Mapping[str, Any]) -> Iterator[tuple[str, Accepted]]:
    for name, figures in table.items():
        if not isinstance(figures, dict) or set(figures) != {"value", "low", "high"}:
            raise ValueError(f"{name} is not {{ value = ..., low = ..., high = ... }}")
        if not all(isinstance(each, int | float) and 0 < each < float("inf") for each in figures.values()):
            raise ValueError(f"{name}: value, low and high are numbers above 0")
        if figures["low"] > figures["high"]:
            raise ValueError(f"{name}: low is above high")
        yield name, Accepted(float(figures["value"]), Interval(float(figures["low"]), float(figures["high"])))
