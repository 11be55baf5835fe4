"""`python -m perf`: nonsense is one line and sends nothing; the stages end to end on a real worker."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import by_environment
from fixtures.stages import tasks as by_hand
from perf.cli.main import main
from perf.deploy.clips import ClipSpec
from perf.deploy.processes import free_port
from tests.worker.rig import Rig, make_clip
from worker.settings import find_ffmpeg

INJECT = ["inject", "--count", "2", "--file"]


@pytest.fixture
def rig(pipeline_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.chdir(tmp_path)
    rig = Rig(pipeline_env, tmp_path)
    yield rig
    rig.close()


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one line on standard error of a command that is refused with 2."""
    assert main(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("perf: ")
    return line.removeprefix("perf: ")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--count=0", "--size=50"], "--count 0: not a whole number above 0"),
        (["--count=x", "--size=50"], "--count x: not a whole number above 0"),
        (["--count=1000000000000", "--size=50"], "--count 1000000000000: more than 1000000"),
        (["--count=2", "--size=99999999999"], "--size 99999999999: more than 4000; expected whole MB"),
        (["--count=2"], "give --size, e.g. 50, or --file s3://BUCKET/KEY"),
        (["--count=2", "--size=50", "--mode=sustained", "--rate=nan"], "--rate nan: not a number above 0"),
        (["--count=2", "--size=huge"], "--size huge: not a size"),
        (["--count=2", "--size=50,100"], "--size 50,100: one size at a time"),
        (["--count=2", "--file=/tmp/clip.mp4"], "--file /tmp/clip.mp4: not an address of an object"),
        (["--count=2", "--file=s3://other/clip.mp4"], "--file s3://other/clip.mp4: the workers read from"),
        (["--count=2", "--size=50", "--mode=brust"], "--mode brust: unknown mode; did you mean 'burst'?"),
        (["--count=2", "--size=50", "--mode=burst,sustained"], "--mode: give one of burst, sustained"),
        (["--count=2", "--size=50", "--mode=sustained"], "a sustained schedule needs a rate"),
        (["--count=2", "--size=50", "--mode=sustained", "--rate=0"], "--rate 0: not a number above 0"),
        (["--count=2", "--size=50", "--rate=5"], "a burst at 5 per minute: a burst has no rate"),
        (["--count=1", "--size=50", "--mode=sustained", "--rate=5"], "--count 1: a sustained case needs"),
        (["--count=2", "--size=50", "--deadline=soon"], "--deadline soon: not a number of seconds above 0"),
    ],
)
def test_nonsense_is_one_line(
    argv: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # An address where nothing listens: whoever sends before looking gets another error than these.
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u@127.0.0.1:{free_port()}/x")
    monkeypatch.setenv("SQS_QUEUE_NAME", "q")
    monkeypatch.setenv("AWS_S3_BUCKET", "bucket")
    assert said in refused(capsys, "inject", *argv)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["inject", "--size", "50"], "the following arguments are required: --count"),
        (["inject", "--cuont", "2", "--size", "50"], "--cuont: no such option; did you mean '--count'?"),
        (["inject", "--count=2", "--siez=50"], "--siez: no such option; did you mean '--size'?"),
        (["history", "--metirc", "efficiency"], "--metirc: no such option; did you mean '--metric'?"),
        (["metrics"], "--tasks-log --file"),
        (["metrics", "--tasks", "log"], "--tasks: no such option; did you mean '--tasks-log'?"),
        (["injct"], "injct: no such stage; did you mean 'inject'?"),
        (["fly"], "fly: no such stage; expected one of doctor, clean, inject, "),
        (["--verison"], "--verison: no such stage"),
        ([], "STAGE"),
    ],
)
def test_a_command_line_that_is_none_is_refused(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("perf: ")
    assert said in line


def test_a_missing_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "SQS_QUEUE_NAME"):
        monkeypatch.delenv(name, raising=False)
    line = refused(capsys, *INJECT, "s3://b/k")
    assert (
        line == "the environment does not name a deployment: missing or wrong: DATABASE_URL, SQS_QUEUE_NAME"
    )
    assert refused(capsys, "metrics", "--tasks-log", "log") == line


@pytest.mark.parametrize("url", ["mysql://u:planted@h/x", "planted", "postgresql://u:planted@h:port/x"])
def test_a_database_of_another_sort_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SQS_QUEUE_NAME", "q")
    monkeypatch.setenv("DATABASE_URL", url)
    line = refused(capsys, "metrics", "--tasks-log", "log")
    assert "DATABASE_URL is not the URL of a PostgreSQL database" in line
    assert "planted" not in line


