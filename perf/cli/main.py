"""`python -m perf`: the suite's stages by hand, against the deployment that the environment names.

python -m perf doctor
python -m perf clean results --yes
python -m perf inject --count 30 --size 50 --mode sustained --rate 10 --monitor
python -m perf metrics --tasks-log results/worker_tasks_2026-11-23T10-00-00Z.log --output-csv m.csv
python -m perf capacity --size 50 --concurrency 2 --budget 1800
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
from perf.cli import audit, capacity, clean, cloudwatch, doctor, history, report, tasks, web_metrics
from perf.cli.parser import Parser
from perf.deploy.faults import reported
from perf.store.secrets import without_secrets

#: What each stage is called, how its options are added, and what it does.
STAGES = (
    ("doctor", doctor.add_doctor, "what is wrong with the deployment, and what would be right"),
    ("clean", clean.add_clean, "remove what runs that died left in the deployment"),
    ("inject", tasks.add_inject, "put tasks straight into the queue"),
    ("metrics", tasks.add_metrics, "the metrics of tasks that were injected"),
    ("report", report.add_report, "make the report of a run again, from its artifacts"),
    ("cloudwatch", cloudwatch.add_cloudwatch, "fetch what CloudWatch told too late into a run's artifacts"),
    ("history", history.add_history, "the series of each case over the runs, and since when they changed"),
    ("watch", report.add_watch, "follow a running run from another terminal"),
    ("capacity", capacity.add_capacity, "find the highest arrival rate that a cell sustains"),
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
        print(without_secrets(f"perf: {error}"), file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print("perf: interrupted; what was sent stands in the tasks' log", file=sys.stderr)
        return 130


def _parser(argv: Sequence[str]) -> Parser:
    parser = Parser("python -m perf", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    names = [name for name, _, _ in STAGES]
    if argv and argv[0] not in (*names, "-h", "--help"):
        parser.error(f"{argv[0]}: no such stage{nearest(argv[0], names)}; expected one of {', '.join(names)}")
    stages = parser.add_subparsers(required=True, metavar="STAGE")
    for name, add, meaning in STAGES:
        add(stages.add_parser(name, help=meaning))
    return parser
