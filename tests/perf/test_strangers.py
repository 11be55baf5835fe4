"""What a stranger meets first: an old Python, a narrow terminal, a file cut short, words of their own."""

from __future__ import annotations

import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import perf
from perf.__main__ import NOBODY_READS
from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.errors import HarnessError, UsageError
from perf.cases.options import parsed
from perf.cases.web import OPTIONS as WEB_OPTIONS
from perf.cases.web import WebMode, web_cases
from perf.cases.worker import OPTIONS, Mode, worker_cases
from perf.cli.main import main
from perf.judge.check import Problem
from perf.judge.slos import SloBook, contradiction, load_slos, parse_slos
from perf.load.locust_run import LoadSpec
from perf.measure.web_summary import EndpointFigures
from perf.pipeline import WebTier
from perf.report.aligned import aligned, folded
from perf.report.reasons import reasons
from perf.report.web_table import render_web_table
from perf.report.worker_table import render_table
from perf.run.context import Context, KneeFound, References
from perf.run.kinds import KINDS
from perf.run.web import WEB, _WebRun, more_requests
from perf.run.web_load import KneeSearch, Loads, Step
from perf.run.worker import WORKER
from perf.store.folder import RunFolder
from tests.perf.results import result
from tests.perf.sample_run import knee_result

ROOT = Path(__file__).parents[2]


def test_an_old_python_is_told_which_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    with pytest.raises(SystemExit, match=r"^perf: Python 3.11 or newer is needed; this is 3.10$"):
        runpy.run_path(str(perf.__file__))


@pytest.mark.parametrize("width", [80, 100, 160])
def test_tables_fit_the_terminal_and_every_block_names_its_rows(width: int) -> None:
    results = [result(mode=mode, size_mb=100, concurrency=4) for mode in Mode]
    lines = folded(render_table(results, width), width)
    assert max(map(len, lines)) <= width
    for case in results:
        rows = [line for line in lines if line.startswith(f"{case.case.id} ")]
        assert len(rows) == (1 if width == 160 else 2)
        assert rows[-1].endswith("FAIL")


def test_a_rate_of_requests_is_told_in_users_too() -> None:
    case = knee_result()
    four = dict.fromkeys(("health", "upload", "status", "download"), EndpointFigures(answered=1))
    case = replace(case, summary=replace(case.summary, response_mean_s=0.075, endpoints=four))
    # Little: at 60/s, each request takes 0.075 s and stands for an eighth of a second's pause.
    said = "60 requests/s are what 12 user(s) send who pause 0.5 s after every 4 requests"
    assert f"{case.case.id}: {said}" in render_web_table([case])
    assert max(map(len, folded(render_web_table([case], 80), 80))) <= 80


def test_a_table_without_a_width_is_as_wide_as_it_is() -> None:
    assert aligned([("a", "bbbb"), ("cc", "d")], left=(0,)) == ["a   bbbb", "cc     d"]
    assert aligned([("a", "bbbb"), ("cc", "d")], left=(0,), width=3) == ["a   bbbb", "cc     d"]
    assert folded(["as it is " * 30], None) == ["as it is " * 30]


def test_a_reason_that_many_cases_have_is_told_once() -> None:
    busy = Problem(
        "processes that are not part of the run kept 1.2 processors busy", "end them", "other load"
    )
    cases = [result(concurrency=level) for level in (1, 2, 4, 8, 16)]
    cases = [replace(case, verdict=replace(case.verdict, problems=(busy,))) for case in cases]
    first, *more = [case.case.id for case in cases]
    assert reasons(cases) == [
        f"5 cases ({first}, {more[0]}, {more[1]} and 2 more), the first: INVALID {busy}"
    ]
    late = [
        Problem("sent late", "use --generators 2", "generator"),
        Problem("read late", "use two", "generator"),
    ]
    cases = [replace(case, verdict=replace(case.verdict, problems=tuple(late))) for case in cases[:2]]
    named = f"2 cases ({first}, {more[0]}), the first"
    assert reasons(cases) == [f"{named}: INVALID {problem}" for problem in late]
    (line,) = reasons([result()])
    assert line.startswith(f"{result().case.id}: FAIL ")


def test_a_case_file_that_was_cut_short_is_counted_and_ends_in_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")  # no Node: Allure's report is not what is looked at
    folder = RunFolder.create(tmp_path / "2026-11-23T10-00-00Z", {"host": "here"})
    for mode in Mode:
        folder.write(WORKER, result(mode=mode))
    cut = folder.path / f"case_{result(mode=Mode.SUSTAINED).case.id}.json"
    cut.write_text(cut.read_text()[:500])
    assert main(["report", str(folder.path)]) == 1
    said = capsys.readouterr().out
    assert "report of 1 of 2 case(s)" in said
    assert f"not in it, since it cannot be read: {cut.name}: " in said
    assert "1 FAIL, 1 not read of 2 cases" in (folder.path / "report" / "summary.html").read_text()


def test_a_misspelt_metric_of_the_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("2026-11-23T10-00-00Z", "2026-11-24T10-00-00Z"):
        RunFolder.create(tmp_path / name, {"host": "here"}).write(WORKER, result())
    assert main(["history", str(tmp_path), "--metric", "efficency"]) == 2
    assert "no trusted run with efficency; did you mean 'efficiency'?" in capsys.readouterr().err


