"""Who may import whom (DESIGN.md, section 3), held against every file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for package in ("app", "worker", "fixtures", "perf") for path in (ROOT / package).rglob("*.py")
)
#: The path of the data. perf.run binds the stages up to the verdict; report renders what it gives.
STAGES = ("perf.matrix", "perf.load", "perf.measure", "perf.judge", "perf.run", "perf.report")
#: The web tier's own files of a stage.
ALSO = {"perf.web_matrix": "perf.matrix", "perf.web_run": "perf.run"}
#: by_hand is the body of __main__.
ENTRANCES = {"perf.plugin", "perf.plugin_cases", "perf.plugin_capacity", "perf.__main__", "perf.by_hand"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """All that a file imports, also within functions and for types only; ``a.b`` of ``from a import b``."""
    package = path.relative_to(ROOT).parent.parts
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def stage_of(module: str) -> int | None:
    for also, stage in ALSO.items():
        if within(module, also):
            return STAGES.index(stage)
    return next((place for place, each in enumerate(STAGES) if within(module, each)), None)


def breaches(name: str, imported: str) -> list[str]:
    """The rules that this import breaks."""
    stage, target = stage_of(name), stage_of(imported)
    is_case = name.startswith("perf.test_")
    rules = {
        "a stage imports stages to its left, never to its right": stage is not None
        and target is not None
        and target > stage,
        "report is imported by plugin and __main__ alone": within(imported, "perf.report")
        and not within(name, "perf.report")
        and name not in ENTRANCES,
        "cases take fixtures by name and import none": is_case and within(imported, "fixtures"),
        "of perf, fixtures import the matrix and the errors at most": within(name, "fixtures")
        and within(imported, "perf")
        and not within(imported, "perf.matrix")
        and not within(imported, "perf.errors"),
        "app and worker know neither perf nor fixtures": (within(name, "app") or within(name, "worker"))
        and (within(imported, "perf") or within(imported, "fixtures")),
        "app imports of worker the message only": within(name, "app")
        and within(imported, "worker")
        and not within(imported, "worker.message"),
        "locust is imported by the Locust file alone": within(imported, "locust")
        and name != "perf.load.locustfile",
    }
    return [rule for rule, broken in rules.items() if broken]


def test_there_is_something_to_hold():
    assert len(FILES) > 20
    assert "perf.measure.ledger.Ledger" in imports(ROOT / "perf" / "measure" / "metrics.py")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_rules_hold(path):
    found = {
        f"{imported}: {rule}" for imported in imports(path) for rule in breaches(name_of(path), imported)
    }
    assert not found


@pytest.mark.parametrize(
    ("name", "imported"),
    [
        ("perf.matrix", "perf.load.schedule"),
        ("perf.measure.metrics", "perf.judge.slos"),
        ("perf.judge.verdict", "perf.report.table"),
        ("perf.judge.verdict", "perf.run"),
        ("perf.run", "perf.report.table"),
        ("perf.test_worker_throughput", "fixtures.deployment"),
        ("fixtures.deployment", "perf.measure.ledger"),
        ("app.main", "worker.tasks"),
        ("app.main", "perf.errors"),
        ("worker.tasks", "fixtures.ports"),
        ("perf.load.shapes", "locust"),
    ],
)
def test_a_breach_is_seen(name, imported):
    assert breaches(name, imported)
