"""The ffmpeg step. Nothing here knows of Celery, so calibration can run the very same command bare."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from worker.settings import WorkerSettings

#: How much of ffmpeg's last words is kept, in bytes and lines.
_TAIL_BYTES = 4096
_TAIL_LINES = 3

#: What ffmpeg says when the machine, not the video, is at fault.
_MACHINE_FAULTS = ("No space left on device", "Cannot allocate memory", "Resource temporarily unavailable")

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec a child may do nothing that takes a lock.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class TranscodeError(Exception):
    """The step did not end as it should."""


class UnreadableVideoError(TranscodeError):
    """ffmpeg refused the input; trying again will not help."""


class TranscodeTimeoutError(TranscodeError):
    """ffmpeg did not end within its deadline."""


class TranscodeInterruptedError(TranscodeError):
    """ffmpeg was killed, or the machine had no room; trying again may help."""


def command(settings: WorkerSettings, source: Path, target: Path) -> list[str]:
    """The command that makes *target* of *source*; *target* is overwritten.

    The input may be a local file only: a playlist in disguise must not make the worker fetch addresses.
    """
    return [
        str(settings.ffmpeg),
        *("-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
        *("-protocol_whitelist", "file", "-i", str(source)),
        *settings.ffmpeg_args,
        str(target),
    ]


def transcode(settings: WorkerSettings, source: Path, target: Path) -> None:
    """Make *target* of *source* within FFMPEG_TIMEOUT_S; ffmpeg does not outlive this process.

    ffmpeg's messages go to a file beside *target*: a broken video may cause megabytes of them.

    Raises:
        UnreadableVideoError: with ffmpeg's last lines.
        TranscodeTimeoutError: ffmpeg was killed at its deadline.
        TranscodeInterruptedError: something else killed it, or it found no memory or disk.
    """
    log = target.with_suffix(".log")
    with log.open("wb") as stderr:
        try:
            ended = subprocess.run(
                command(settings, source, target),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                timeout=settings.ffmpeg_timeout_s,
                check=False,
                preexec_fn=die_with_parent(),
            )
        except subprocess.TimeoutExpired as error:
            raise TranscodeTimeoutError(
                f"ffmpeg ran longer than FFMPEG_TIMEOUT_S={settings.ffmpeg_timeout_s:g} and was killed"
            ) from error
        except OSError as error:
            raise TranscodeInterruptedError(f"ffmpeg could not be started: {error}") from error
    _check(ended.returncode, _last_lines(log), target)


def _check(returncode: int, last_lines: str, target: Path) -> None:
    if returncode < 0:
        raise TranscodeInterruptedError(f"ffmpeg was killed by {signal.Signals(-returncode).name}")
    if returncode and any(fault in last_lines for fault in _MACHINE_FAULTS):
        raise TranscodeInterruptedError(f"ffmpeg found no room: {last_lines}")
    if returncode or not target.exists() or not target.stat().st_size:
        raise UnreadableVideoError(last_lines or f"ffmpeg ended with code {returncode} and said nothing")


def _last_lines(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").replace("\0", "").strip().splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def die_with_parent() -> Callable[[], None] | None:
    """A hook for a fresh child: SIGKILL when the thread that forked it ends; None where Linux is not.

    The kernel counts the parent *thread*, so fork from a thread that lives as long as its process.
    """
    return partial(arm_parent_death, os.getpid()) if _libc is not None else None


def arm_parent_death(parent_pid: int) -> None:
    """In a child: ask for SIGKILL at the parent's death, and end at once if that was already."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)