def test_a_file_that_the_history_cannot_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("2026-11-23T10-00-00Z", "2026-11-24T10-00-00Z"):
        RunFolder.create(tmp_path / name, {"host": "here"}).write(WORKER, result())
    (cut,) = (tmp_path / "2026-11-23T10-00-00Z").glob("case_*.json")
    cut.write_text(cut.read_text()[:500])
    assert main(["history", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"not in it, since they cannot be read: {cut}"


def test_output_that_nobody_reads_ends_in_silence() -> None:
    command = [sys.executable, "-m", "perf", "--help"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) in (0, NOBODY_READS)


@pytest.mark.parametrize(
    ("output", "status", "said"),
    [("/dev/full", 1, ["perf: [Errno 28] No space left on device"]), ("&-", 0, [])],
)
def test_output_that_cannot_be_written_is_one_line_at_most(
    output: str, status: int, said: list[str], tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("mode,total,done,failed,x_videos_per_min,s_mean_s\nburst,10,10,0,60,5\n")
    words = ["sh", "-c", f'"$0" -m perf audit "$1" >{output}', sys.executable, str(table)]
    done = subprocess.run(words, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.splitlines()) == (status, said)


def book(*slos: str) -> SloBook:
    lines = ", ".join(f'"{slo}"' for slo in slos)
    return parse_slos(f"[mocked.burst]\nslos = [{lines}]\n", "slos.toml", KINDS)


@pytest.mark.parametrize(
    ("slos", "contradict"),
    [
        (("done >= 5", "done <= 5"), False),
        (("done > 5", "done <= 5"), True),
        (("done >= 6", "done <= 5"), True),
        (("done >= 6", "failed <= 5"), False),
    ],
)
def test_objectives_that_no_value_can_keep(slos: tuple[str, ...], contradict: bool) -> None:
    assert bool(contradiction(book(*slos).for_case(result().case))) == contradict


def test_what_a_matrix_has_of_a_video_of_the_users_own(tmp_path: Path) -> None:
    video = tmp_path / "holiday.mp4"
    video.write_bytes(bytes(3 * 2**20 - 100))
    options = parsed(OPTIONS, {"clip": str(video), "modes": "burst", "concurrency": "1"})
    assert [case.id for case in worker_cases(Variant.LOCAL, options)] == ["local-3MB-c1-burst"]
    with pytest.raises(UsageError, match=r"a video has the size that it has; leave out --sizes$"):
        worker_cases(Variant.LOCAL, {**options, "sizes": (50,)})
    with pytest.raises(UsageError, match=r"^--clip absent.mp4: no such file"):
        parsed(OPTIONS, {"clip": "absent.mp4"})


def test_a_web_case_of_one_endpoint_is_judged_by_its_objectives_alone() -> None:
    options = parsed(WEB_OPTIONS, {"endpoints": "health"})
    (case,) = [case for case in web_cases(Variant.MOCKED, options) if case.mode is WebMode.KNEE]
    bounded = {slo.metric for slo in WEB.configured(options).slos(load_slos(SLOS, KINDS), case)}
    assert {"health_p95_s", "health_error_ratio", "error_ratio", "knee_per_s"} <= bounded
    assert not {name for name in bounded if name.startswith(("upload", "status", "download"))}
    with pytest.raises(UsageError, match=r"^--endpoints helth: unknown; did you mean 'health'\?"):
        WEB.configured(parsed(WEB_OPTIONS, {"endpoints": "helth"}))


def web_run(mode: WebMode, references: References) -> _WebRun:
    (case,) = [case for case in web_cases(Variant.MOCKED, {}) if case.mode is mode]
    context = cast("Context", SimpleNamespace(references=references))
    return _WebRun(case, context, cast("WebTier", None), (), LoadSpec(run_s=1), ())


def test_a_smoke_that_is_undecided_is_not_to_have_a_higher_rate() -> None:
    assert more_requests(WebMode.SMOKE) == "give it more time"
    assert "--web-rate" in more_requests(WebMode.STABLE)


def test_what_is_a_share_of_a_doubtful_knee_is_doubtful_itself() -> None:
    references = References()
    search = KneeSearch(KneeFound(40.0, None), [Step(40.0, "")])
    loads = cast("Loads", SimpleNamespace(search=lambda *_: search))
    assert web_run(WebMode.KNEE, references)._search(loads) is search
    later = web_run(WebMode.STABLE, references)._search(loads)
    assert [problem.reason for problem in later.knee.doubts] == ["no rate broke it"]


def test_without_a_knee_there_is_no_load_and_no_figure() -> None:
    references = References(knees={Variant.MOCKED: KneeFound(None, 48.0)})
    stable = web_run(WebMode.STABLE, references)
    sends = SimpleNamespace(send=lambda *_: pytest.fail("it sent a load"))
    with pytest.raises(HarnessError, match="no knee was found, of which it is a share; see web-knee"):
        stable._until_decided(cast("Loads", sends), stable._search(cast("Loads", sends)))
