"""The ffmpeg step on real ffmpeg."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.worker.rig import QUICK, SLOW, eventually
from worker.settings import WorkerSettings
from worker.transcode import (
    TranscodeInterruptedError,
    TranscodeTimeoutError,
    UnreadableVideoError,
    transcode,
)


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
    with pytest.raises(UnreadableVideoError, match=r"Invalid data|Error opening input"):
        transcode(_settings(monkeypatch, QUICK["FFMPEG_ARGS"]), tmp_path / "in", tmp_path / "out.mp4")


def test_a_playlist_cannot_reach_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n")
    with pytest.raises(UnreadableVideoError):
        transcode(_settings(monkeypatch, QUICK["FFMPEG_ARGS"]), tmp_path / "in", tmp_path / "out.mp4")


def test_its_deadline_holds(long_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(monkeypatch, SLOW["FFMPEG_ARGS"], ffmpeg_timeout_s=0.3)
    with pytest.raises(TranscodeTimeoutError, match=r"FFMPEG_TIMEOUT_S=0\.3"):
        transcode(settings, long_clip, tmp_path / "out.mp4")


def test_a_killed_ffmpeg_is_not_the_videos_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = tmp_path / "ffmpeg"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    settings = _settings(monkeypatch, "-an", ffmpeg=killed)
    with pytest.raises(TranscodeInterruptedError, match="SIGKILL"):
        transcode(settings, tmp_path / "in", tmp_path / "out.mp4")


@pytest.mark.parametrize("fault", ["No space left on device", "Cannot allocate memory"])
def test_a_full_machine_is_not_the_videos_fault(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "ffmpeg"
    full.write_text(f"#!/bin/sh\necho 'av_write_frame(): {fault}' >&2\nexit 1\n")
    full.chmod(0o755)
    settings = _settings(monkeypatch, "-an", ffmpeg=full)
    with pytest.raises(TranscodeInterruptedError, match=fault):
        transcode(settings, tmp_path / "in", tmp_path / "out.mp4")


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
