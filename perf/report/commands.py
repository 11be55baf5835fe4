"""`python -m perf report` and `python -m perf watch`."""

from __future__ import annotations

import argparse
from pathlib import Path

from fixtures.clips import cache_folder
from perf.report.live import FILE, follow

RESULTS = Path("results")


def add_report(parser: argparse.ArgumentParser) -> None:
    """The options of `report`."""
    parser.set_defaults(run=report)
    _add_results(parser)
    parser.add_argument(
        "--output", type=Path, help="where the report goes (default: report/ in the run's folder)"
    )


def add_watch(parser: argparse.ArgumentParser) -> None:
    """The options of `watch`."""
    parser.set_defaults(run=watch)
    _add_results(parser)


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results",
        nargs="?",
        type=Path,
        default=RESULTS,
        help="a run's folder, or the folder of all (results)",
    )


def report(args: argparse.Namespace) -> int:
    """Make every report of a run again, from its artifacts."""
    from perf.report.regenerate import make_report  # noqa: PLC0415 - matplotlib takes a second to import
    from perf.report.run_files import find_run  # noqa: PLC0415

    for line in make_report(find_run(args.results), cache_folder(), args.output).lines():
        print(line)
    return 0


def watch(args: argparse.Namespace) -> int:
    """Follow a running run from another terminal."""
    folder = args.results
    if not (folder / FILE).exists():
        running = sorted(folder.glob(f"*/{FILE}"))
        folder = running[-1].parent if running else folder
    return follow(folder, print)
