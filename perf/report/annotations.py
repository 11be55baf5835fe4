"""What is wrong as GitHub's annotations, at the line that broke: in slos.toml, or in the baseline. Pure.

A workflow command is a line of the job's log: ``::error file=perf/slos.toml,line=16,title=...::message``.
GitHub shows ten errors of a step at most, so there is one for each line that broke.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from perf.judge.outcome import Outcome
from perf.store.result import Result


def github_lines(results: Iterable[Result], workspace: Path) -> list[str]:
    """A line for each objective that is broken, each problem, and each metric that got worse.

    Args:
        results: of the run.
        workspace: the root of the checkout, which GitHub's paths begin at.
    """
    return [line for result in results for line in _of(result, workspace)]


def _of(result: Result, workspace: Path) -> Iterator[str]:
    verdict, name = result.verdict, result.case.id
    for problem in verdict.problems:
        yield _command("error", f"{name} INVALID", str(problem))
    for each in verdict.results:
        if each.passed is False or (each.passed is None and not verdict.problems):
            yield _command("error", f"{name} {each.kind}", str(each), _place(each.slo.source, workspace))
    against = verdict.against
    if against is None:
        return
    for line in against.worse:
        yield _command("error", f"{name} worse", line, _place(against.source, workspace))
    if against.outcome is Outcome.MISSING:
        yield _command("warning", f"{name} has no baseline", against.why)


def _place(source: str, workspace: Path) -> str:
    """``file=...,line=...`` of a ``file:line``; empty of a source that is none."""
    match = re.fullmatch(r"(.+):(\d+)", source)
    if match is None:
        return ""
    path = Path(match[1]).absolute()
    shown = path.relative_to(workspace) if path.is_relative_to(workspace) else path
    return f"file={_property(str(shown))},line={match[2]},"


def _command(level: str, title: str, message: str, place: str = "") -> str:
    return f"::{level} {place}title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
