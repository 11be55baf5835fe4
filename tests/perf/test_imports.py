"""Who may import whom (DESIGN.md, section 3), held against every file by the folder that it is in."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for package in ("app", "worker", "fixtures", "perf") for path in (ROOT / package).rglob("*.py")
)
#: The path of the data: a folder of perf each, but for the ports.
STAGES = (
    "cases",
    "pipeline",
    "breakable",
    "deploy",
    "load",
    "observe",
    "measure",
    "judge",
    "store",
    "run",
    "report",
)
#: Above the stages, and told by a user. They do not import each other.
TOPS = ("plugin", "cli", "bench")
#: What stands beside the folders.
LOOSE = {"__init__.py", "__main__.py", "pipeline.py", "breakable.py", "slos.toml"}
PURE = ("measure", "judge")
WORLD = ("psutil", "sqlalchemy", "boto3", "botocore", "subprocess", "threading", "time", "socket")
#: A way to the environment, as it is written.
ENVIRONMENT = ("os.environ", "os.getenv")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path) -> frozenset[str]:
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
    return frozenset(found)


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def part_of(module: str) -> str:
    """The folder of perf that a module is in, or its own name there; empty outside of perf."""
    return module.split(".")[1] if module.startswith("perf.") else ""


def rules(name: str, imported: str) -> dict[str, bool]:
    """Every rule, and whether this import breaks it."""
    part, target = part_of(name), part_of(imported)
    return {
        "a stage imports stages to its left, never to its right": part in STAGES
        and target in STAGES
        and STAGES.index(target) > STAGES.index(part),
        "no stage imports what stands above all stages": part in STAGES and target in (*TOPS, "__main__"),
        "what stands above the stages does not import its like": part in TOPS
        and target in TOPS
        and part != target,
        "report is imported by plugin, cli and bench alone": target == "report"
        and part not in ("report", *TOPS)
        and not within(name, "fixtures.stages"),
        "perf imports neither app nor worker, nor, but for bench, fixtures": within(name, "perf")
        and (within(imported, "app", "worker") or (within(imported, "fixtures") and part != "bench")),
        "cases' tests take fixtures by name and import none": part.startswith("test_")
        and within(imported, "fixtures"),
        "of perf, fixtures (not their stages) import ports, cases and deploy alone": within(name, "fixtures")
        and within(imported, "perf")
        and not within(imported, "perf.pipeline", "perf.breakable", "perf.cases", "perf.deploy")
        and not within(name, "fixtures.stages"),
        "app and worker know neither perf nor fixtures": within(name, "app", "worker")
        and within(imported, "perf", "fixtures"),
        "app imports nothing of worker": within(name, "app") and within(imported, "worker"),
        "locust is imported by the Locust file alone": within(imported, "locust")
        and name != "perf.load.locustfile",
        "report imports no engine": part == "report"
        and within(imported, "celery", "kombu", "boto3", "botocore", "sqlalchemy"),
    }


def breaches(name: str, imported: str) -> list[str]:
    """The rules that this import breaks."""
    return [rule for rule, broken in rules(name, imported).items() if broken]


@cache
def touched(path: Path) -> frozenset[str]:
    """How a file touches the world by itself."""
    found = {module for module in imports(path) if within(module, *WORLD, *ENVIRONMENT)}
    attributes = (
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)
    )
    return frozenset(found | {said for each in attributes if (said := ast.unparse(each)) in ENVIRONMENT})


@cache
def reached(path: Path) -> frozenset[Path]:
    """The files of ours that are imported with this one, directly or by another: itself among them."""
    found, left = {path}, [path]
    while left:
        new = {each for module in imports(left.pop()) for each in files_of(module)} - found
        found |= new
        left += new
    return frozenset(found)


def files_of(module: str) -> list[Path]:
    """The files of ours that the import of ``a.b.c`` runs: the packages' too; c may be a name in a.b."""
    parts = module.split(".")
    stems = [ROOT.joinpath(*parts[:length]) for length in range(1, len(parts) + 1)]
    tried = [path for stem in stems for path in (stem / "__init__.py", stem.with_suffix(".py"))]
    return [path for path in tried if path.is_file()]


def misplaced(entry: str, *, is_folder: bool) -> bool:
    """Whether something at the top of perf has no place there."""
    if is_folder:
        return entry not in (*STAGES, *TOPS)
    return entry not in LOOSE and not (entry.startswith("test_") and entry.endswith(".py"))


