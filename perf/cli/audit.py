"""`python -m perf audit FILE.csv`."""

from __future__ import annotations

import argparse
from pathlib import Path

from perf.cases.errors import UsageError
from perf.cli.live import output_width
from perf.judge.audit import Finding
from perf.judge.audit import audit as audit_row
from perf.judge.units import wrong_units
from perf.report.audit_table import render_audit
from perf.store.published import read_table


def add_audit(parser: argparse.ArgumentParser) -> None:
    """The options of `audit`."""
    parser.set_defaults(run=audit)
    parser.add_argument(
        "table",
        type=Path,
        metavar="FILE.csv",
        help="a header and a row for each run; see perf/store/published.py",
    )


def audit(args: argparse.Namespace) -> int:
    """Hold a published table against the operational laws. 1 when a row is not consistent.

    Raises:
        UsageError: the table makes no sense; all of it seems to be in another unit.
    """
    table = read_table(args.table)
    audits = [audit_row(row) for row in table.rows]
    if said := wrong_units(audits, table.columns):
        raise UsageError(f"{args.table}: {said}")
    print("\n".join(render_audit(audits, output_width())))
    return 0 if all(each.verdict is Finding.CONSISTENT for each in audits) else 1
