"""What stands on a terminal of 80 and of 160 columns: no line goes on below, no word is broken."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.faults import fault_cases
from perf.cases.scale_out import Growing, ScaleOutCase
from perf.cases.worker import Mode
from perf.cli.figures import print_figures
from perf.judge.audit import audit
from perf.judge.slos import load_slos
from perf.measure.bisection import Outcome
from perf.measure.scale_out import ScaleOutSummary
from perf.measure.summary import METRICS
from perf.report.aligned import folded
from perf.report.audit_table import render_audit
from perf.report.progress import QuietLine
from perf.report.scale_out_table import render_scale_out_table
from perf.report.series import series_of
from perf.report.tables import conclusions, table
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.store.history_file import append
from perf.store.published import read_table
from tests.perf.inner import INI, RUN_CASE
from tests.perf.results import result, search_result
from tests.perf.sample_run import knee_result
from tests.perf.terminal import Seen, on_terminal
from tests.perf.test_against import CASE as COMPARISON
from tests.perf.test_against import MadeUp, judged
from tests.perf.test_comparing import KIND, PLAN
from tests.perf.test_comparing import SLOS as STEERED_SLOS
from tests.perf.test_faults import result as fault_result
from tests.perf.test_history import STEP, past
from tests.perf.test_slots import CASE, TWO

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "tests" / "perf" / "data" / "published_runs.csv"
both = pytest.mark.parametrize("columns", [80, 160])
#: Longer than 160 columns, as a reason with its remedy may be.
REASON = "other load: " + "processes that are not part of this run kept 1.13 of 2 processors busy; " * 2


def history_of() -> list[Any]:
    return [past(number, value, commit=f"{number:010d}") for number, value in enumerate(STEP)]


def of_workers(width: int | None) -> list[str]:
    cases = [result(Variant.MOCKED, mode, 100, level) for level in (1, 4) for mode in Mode]
    return [*table(cases, width), *conclusions(cases)]


def of_faults(width: int | None) -> list[str]:
    longest = max(fault_cases(Variant.MOCKED, {}), key=lambda case: len(case.fault))
    return table([replace(fault_result(), case=longest)], width)


def of_sides(width: int | None) -> list[str]:
    deployment = cast("Any", SimpleNamespace(description={"queue": "q"}, is_here=True))
    context = Context(deployment, load_slos(SLOS, KINDS), Path(), QuietLine([].append, "case"))
    return table([judged(context, MadeUp(factor=12.34, sigma=0.9), COMPARISON)], width)


def of_growth(width: int | None) -> list[str]:
    case = ScaleOutCase(Variant.MOCKED, 100, 4, next(iter(Growing)), 600.0, 600.0)
    figures: dict[str, Any] = dict.fromkeys(ScaleOutSummary.metrics(), 1234)
    grown = SimpleNamespace(case=case, summary=ScaleOutSummary(**figures), verdict=result().verdict)
    return render_scale_out_table([cast("Any", grown)], width)


def of_published(width: int | None) -> list[str]:
    return render_audit([audit(row) for row in read_table(PUBLISHED).rows], width)


def of_history(width: int | None) -> list[str]:
    (series,) = series_of(history_of())
    return series.lines(width)


#: What is shown of cases, those with the longest names that there are.
SHOWN: dict[str, Callable[[int | None], list[str]]] = {
    "worker": of_workers,
    "web": lambda width: table([knee_result()], width),
    "search": lambda _: list(conclusions([search_result(Outcome.HELD, Outcome.BROKE)])),
    "faults": of_faults,
    "A/B": of_sides,
    "autoscaling": of_growth,
    "audit": of_published,
    "history": of_history,
}


@both
@pytest.mark.parametrize("kind", SHOWN)
def test_a_table_fits_and_has_all_its_words(kind: str, columns: int) -> None:
    whole, fits = SHOWN[kind](None), folded(SHOWN[kind](columns), columns)
    assert max(map(len, fits)) <= columns
    words = {word for line in whole for word in line.split() if not re.fullmatch("[-o]+", word)}
    assert words <= {word for line in fits for word in line.split()}


@both
def test_the_figures_of_a_stage_fit(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("perf.cli.live.output_width", lambda *_: columns)
    print_figures(METRICS, result().summary)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert sum(not line.startswith(" ") for line in lines) == sum(
        value is not None for value in map(result().summary.value, METRICS)
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """One with a short name, as a word that is longer than the terminal can only go on below."""
    with TemporaryDirectory(prefix="p") as name:
        yield Path(name)


def shell(**own: str) -> dict[str, str]:
    """This one, without what would name a deployment, a CI or a width."""
    without = ("AWS_", "PERF_", "PYTEST_", "GITHUB_", "COLUMNS", "CI", "DATABASE_URL", "PG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(without)}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]]), **own}


def seen(columns: int, folder: Path, *words: str) -> Seen:
    """A module of Python's on a terminal."""
    return on_terminal([sys.executable, "-m", *words], columns, env=shell(), cwd=folder, deadline_s=120)