def test_worker_settings_that_contradict_are_named(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FFMPEG_TIMEOUT_S", "6000")
    assert "FFMPEG_TIMEOUT_S=6000" in refused(capsys, "inject", "--count", "1", "--size", "50")


def test_an_original_that_workers_would_delete_is_refused(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("S3_DELETE_ORIGINAL", "true")
    line = refused(capsys, *INJECT, f"s3://{rig.settings.aws_s3_bucket}/k")
    assert line.startswith("S3_DELETE_ORIGINAL is true: all tasks process one object")
    assert rig.messages() == (0, 0)


def test_a_deployment_that_is_away_is_one_line(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value, said in (
        ("SQS_QUEUE_NAME", "absent", "The specified queue does not exist"),
        ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9", "Could not connect to the endpoint URL"),
        ("DATABASE_URL", "postgresql://u:planted@127.0.0.1:9/x", "Connection refused"),
    ):
        with monkeypatch.context() as changed:
            changed.setenv(variable, value)
            assert main([*INJECT, f"s3://{rig.settings.aws_s3_bucket}/k"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("perf: ")
        assert said in line
        assert "planted" not in line
    assert rig.messages() == (0, 0)


def test_a_results_folder_that_cannot_be(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    address = f"s3://{rig.settings.aws_s3_bucket}/k"
    assert refused(capsys, *INJECT, address, "--results", "file").startswith("--results file: cannot make")


def test_inject_watch_and_metrics_on_a_real_worker(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    clip = make_clip(rig.folder / "clip.mp4", 0.5)
    rig.storage.upload_from(clip, "uploads/stand-in.mp4", "video/mp4")
    address = f"s3://{rig.settings.aws_s3_bucket}/uploads/stand-in.mp4"
    with rig.worker(2):
        theirs = [
            "inject",
            "--count",
            "3",
            "--size",
            "50MB",
            "--file",
            address,
            "--mode",
            "burst",
            "--monitor",
        ]
        assert main([*theirs, "--deadline", "120"]) == 0
        injected = capsys.readouterr().out
        (log,) = Path("results").glob("worker_tasks_*.log")
        assert main(["metrics", "--tasks-log", str(log), "--output-csv", "m.csv"]) == 0
        by_log = capsys.readouterr().out
    said = injected.splitlines()
    assert said[0] == f"--size 50MB: not used, the tasks get {address} as it is"
    assert said[1].startswith("sent 3 of 3 tasks for uploads/stand-in.mp4; their log: results/worker_tasks_")
    assert re.search(r"^done +3 ", injected, re.MULTILINE)
    assert re.search(r"^response_p95_s +\d", by_log, re.MULTILINE)
    assert by_log.endswith("written: m.csv\n")
    (values,) = csv.DictReader(io.StringIO(Path("m.csv").read_text()))
    assert (values["total"], values["done"], values["failed"]) == ("3", "3", "0")
    assert (values["processing"], values["uploaded"]) == ("0", "0")
    assert all(float(values[name]) > 0 for name in ("x_videos_per_min", "s_mean_s", "s_p50_s"))
    # The same tasks by their object; the concurrency is given, now that no worker reports one.
    assert main(["metrics", "--file", address, "--concurrency", "2", "--output-csv", "by_file.csv"]) == 0
    assert re.search(r"^total +3 ", capsys.readouterr().out, re.MULTILINE)
    (by_file,) = csv.DictReader(io.StringIO(Path("by_file.csv").read_text()))
    assert (by_file["mode"], by_file["arrival_rate_per_min"]) == (values["mode"], "") == ("burst", "")


def test_without_monitor_it_only_sends_and_outstanding_tasks_are_not_a_success(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"s3://{rig.settings.aws_s3_bucket}/k"
    assert main(["inject", "--count", "2", "--file", address]) == 0
    assert "sent 2 of 2" in capsys.readouterr().out
    assert rig.messages() == (2, 0)
    (log,) = Path("results").iterdir()
    assert main(["metrics", "--tasks-log", str(log), "--concurrency", "1"]) == 1
    assert re.search(r"^uploaded +2 ", capsys.readouterr().out, re.MULTILINE)


def test_a_watched_run_gives_up_at_its_deadline(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"s3://{rig.settings.aws_s3_bucket}/k"
    assert main([*INJECT, address, "--monitor", "--deadline", "0.1"]) == 1
    assert re.search(r"^outstanding +2 ", capsys.readouterr().out, re.MULTILINE)


def test_size_makes_the_clip_and_uploads_it_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERF_CACHE_DIR", str(rig.folder / "cache"))
    monkeypatch.setenv("FFMPEG", str(find_ffmpeg()))
    monkeypatch.setattr(by_environment, "real_clip", lambda size: ClipSpec(size * 1000, 1, 64, 36, 5))
    for _ in range(2):
        assert main(["inject", "--count", "1", "--size", "70", "--results", str(rig.folder / "r")]) == 0
    (clip,) = (rig.folder / "cache").glob("*.mp4")
    assert clip.stat().st_size == 70_000
    assert rig.storage.exists(f"uploads/{clip.name}")
    assert f"for uploads/{clip.name};" in capsys.readouterr().out


def test_metrics_of_nothing_are_refused(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    never = f"s3://{rig.settings.aws_s3_bucket}/never"
    for argv, said in (
        (["--tasks-log", "absent.log"], "absent.log: cannot read the tasks log"),
        (["--file", never], "--file: the database has no task of never"),
        (["--file", "never"], "--file never: not an address of an object"),
        (["--file", never, "--concurrency", "0"], "--concurrency 0: not a number of worker"),
    ):
        assert said in refused(capsys, "metrics", *argv)


def test_ctrl_c_says_where_what_was_sent_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(by_hand, "inject", interrupt)
    assert main([*INJECT, "s3://b/k"]) == 130
    assert capsys.readouterr().err == "perf: interrupted; what was sent stands in the tasks' log\n"
