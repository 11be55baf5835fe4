"""What renders a run starts no engine: a report is made where neither the queue nor the database is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGINES = ("celery", "kombu", "botocore", "boto3", "sqlalchemy")
SCRIPT = """
import importlib, pkgutil, sys
import perf.report, perf.store
found = 0
for package in (perf.report, perf.store):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
        found += 1
print(found, sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


def test_no_engine_is_imported_with_the_reports():
    command = [sys.executable, "-c", SCRIPT, *ENGINES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    count, _, engines = done.stdout.strip().partition(" ")
    assert int(count) == sum(
        len([path for path in (ROOT / "perf" / name).rglob("*.py") if path.name != "__init__.py"])
        for name in ("report", "store")
    )
    assert engines == "[]"
