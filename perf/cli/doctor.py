"""`python -m perf doctor`: what is wrong with the deployment that the environment names."""

from __future__ import annotations

import argparse
import os
import sys

from fixtures.video_doctor import examine
from perf.pipeline import Weight
from perf.store.secrets import without_secrets


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """`doctor` has no options."""
    parser.set_defaults(run=doctor)


def doctor(_: argparse.Namespace) -> int:
    """Print a line for each look; 1 when an aws run would be refused."""
    found = examine(os.environ, terminal=sys.stdin.isatty())
    for each in found:
        print(without_secrets(str(each)))
    return 1 if any(each.weight is Weight.WRONG for each in found) else 0
