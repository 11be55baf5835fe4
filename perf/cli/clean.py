"""`python -m perf clean [RESULTS]`: removes what runs that died left, and puts the fleet back."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from fixtures.by_environment import NamedDeployment
from fixtures.leftovers import find, remove
from perf.cases.errors import UsageError
from perf.cli.parser import add_results
from perf.deploy.deployment_lock import only_run
from perf.deploy.fleets.choice import control_named
from perf.deploy.fleets.note import FleetNote
from perf.deploy.kept import put_back
from perf.load.intent import read_intent
from perf.load.request_log import uploads_in
from perf.store.tasks_log import read_tasks_log

#: What a run of the aws cases is about to make, as long as it has not removed it.
_INTENTS = "intent_*aws-*.json"


def add_clean(parser: argparse.ArgumentParser) -> None:
    """The options of `clean`."""
    parser.set_defaults(run=clean)
    add_results(parser, "; what is under the suite's own prefix in the bucket is found without")
    parser.add_argument("--yes", action="store_true", help="do it; without, it is only said")


def clean(args: argparse.Namespace) -> int:
    """Say what is left, and remove it with --yes; 1 when something stays.

    Raises:
        HarnessError: a run is under way, or the deployment does not answer.
    """
    with closing(NamedDeployment()) as here, only_run(here.pipeline.engine.url):
        intents = sorted([*args.results.glob(_INTENTS), *args.results.glob(f"*/{_INTENTS}")])
        left = find(here.pipeline, _ids(intents, here))
        note = FleetNote(here.pipeline.engine)
        fleet = note.read()
        if not left.anything and not intents and fleet is None:
            print("nothing is left")
            return 0
        print("\n".join([*left.lines(), *([f"fleet     to be put back to {fleet}"] if fleet else [])]))
        if not args.yes:
            print("nothing was removed: give --yes to remove it")
            return 1
        remove(here.pipeline, left)
        for path in intents:
            path.unlink()
        print("removed")
        if fleet:
            control = control_named(fleet.control, os.environ, here.pipeline, print)
            put_back(control, fleet.found, fleet.state, note, print)
    return 0


def _ids(intents: Sequence[Path], here: NamedDeployment) -> set[str]:
    """Of all tasks and uploads that the runs with these intents wrote down; none of what was made by hand."""
    ids: set[str] = set()
    for intent in map(read_intent, intents):
        ids |= set(intent.tasks)
        if intent.uploads_since_s is not None:
            ids |= here.uploads_since(intent.uploads_since_s, Path(intent.clip))
    for folder in {path.parent for path in intents}:
        for log in folder.glob("worker_tasks_aws-*.log"):
            with suppress(UsageError):  # one that has sent nothing yet
                ids |= {task.task_id for task in read_tasks_log(log)}
        for records in folder.glob("aws-*_requests"):
            ids |= uploads_in(records)
    return ids
