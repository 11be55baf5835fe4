"""The ffmpeg step on real ffmpeg."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.worker.rig import QUICK, SLOW, eventually
from worker.settings import WorkerSettings
from worker.transcode import (
    NoRoomError,
    TranscodeInterruptedError,
    TranscodeTimeoutError,
    UnreadableVideoError,
    transcode,
)
from worker.watched import run_watched


def _settings(monkeypatch: pytest.MonkeyPatch, ffmpeg_args: str, **values: object) -> WorkerSettings:
    monkeypatch.setenv("FFMPEG_ARGS", ffmpeg_args)
    return WorkerSettings(**values)  # type: ignore[arg-type]


def test_it_makes_the_target(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcode(_settings(monkeypatch, QUICK["FFMPEG_ARGS"]), clip, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize("content", [b"", b"no video", b"\0" * 5000])
def test_an_unreadable_input_is_told_with_ffmpegs_words(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").write_bytes(content)
    with pytest.raises(
        UnreadableVideoError,
        match=r"no video that can be read, .* \((Invalid data|Error opening input|.*header)",
    ):
        transcode(_settings(monkeypatch, QUICK["FFMPEG_ARGS"]), tmp_path / "in", tmp_path / "out.mp4")


def test_a_playlist_cannot_reach_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n")
    with pytest.raises(UnreadableVideoError):
        transcode(_settings(monkeypatch, QUICK["FFMPEG_ARGS"]), tmp_path / "in", tmp_path / "out.mp4")


def test_its_deadline_holds(long_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(monkeypatch, SLOW["FFMPEG_ARGS"], ffmpeg_timeout_s=0.3)
    with pytest.raises(TranscodeTimeoutError, match=r"longer than 0\.3 s"):
        transcode(settings, long_clip, tmp_path / "out.mp4")


def test_a_killed_ffmpeg_is_not_the_videos_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = tmp_path / "ffmpeg"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    settings = _settings(monkeypatch, "-an", ffmpeg=killed)
    with pytest.raises(TranscodeInterruptedError, match="SIGKILL"):
        transcode(settings, tmp_path / "in", tmp_path / "out.mp4")


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_an_ffmpeg_that_is_told_to_end_is_not_the_videos_fault(
    told: signal.Signals, long_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends in order and says so, as it does under a supervisor that signals all processes of a service."""
    target = tmp_path / "out.mp4"

    def tell() -> None:
        eventually(target.exists, "it has begun to write")
        for child in psutil.Process().children():
            if "ffmpeg" in child.name():
                child.send_signal(told)

    with ThreadPoolExecutor() as threads:
        telling = threads.submit(tell)
        with pytest.raises(TranscodeInterruptedError, match=f"received signal {told.value}"):
            transcode(_settings(monkeypatch, SLOW["FFMPEG_ARGS"]), long_clip, target)
        telling.result()


def _script(tmp_path: Path, text: str) -> Path:
    """A program in ffmpeg's place."""
    script = tmp_path / "ffmpeg"
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    return script


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "echo '[out#0/mp4 @ 0x5f] [error] Error closing file: No space left on device'; exit 1",
            NoRoomError,
        ),
        ("exit 228", NoRoomError),  # it could not even say so
        ("echo '[error] Cannot allocate memory'; exit 1", TranscodeInterruptedError),
        ("echo 'Exiting normally, received signal 15.'; exit 255", TranscodeInterruptedError),
    ],
)
def test_a_full_machine_is_not_the_videos_fault(
    text: str, fault: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(monkeypatch, "-an", ffmpeg=_script(tmp_path, text))
    with pytest.raises(fault):
        transcode(settings, tmp_path / "in", tmp_path / "out.mp4")


def test_an_ffmpeg_that_cannot_be_started_is_the_nodes_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(monkeypatch, "-an", ffmpeg=_script(tmp_path, "exit 0"))
    settings.ffmpeg.unlink()
    with pytest.raises(FileNotFoundError):
        transcode(settings, tmp_path / "in", tmp_path / "out.mp4")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_told_by_ffmpeg_itself(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (target := tmp_path / "out.mp4").symlink_to("/dev/full")
    with pytest.raises(NoRoomError, match="No space left on device"):
        transcode(_settings(monkeypatch, QUICK["FFMPEG_ARGS"] + " -f mpegts"), clip, target)


#: A program whose child goes on, and holds its outputs open.
FAMILY = 'sleep 300 & echo $! > "$(dirname "$0")/child"'


def _child(tmp_path: Path) -> int:
    return int((tmp_path / "child").read_text())


def test_its_deadline_ends_its_children_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(
        monkeypatch, "-an", ffmpeg=_script(tmp_path, f"{FAMILY}\nwait"), ffmpeg_timeout_least_s=1
    )
    with pytest.raises(TranscodeTimeoutError, match=r"longer than 1 s"):
        transcode(settings, tmp_path / "in", tmp_path / "out.mp4")
    eventually(lambda: not _runs(_child(tmp_path)), "its child is gone")


def test_it_has_a_group_to_be_killed_by_and_no_session_that_would_give_it_a_share_of_the_machine() -> None:
    heard: list[str] = []
    code = "import os; print(os.getpid() == os.getpgid(0), os.getsid(0))"
    assert run_watched([sys.executable, "-c", code], heard.append, lambda: 30.0, None) == 0
    assert heard[0] == f"True {os.getsid(0)}"


def test_a_child_that_stays_behind_neither_holds_it_up_nor_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(monkeypatch, "-an", ffmpeg=_script(tmp_path, FAMILY))
    with pytest.raises(UnreadableVideoError):
        transcode(settings, tmp_path / "in", tmp_path / "out.mp4")
    eventually(lambda: not _runs(_child(tmp_path)), "its child is gone")


def test_the_deadline_goes_by_what_is_to_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = _settings(monkeypatch, "-an"), _settings(monkeypatch, "-t 00:00:20 -an")
    assert whole.ffmpeg_limit_s(None, opened=False) == 60  # it hangs before it has said a word
    assert whole.ffmpeg_limit_s(None, opened=True) == 600  # nobody knows how long it is
    assert [whole.ffmpeg_limit_s(each, opened=True) for each in (0.5, 30, 7200)] == [60, 300, 600]
    assert [cut.ffmpeg_limit_s(each, opened=True) for each in (0.5, 30, None)] == [60, 200, 200]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_ffmpeg_dies_with_the_process_that_started_it(long_clip: Path, tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from worker.settings import WorkerSettings
        from worker.transcode import transcode
        transcode(WorkerSettings(), Path(sys.argv[1]), Path(sys.argv[2]))
    """
    argv = [sys.executable, "-c", code, str(long_clip), str(tmp_path / "out.mp4")]
    parent = subprocess.Popen(argv, env=os.environ | SLOW)
    try:
        child = eventually(lambda: psutil.Process(parent.pid).children(), "ffmpeg has started")[0]
        started_s = time.monotonic()
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(10)
    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "ffmpeg is gone")
    assert time.monotonic() - started_s < 30


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
