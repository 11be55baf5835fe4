"""`python -m perf`: the suite's stages by hand; see `python -m perf STAGE --help`.

python -m perf report results
python -m perf cloudwatch results
python -m perf history results
python -m perf audit results/2026-11-23T10-00-00Z/scenario2_consolidated.csv
"""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence

from perf.cases.errors import PerfError, UsageError
from perf.cases.options import nearest
from perf.cli import audit, cloudwatch, history, init, report, web_metrics
from perf.cli.live import say
from perf.cli.named import Stage, named_stages
from perf.cli.parser import Parser
from perf.deploy.faults import reported
from perf.store.secrets import without_secrets

#: Those that need no pipeline.
STAGES: tuple[Stage, ...] = (
    ("init", init.add_init, "write an adapter, thresholds and a first test for a pipeline of your own"),
    ("report", report.add_report, "make the report of a run again, from its artifacts"),
    ("cloudwatch", cloudwatch.add_cloudwatch, "fetch what CloudWatch told too late into a run's artifacts"),
    ("history", history.add_history, "the series of each case over the runs, and since when they changed"),
    ("watch", report.add_watch, "follow a running run from another terminal"),
    ("web-metrics", web_metrics.add_web_metrics, "the metrics of a load that Locust sent by hand"),
    ("audit", audit.add_audit, "hold a published table of runs against the operational laws"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one stage.

    Returns:
        0 when it did its work; 1 when tasks failed or are outstanding, or the figures cannot be trusted; 2
        for bad input.
    """
    args = _parser(sys.argv[1:] if argv is None else argv).parse_args(argv)
    try:
        with reported("do that"):
            return int(args.run(args))
    except PerfError as error:
        say(without_secrets(f"perf: {error}"), sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        say("perf: interrupted; what was sent stands in the tasks' log", sys.stderr)
        return 130


def _parser(argv: Sequence[str]) -> Parser:
    parser = Parser("python -m perf", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    known = (*named_stages(), *STAGES)
    names = [name for name, _, _ in known]
    if argv and argv[0] not in (*names, "-h", "--help"):
        parser.error(f"{argv[0]}: no such stage{nearest(argv[0], names)}; expected one of {', '.join(names)}")
    stages = parser.add_subparsers(required=True, metavar="STAGE")
    for name, add, meaning in known:
        add(stages.add_parser(name, help=meaning))
    return parser
