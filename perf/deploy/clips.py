"""Clips of an exact size, made once and kept in the user's cache.

A second of test picture is encoded, repeated without encoding it again, and filled up with an MP4
`free` box, which every reader skips. The bytes thus set what is moved and stored, and duration and
resolution what transcoding costs: two axes, each recorded.
"""

from __future__ import annotations

import hashlib
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from perf.deploy.errors import FixtureError

MIB = 1 << 20
#: Bit rate that relates size and duration of a real clip: 50 MB are 35 s, as a phone records 1080p.
REAL_BITS_PER_S = 12_000_000

_BOX_HEADER = 8  # a box's 32-bit size and its name
_MAX_BOX = 2**32 - 1


@dataclass(frozen=True)
class ClipSpec:
    """What a clip is to be."""

    size_bytes: int
    duration_s: int
    width: int
    height: int
    frames_per_s: int

    def __str__(self) -> str:
        return (
            f"{self.size_bytes / MIB:.1f} MB, {self.duration_s} s, "
            f"{self.width}x{self.height}@{self.frames_per_s}"
        )


def real_clip(size_mb: int) -> ClipSpec:
    """A clip of *size_mb* MB (2**20 bytes) to the byte, as long as such a video is."""
    size = size_mb * MIB
    return ClipSpec(size, max(1, round(size * 8 / REAL_BITS_PER_S)), 1920, 1080, 30)


#: What the worker keeps of a stand-in: as of a real clip, the beginning, so that a cut that is dropped shows.
STAND_IN_CUT_S = 1


def stand_in_clip(size_mb: int) -> ClipSpec:
    """A clip for CI that takes under a second to process; it keeps the ratio of the sizes.

    It is longer than STAND_IN_CUT_S, as a real clip is longer than the worker's 30 s: the work is the same
    for all sizes, and what differs is the bytes.
    """
    megabytes = max(1, round(size_mb / 50))
    return ClipSpec(megabytes * MIB, STAND_IN_CUT_S + megabytes, 1280, 720, 24)


def make_clip(spec: ClipSpec, ffmpeg: str, folder: Path) -> Path:
    """The clip in *folder*, made now if it is not there, or not as it was made.

    Raises:
        FixtureError: ffmpeg refused, the pictures alone are larger than the size asked for, or the folder
            cannot be written.
    """
    name = hashlib.sha256(repr((spec, Path(__file__).read_bytes())).encode()).hexdigest()[:12]
    target = folder / f"clip-{spec.size_bytes}-{name}.mp4"
    try:
        if not _is_whole(target):
            _make(spec, ffmpeg, target)
    except OSError as error:
        raise FixtureError(
            f"no clip can be made in {folder} ({error.strerror or error}): "
            "make room there, or set PERF_CACHE_DIR"
        ) from error
    return target


def digest(path: Path) -> str:
    """By which the content of a file is known again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(clip: Path) -> bool:
    """Whether it is what was made: one that lost a part would be less work, and pass."""
    noted = _note(clip)
    return clip.is_file() and noted.is_file() and noted.read_bytes() == digest(clip).encode()


def _note(clip: Path) -> Path:
    return clip.with_suffix(".sha256")


def _make(spec: ClipSpec, ffmpeg: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        made, note = _encode(spec, ffmpeg, Path(work)), Path(work) / "digest"
        _fill_up(made, spec.size_bytes)
        note.write_text(digest(made), encoding="ascii")
        # Each whole or not at all, also with two runs at once; a pair that does not fit is made again.
        made.rename(target)
        note.rename(_note(target))


def _encode(spec: ClipSpec, ffmpeg: str, work: Path) -> Path:
    second, whole = work / "second.mp4", work / "whole.mp4"
    picture = f"testsrc2=size={spec.width}x{spec.height}:rate={spec.frames_per_s}:duration=1"
    tone = "sine=frequency=440:duration=1"
    _run(ffmpeg, "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, "-c:v", "libx264",
         "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-c:a", "aac", str(second))  # fmt: skip
    _run(ffmpeg, "-stream_loop", str(spec.duration_s - 1), "-i", str(second), "-c", "copy", str(whole))
    return whole


def _run(ffmpeg: str, *args: str) -> None:
    command = [ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise FixtureError(f"ffmpeg could not make a clip: {done.stderr.strip()} (command: {command})")


def _fill_up(clip: Path, size_bytes: int) -> None:
    """Append a `free` box (ISO/IEC 14496-12, 8.1.2) of the bytes that are missing."""
    missing = size_bytes - clip.stat().st_size
    if missing == 0:
        return
    if not _BOX_HEADER <= missing <= _MAX_BOX:
        raise FixtureError(
            f"a clip of {size_bytes} bytes cannot be made: its pictures take {clip.stat().st_size} bytes; "
            "ask for a larger size or a shorter clip"
        )
    with clip.open("ab") as file:
        file.write(struct.pack(">I4s", missing, b"free"))
        file.truncate(size_bytes)