def steered(folder: Path) -> None:
    """A project with a case that fails and one that is INVALID; both show how far they are."""
    shown = """
        from perf.observe.completion import Progress
        with context.listener.phase("drain"):
            context.listener.show(Progress(elapsed_s=3600, total=1000, due=1000, done=1, failed=100))
        told ="""
    kind = KIND.replace("the clocks disagree", REASON).replace("        told =", shown, 1)
    assert kind.count("Progress(") == 1
    (folder / "conftest.py").write_text(kind)
    (folder / "pytest.ini").write_text(INI)
    (folder / "slos.toml").write_text(STEERED_SLOS)
    (folder / "test_plan.py").write_text(PLAN)
    (folder / "steer.json").write_text(json.dumps({"1": [0.2, 0.01], "invalid": [2]}))


@both
def test_a_run_says_nothing_that_goes_on_below(columns: int, folder: Path) -> None:
    steered(folder)
    options = ("-v", "--no-header", "-rN", "--slos=slos.toml", f"--results={folder / 'r'}")
    run = seen(columns, folder, "pytest", *options)
    said = "\n".join(run.lines)
    assert run.status == 1, said
    assert run.wrapped == [], said
    assert re.search(r"^test_plan.py::test_it\[mocked-l1\] FAILED +\[ 50%\]$", said, re.MULTILINE)
    assert re.search(r"^test_plan.py::test_it\[mocked-l2\] INVALID +\[100%\]$", said, re.MULTILINE)
    assert "drain" not in said  # the live line is gone
    assert REASON.rsplit(maxsplit=1)[-1] in said


@both
@pytest.mark.parametrize("how", ["-v", "-q"])
def test_what_slots_say_stands_on_lines_of_its_own(how: str, columns: int, folder: Path) -> None:
    speaks = f"""
import pytest
from perf.plugin.terminal import line_writer

@pytest.fixture
def run_case(request):
    line_writer(request.config)({REASON!r})
"""
    (folder / "conftest.py").write_text(speaks)
    (folder / "pytest.ini").write_text(INI)
    (folder / "slots.toml").write_text(TWO)
    (folder / "test_cases.py").write_text(CASE)
    options = (
        how,
        "-n2",
        "--no-header",
        "--slots=slots.toml",
        "-maws",
        "-k50MB and c1",
        f"--results={folder / 'r'}",
    )
    run = seen(columns, folder, "pytest", *options)
    said = "\n".join(run.lines)
    assert run.status == 0, said
    assert run.wrapped == [], said
    spoken = [line for line in run.lines if "other load: " in line]
    assert len(spoken) == 2
    assert all(line.startswith(("[blue] other", "[green] other")) for line in spoken), said


@pytest.mark.parametrize("how", ["-v", "-q"])
def test_what_a_run_says_stands_behind_nothing_of_pytest_s(how: str, folder: Path) -> None:
    speaks = """
import pytest
from perf.plugin.terminal import line_writer

@pytest.fixture(autouse=True)
def speaking(request):
    line_writer(request.config)("said before")

def pytest_sessionfinish(session):
    line_writer(session.config)("said at last")
"""
    (folder / "conftest.py").write_text(speaks)
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_it.py").write_text("def test_a(): pass\n\n\ndef test_b(): pass\n")
    lines = seen(80, folder, "pytest", how).lines
    assert [line for line in lines if "said" in line] == ["said before", "said before", "said at last"]


def test_on_a_terminal_a_person_is_asked_for_the_workers(folder: Path) -> None:
    (folder / "conftest.py").write_text(RUN_CASE)
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_cases.py").write_text(CASE)
    refused = "\n".join(seen(160, folder, "pytest", "-maws", f"--results={folder / 'r'}").lines)
    assert "PERF_API_URL: the address of its API" in refused
    assert "PERF_WORKER_COMMAND" not in refused


@both
def test_the_history_on_a_terminal(columns: int, folder: Path) -> None:
    for run in history_of():
        append(folder / "h.jsonl", "mocked-100MB-c4-n2-sustained", run)
    shown = seen(columns, folder, "perf", "history", "h.jsonl")
    assert (shown.status, shown.wrapped) == (0, []), shown.lines
    drawn = [line for line in shown.lines if re.search(r"  -*o-*$", line)]
    assert len(drawn) == len(STEP)
    assert "for 4 runs (p = 0.00" in " ".join(shown.lines)


@both
def test_what_the_doctor_finds_stands_below_itself(columns: int, folder: Path) -> None:
    shown = seen(columns, folder, "perf", "doctor")
    said = "\n".join(shown.lines)
    assert (shown.status, shown.wrapped) == (1, []), said
    below = [line for line in shown.lines if not re.match("ok |note |WRONG ", line)]
    assert all(line.startswith(" " * 20) for line in below), said
    assert "WRONG  variables    PERF_API_URL: " in said