def test_there_is_something_to_hold():
    assert len(FILES) > 100
    assert "perf.measure.ledger.Ledger" in imports(ROOT / "perf" / "measure" / "metrics.py")
    assert {part_of(name_of(path)) for path in FILES} >= {*STAGES, *TOPS}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_rules_hold(path):
    found = {
        f"{imported}: {rule}" for imported in imports(path) for rule in breaches(name_of(path), imported)
    }
    assert not found


@pytest.mark.parametrize("path", [path for path in FILES if part_of(name_of(path)) in PURE], ids=name_of)
def test_what_is_pure_reaches_nothing_that_touches_the_world(path):
    found = {f"{name_of(each)}: {what}" for each in reached(path) for what in touched(each)}
    assert not found


def test_perf_s_top_holds_the_plan_the_port_and_folders():
    entries = [each for each in (ROOT / "perf").iterdir() if each.name != "__pycache__"]
    assert [each.name for each in entries if misplaced(each.name, is_folder=each.is_dir())] == []


@pytest.mark.parametrize(
    ("name", "imported"),
    [
        ("perf.cases.worker", "perf.load.schedule"),
        ("perf.cases.case", "perf.pipeline.Clip"),
        ("perf.load.injector", "perf.observe.seen"),
        ("perf.observe.machine", "perf.measure.machine"),
        ("perf.measure.metrics", "perf.judge.slos"),
        ("perf.judge.verdict", "perf.store.documents"),
        ("perf.judge.verdict", "perf.report.table"),
        ("perf.judge.verdict", "perf.run.worker"),
        ("perf.store.folder", "perf.run.kind"),
        ("perf.run.worker", "perf.report.table"),
        ("perf.run.a_new_kind", "perf.report.tables"),
        ("perf.report.plots", "perf.plugin.options"),
        ("perf.report.plots", "sqlalchemy.create_engine"),
        ("perf.cli.report", "perf.plugin.options.SLOS"),
        ("perf.__main__", "perf.report.regenerate"),
        ("perf.test_worker_throughput", "fixtures.video_deployments"),
        ("perf.test_worker_throughput", "perf.report.tables"),
        ("perf.observe.ledger", "app.model.Video"),
        ("perf.load.plan", "worker.settings"),
        ("perf.deploy.queues", "perf.load.plan"),
        ("perf.deploy.queues", "fixtures.video_pipeline"),
        ("perf.plugin.running", "fixtures.video_deployments"),
        ("fixtures.video_deployments", "perf.measure.ledger"),
        ("fixtures.video_deployments", "perf.pipelines"),
        ("app.main", "worker.tasks"),
        ("app.main", "perf.cases.errors"),
        ("worker.tasks", "fixtures.ports"),
        ("perf.load.shapes", "locust"),
    ],
)  # fmt: skip
def test_a_breach_is_seen(name, imported):
    assert breaches(name, imported)


@pytest.mark.parametrize("entry", ["matrix.py", "slos.yaml", "conftest.py", "test_notes.txt"])
def test_a_file_without_a_place_is_seen(entry):
    assert misplaced(entry, is_folder=False)
    assert misplaced(entry, is_folder=True)


def test_a_way_to_the_world_is_seen_however_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    for stage, text in {
        "measure": "from perf.load import far",
        "load": "import os\ndef f():\n    return os.environ['A']\n",
    }.items():
        (tmp_path / "perf" / stage).mkdir(parents=True)
        (tmp_path / "perf" / stage / {"measure": "near.py", "load": "far.py"}[stage]).write_text(text)
    near, far = tmp_path / "perf/measure/near.py", tmp_path / "perf/load/far.py"
    assert reached(near) == {near, far}
    assert touched(near) == frozenset()
    assert touched(far) == {"os.environ"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import time", "time"),
        ("from time import monotonic", "time.monotonic"),
        ("def f():\n    import subprocess", "subprocess"),
        ("import os\nos.getenv('A')", "os.getenv"),
        ("from os import environ", "os.environ"),
        ("import botocore.config", "botocore.config"),
    ],
)
def test_what_touches_the_world_is_seen(text, what, tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "some.py").write_text(text)
    assert touched(tmp_path / "some.py") == {what}
