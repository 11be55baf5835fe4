"""The pages of docs/ that are made from the code: the metrics, and the picture of the rooms.

python -m tests.pages      # writes them; a test sees whether they are current
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import perf
from perf.measure.figures import Metric
from perf.run.kind import Kind
from perf.run.kinds import KINDS
from tests.perf.test_imports import FILES, ROOT, STAGES, TOPS, imports, name_of, part_of, rules

DOCS = ROOT / "docs"
MADE = "<!-- made by `python -m tests.pages`: change the code, not this page -->"

METRICS = f"""\
# The metrics

{MADE}

What the CSV files, [slos.toml](../perf/slos.toml) and the reports call them. The instants of a task are
*scheduled* (when it was due), *sent*, *uploaded* (its row was made), *started* and *finished*, all by the
database's clock. A metric for which there is no data is absent, never 0. `per_min` is of tasks, `per_s` of
requests. "Not aws" is what is held against the bare command on the same machine.
"""
ARCHITECTURE = f"""\
# How it is built

{MADE}

The list of folders is the path of the data. A room imports rooms to its left, never to its right; the picture
is what is imported today, less what follows from the other arrows.
"""
#: What stands beside the rooms.
BESIDE = """\
Beside the rooms:

- `perf/`: the plan (`test_*.py`) and the thresholds (`slos.toml`)
- `fixtures/`: what knows app/ and worker/: the port of that pipeline, its deployments, what is broken there
- `app/`, `worker/`: the pipeline under test, see [pipeline.md](pipeline.md)
- `deploy/`: its images, compose files, CloudFormation stack and policies, see [aws.md](aws.md)
- `examples/`: two pipelines of other people, with their adapters, see [own-pipeline.md](own-pipeline.md)
- `tests/`: of the measuring code, of the pipeline's parts, of the plugin, and of the reports in headless
  Chromium (`apt-get install chromium`; else those skip). `pytest -m images tests/deploy` builds and runs the
  images (`apt-get install buildah mmdebstrap`)

How to add a case, a metric, a check, an observer or a fleet control: [CONTRIBUTING](../CONTRIBUTING.md).
"""


def metrics_page() -> str:
    """Every metric of every kind of case."""
    return "\n".join([METRICS, *(line for kind in KINDS for line in _of_kind(kind))])


def _of_kind(kind: Kind) -> Iterator[str]:
    yield f"## {kind.feature}\n"
    yield "| metric | unit | meaning |"
    yield "|---|---|---|"
    for metric in kind.metrics.values():
        yield f"| `{metric.name}` | {metric.unit} | {_meaning(metric)} |"
    yield ""


def _meaning(metric: Metric) -> str:
    only = [*sorted(metric.modes), *(["not aws"] if metric.here else [])]
    return metric.meaning.replace("|", "\\|") + (f" ({', '.join(only)})" if only else "")


def architecture_page() -> str:
    """The rooms, what each is, and what is imported by which."""
    return "\n".join([ARCHITECTURE, *_picture(), *_rooms(), *_rules(), BESIDE])


def _picture() -> Iterator[str]:
    yield "```mermaid"
    yield "flowchart LR"
    for room, others in sorted(arrows().items()):
        for other in sorted(others - _by_another(others)):
            yield f"    {other} --> {room}"
    yield "```\n"


def arrows() -> dict[str, set[str]]:
    """Which rooms each room imports."""
    known = {*STAGES, *TOPS}
    found: dict[str, set[str]] = {}
    for path in FILES:
        room = part_of(name_of(path))
        if room in known:
            others = {part_of(module) for module in imports(path)} & known
            found.setdefault(room, set()).update(others - {room})
    return found


def _by_another(rooms: set[str]) -> set[str]:
    """Those of the rooms that another of them imports, so that no arrow of their own is needed."""
    everything = arrows()
    return {other for room in rooms for other in everything[room]}


def _rooms() -> Iterator[str]:
    yield "| room | |"
    yield "|---|---|"
    for room in (*STAGES, *TOPS):
        folder = ROOT / "perf" / room
        file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        shown = f"{room}/" if folder.is_dir() else f"{room}.py"
        yield f"| [`{shown}`](../perf/{shown}) | {_first_line(file)} |"
    yield ""


def _first_line(file: Path) -> str:
    return file.read_text(encoding="utf-8").splitlines()[0].strip('"').replace("|", "\\|")


def _rules() -> Iterator[str]:
    yield "Who may import whom is held by [a test](../tests/perf/test_imports.py) for every file:\n"
    yield from (f"- {rule}" for rule in rules("", ""))
    yield "- `measure` and `judge` reach nothing that touches the world, however far it is\n"


PAGES = {"metrics.md": metrics_page, "architecture.md": architecture_page}

if __name__ == "__main__":
    assert perf.__file__ == str(ROOT / "perf" / "__init__.py"), (
        "run this in the checkout whose pages are meant"
    )
    for page, made in PAGES.items():
        (DOCS / page).write_text(made(), encoding="utf-8")
