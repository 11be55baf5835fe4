"""`python -m perf`: the suite's stages by hand, against the deployment that the environment names.

python -m perf inject --count 30 --size 50 --mode sustained --rate 10 --monitor
python -m perf metrics --tasks-log results/worker_tasks_2026-11-23T10-00-00Z.log --output-csv m.csv
python -m perf capacity --size 50 --concurrency 2 --budget 1800
python -m perf audit results/2026-11-23T10-00-00Z/scenario2_consolidated.csv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.storage import StorageError
from fixtures.errors import FixtureError
from perf import by_hand
from perf.errors import PerfError, UsageError
from perf.options import SLOS
from perf.report.commands import add_report, add_watch
from perf.web_by_hand import add_web_metrics


def main(argv: Sequence[str] | None = None) -> int:
    """Run one stage; 0 when it did its work, 1 when tasks failed or are outstanding, 2 for bad input."""
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except ValidationError as error:
        return _refuse(f"the environment does not name a deployment: {_wrong(error)}")
    except (UsageError, FixtureError) as error:
        return _refuse(str(error))
    except (PerfError, SQLAlchemyError, BotoCoreError, ClientError, StorageError) as error:
        print(f"perf: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("perf: interrupted; what was sent stands in the tasks' log", file=sys.stderr)
        return 130


def _wrong(error: ValidationError) -> str:
    """The variables that are missing or wrong, and what is wrong with several together; no value of one."""
    names = [str(item["loc"][0]).upper() for item in error.errors() if item["loc"]]
    together = [item["msg"] for item in error.errors() if not item["loc"]]
    return "; ".join([*(["missing or wrong: " + ", ".join(names)] if names else []), *together])


def _refuse(message: str) -> int:
    print(f"perf: {message}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m perf", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    stages = parser.add_subparsers(required=True, metavar="STAGE")
    _add_inject(stages.add_parser("inject", help="put tasks straight into the queue"))
    _add_metrics(stages.add_parser("metrics", help="the metrics of tasks that were injected"))
    add_report(stages.add_parser("report", help="make the report of a run again, from its artifacts"))
    add_watch(stages.add_parser("watch", help="follow a running run from another terminal"))
    _add_capacity(stages.add_parser("capacity", help="find the highest arrival rate that a cell sustains"))
    add_web_metrics(stages.add_parser("web-metrics", help="the metrics of a load that Locust sent by hand"))
    _add_audit(stages.add_parser("audit", help="hold a published table of runs against the operational laws"))
    return parser


def _add_inject(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=by_hand.inject)
    parser.add_argument("--count", required=True, help="number of tasks")
    clip = parser.add_mutually_exclusive_group(required=True)
    clip.add_argument(
        "--size", help="video size in MB; the clip is made, and uploaded where the bucket lacks it"
    )
    clip.add_argument("--file", help="a video in the bucket, s3://BUCKET/KEY")
    parser.add_argument("--mode", default="burst", help="burst (default) or sustained")
    parser.add_argument("--rate", default="", help="tasks per minute; for --mode sustained")
    parser.add_argument("--monitor", action="store_true", help="wait until the tasks have finished")
    parser.add_argument(
        "--deadline", default="", help="seconds to wait at most after the last task was due (3600)"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of the tasks' log (results)"
    )


def _add_metrics(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=by_hand.metrics)
    tasks = parser.add_mutually_exclusive_group(required=True)
    tasks.add_argument("--tasks-log", type=Path, help="a worker_tasks_*.log of the injector")
    tasks.add_argument("--file", help="all tasks of this video, s3://BUCKET/KEY; due when they were uploaded")
    parser.add_argument(
        "--concurrency", default="", help="of the workers then (default: what they report now)"
    )
    parser.add_argument("--output-csv", type=Path, help="where the metrics go (default: the terminal only)")


def _add_capacity(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=by_hand.capacity)
    parser.add_argument("--size", required=True, help="video size in MB")
    parser.add_argument("--concurrency", required=True, help="worker processes over the whole deployment")
    parser.add_argument("--budget", default="", help="seconds that the search may take (3600)")
    parser.add_argument("--count", default="", help="tasks of each trial (30)")
    parser.add_argument("--slos", type=Path, default=SLOS, help="the file of thresholds (perf/slos.toml)")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of the tasks' logs (results)"
    )


def _add_audit(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=by_hand.audit)
    parser.add_argument(
        "table", type=Path, metavar="FILE.csv", help="a header and a row for each run; see perf/audit.py"
    )


if __name__ == "__main__":
    sys.exit(main())
