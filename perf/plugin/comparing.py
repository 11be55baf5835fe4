"""A run beside its baseline and in its history: read before any load, held against as each case ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from perf.cases.errors import UsageError
from perf.judge.accepting import accepted, changes
from perf.judge.baseline import Against, Baseline, against, judged
from perf.judge.outcome import Outcome
from perf.judge.verdict import VerdictKind, beside
from perf.plugin.collection import BOOK, case_of, refused
from perf.plugin.options import STASHED, Options
from perf.run.kind import Kind
from perf.store.baseline import commit_of, read_baseline, write_baseline
from perf.store.documents import estimates_of, read_case
from perf.store.folder import RunFolder
from perf.store.history import past_of
from perf.store.history_file import append, require_writable
from perf.store.result import Result

#: What cases are held against, by their ids; and what this run makes of it.
BASELINE = pytest.StashKey[Mapping[str, Baseline]]()
ACCEPTED = pytest.StashKey[dict[str, Baseline]]()
#: What became of each case where the baseline is written anew, a line each.
CHANGES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is accepted yet."""
    config.stash[ACCEPTED], config.stash[CHANGES] = {}, []


@pytest.hookimpl(tryfirst=True)  # before the results get their folder
def pytest_collection_finish(session: pytest.Session) -> None:
    """Read the baseline, and refuse one that makes no sense, before any load."""
    config = session.config
    options = config.stash[STASHED]
    cases = any(map(case_of, session.items))
    if config.option.collectonly or not cases or BOOK not in config.stash:  # refused already
        return
    with refused():
        found = _baseline(options)
        if options.history is not None:
            require_writable(options.history)
    if found is not None:
        config.stash[BASELINE] = found


def _baseline(options: Options) -> Mapping[str, Baseline] | None:
    """What is held against; None where nothing was asked for."""
    path = options.baseline
    if path is None:
        if options.update_baseline:
            raise UsageError("--update-baseline: which one? Name its file by --baseline FILE")
        return None
    if options.update_baseline:
        if path.is_dir():
            raise UsageError(
                f"--update-baseline: --baseline {path} is a folder of results; name a file to write"
            )
        if not path.exists():
            write_baseline(path, {})  # now, and not when everything was measured
            return {}
    return read_baseline(path, options.kinds)


def beside_baseline(config: pytest.Config, kind: Kind[Any, Any], result: Result) -> Result:
    """The result with what became of it beside its baseline, where one was given."""
    if BASELINE not in config.stash:
        return result
    earlier = config.stash[BASELINE].get(result.case.id)
    trusted = result.verdict.kind is not VerdictKind.INVALID
    if not trusted:
        said = Against(Outcome.MISSING, "nothing to hold against it: the measurement is INVALID")
    else:
        estimates = judged(estimates_of(kind, result), result.case.variant)
        said = against(earlier, kind.alike(result), estimates)
    options = config.stash[STASHED]
    said = replace(said, fails=not options.update_baseline)
    return replace(result, verdict=beside(result.verdict, said))


def keep(config: pytest.Config, kind: Kind[Any, Any], result: Result, folder: RunFolder) -> None:
    """Add a case to the history and, where that was asked for, to the baseline."""
    options, case = config.stash[STASHED], result.case
    if options.history is not None:
        stored = read_case(folder.path / f"case_{case.id}.json", [kind])
        append(options.history, case.id, past_of(stored, folder.path.name))
    if options.baseline is not None and options.update_baseline:
        _accept(config, kind, result, folder)
        earlier, ours = config.stash[BASELINE], config.stash[ACCEPTED]
        write_baseline(options.baseline, {**earlier, **ours})


def _accept(config: pytest.Config, kind: Kind[Any, Any], result: Result, folder: RunFolder) -> None:
    """Take what this case measured, unless it is no measure of anything."""
    case, verdict = result.case, result.verdict.kind
    estimates = judged(estimates_of(kind, result), case.variant)
    if verdict is not VerdictKind.PASS:
        line = f"not accepted: it is {verdict}"
    elif not estimates:
        line = "nothing of it carries between runs"
    else:
        last = f"{folder.path.name} of {commit_of(folder.machine)}"
        earlier = config.stash[BASELINE].get(case.id)
        after = accepted(earlier, kind.alike(result), estimates, last)
        config.stash[ACCEPTED][case.id] = after
        line = changes(earlier, after)
    config.stash[CHANGES].append(f"{case.id}: {line}")


def update_lines(config: pytest.Config) -> list[str]:
    """What the run changed in the file of the baseline."""
    options, lines = config.stash[STASHED], config.stash[CHANGES]
    if not lines:
        return []
    return [
        f"baseline {options.baseline}: look at what changed, and commit it",
        *(f"  {line}" for line in lines),
    ]
