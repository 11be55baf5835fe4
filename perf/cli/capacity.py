"""`python -m perf capacity`: the search for a sustainable rate, against a deployment."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from fixtures.environment import missing_for_aws
from fixtures.video_deployments import remote_deployment
from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.errors import UsageError
from perf.cases.search import BUDGET
from perf.cases.worker import CONCURRENCY, COUNT, SIZES
from perf.cli.figures import print_problems
from perf.cli.live import live_line
from perf.cli.tasks import new_log
from perf.judge.slos import load_slos
from perf.judge.verdict import VerdictKind
from perf.report.search_lines import search_lines
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.run.search import SEARCH


def add_capacity(parser: argparse.ArgumentParser) -> None:
    """The options of `capacity`."""
    parser.set_defaults(run=capacity)
    parser.add_argument("--size", required=True, help="video size in MB")
    parser.add_argument("--concurrency", required=True, help="worker processes over the whole deployment")
    parser.add_argument("--budget", default="", help="seconds that the search may take (3600)")
    parser.add_argument("--count", default="", help="tasks of each trial (30)")
    parser.add_argument("--slos", type=Path, default=SLOS, help="the file of thresholds (perf/slos.toml)")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of the tasks' logs (results)"
    )


def capacity(args: argparse.Namespace) -> int:
    """Find the sustainable rate of one cell of the deployment; 1 when none held or it cannot be trusted."""
    options = {
        "sizes": SIZES.parse(args.size, "--size"),
        "concurrency": CONCURRENCY.parse(args.concurrency),
        "count": COUNT.parse(args.count),
        "budget": BUDGET.parse(args.budget),
    }
    cells = SEARCH.cases(Variant.AWS, options)
    if len(cells) != 1:
        raise UsageError("--size and --concurrency: give one of each, e.g. --size 50 --concurrency 2")
    book = load_slos(args.slos, KINDS)
    SEARCH.slos(book, cells[0])
    terminal = sys.stdin.isatty()
    if missing := missing_for_aws(os.environ, terminal=terminal):
        raise UsageError(missing)
    folder = new_log(args.results).parent
    with remote_deployment(os.environ, print, terminal=terminal) as deployment:
        context = Context(deployment, book, folder, live_line(cells[0].cell))
        result = SEARCH.run(cells[0], context)
    print("\n".join(search_lines(result)))
    print_problems(result.verdict.problems)
    return 0 if result.verdict.kind is VerdictKind.PASS else 1
