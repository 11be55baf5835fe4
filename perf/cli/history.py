"""`python -m perf history`: each case over the runs, and since when it is another."""

from __future__ import annotations

import argparse
from pathlib import Path

from perf.cases.errors import UsageError
from perf.cases.options import nearest
from perf.cli.live import output_width, say
from perf.cli.parser import RESULTS
from perf.report.series import Series, series_of
from perf.store.history import Past, read_folders
from perf.store.history_file import read_history_file


def add_history(parser: argparse.ArgumentParser) -> None:
    """The options of `history`."""
    parser.set_defaults(run=history)
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        default=RESULTS,
        metavar="RESULTS|FILE",
        help="the folder of all runs (results), or the file that --history wrote",
    )
    parser.add_argument("--case", default="", help="only cases with this in their id, e.g. 50MB-c1-burst")
    parser.add_argument("--metric", default="", help="only this metric, e.g. efficiency")


def history(args: argparse.Namespace) -> int:
    """Show every series and its changes; that there is one is no failure.

    Raises:
        UsageError: there is no history, or nothing in it that was asked for.
    """
    unread: list[Path] = []
    found = _read(args.path, unread)
    chosen = {case_id: pasts for case_id, pasts in sorted(found.items()) if args.case in case_id}
    if not chosen:
        raise UsageError(f"{args.path}: no run of {args.case or 'any case'}{nearest(args.case, found)}")
    known: set[str] = set()
    shown = 0
    changes: list[str] = []
    for case_id, pasts in chosen.items():
        all_series = series_of(pasts)
        known |= {each.metric for each in all_series}
        for series in (each for each in all_series if args.metric in ("", each.metric)):
            shown += 1
            head, *rows = series.lines(output_width())
            say("\n".join([f"{case_id}: {head}", *rows, ""]))
            changes += _said(case_id, series)
    if not shown:
        what = args.metric or "figures that can be compared"
        raise UsageError(f"{args.path}: no trusted run with {what}{nearest(args.metric, known)}")
    say("\n".join(changes or ["no change of level"]))
    if unread:
        say(f"not in it, since they cannot be read: {', '.join(map(str, unread))}")
    return 0


def _read(path: Path, unread: list[Path]) -> dict[str, list[Past]]:
    if path.is_dir():
        return read_folders(path, unread=unread)
    if not path.exists():
        raise UsageError(f"{path}: there is no such folder of runs, and no such file")
    return read_history_file(path)


def _said(case_id: str, series: Series) -> list[str]:
    return [f"{case_id}: {series.said(change)}" for change in series.changes]
