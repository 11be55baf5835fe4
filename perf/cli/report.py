"""`python -m perf report` and `python -m perf watch`."""

from __future__ import annotations

import argparse
from pathlib import Path

from perf.cases.errors import UsageError
from perf.cli.live import say
from perf.cli.parser import add_results
from perf.deploy.cache import cache_folder
from perf.report.live import FILE, follow
from perf.report.making import report_maker
from perf.store.runs import find_run


def add_report(parser: argparse.ArgumentParser) -> None:
    """The options of `report`."""
    parser.set_defaults(run=report)
    add_results(parser)
    parser.add_argument(
        "--output", type=Path, help="where the report goes (default: report/ in the run's folder)"
    )
    parser.add_argument(
        "--history", type=Path, help="the file of the history, beside the folders of the runs"
    )


def add_watch(parser: argparse.ArgumentParser) -> None:
    """The options of `watch`."""
    parser.set_defaults(run=watch)
    add_results(parser)


def report(args: argparse.Namespace) -> int:
    """Make every report of a run again, from its artifacts; 1 when a case of it cannot be read."""
    from perf.run.kinds import KINDS  # noqa: PLC0415 - numpy takes a while to import

    if args.history is not None and not args.history.exists():
        raise UsageError(f"--history {args.history}: there is no such file")
    folder = find_run(args.results)
    made = report_maker()(folder, cache_folder(), args.output, kinds=KINDS, kept=args.history)
    say("\n".join(made.lines()))
    return 1 if made.unread else 0


def watch(args: argparse.Namespace) -> int:
    """Follow a running run from another terminal."""
    folder = args.results
    if not (folder / FILE).exists():
        running = sorted(folder.glob(f"*/{FILE}"))
        folder = running[-1].parent if running else folder
    return follow(folder, say)
