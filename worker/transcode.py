"""The ffmpeg step. Nothing here knows of Celery, so calibration can run the very same command bare."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from worker.ffmpeg_words import TALKATIVE, DamageError, Said, judge
from worker.patience import time_is_up
from worker.settings import WorkerSettings
from worker.watched import OverdueError, run_watched

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec a child may do nothing that takes a lock.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

#: ffmpeg ends with the last byte of a negative errno.
_CODES_OF_NO_ROOM = {256 - errno.ENOSPC, 256 - errno.EDQUOT}


class TranscodeError(Exception):
    """The step did not end as it should."""


class UnreadableVideoError(TranscodeError):
    """The original is no video, or too much of it is missing; trying again will not help."""


class TranscodeTimeoutError(TranscodeError):
    """ffmpeg did not end within its deadline."""


class TranscodeInterruptedError(TranscodeError):
    """ffmpeg was killed, or the machine had no memory; trying again may help."""


class StoppedError(TranscodeError):
    """The worker has to end before ffmpeg does."""


class NoRoomError(TranscodeError):
    """The disk is full, which is no video's fault."""


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


def transcode(settings: WorkerSettings, source: Path, target: Path) -> str | None:
    """Make *target* of *source* in a time that goes by its length; ffmpeg does not outlive this process.

    Returns:
        What is wrong with a result that can be taken all the same; None where nothing is.

    Raises:
        UnreadableVideoError: what is wrong with the original, in words for the people who sent it.
        TranscodeTimeoutError: ffmpeg was killed at its deadline.
        TranscodeInterruptedError: something else killed it, or it found no memory.
        NoRoomError: the disk is full.
        StoppedError: the worker has to end.
        OSError: ffmpeg could not be started.
    """
    said = Said()
    argv = [*command(settings, source, target)[:-1], *TALKATIVE, str(target)]

    def limit_s() -> float:
        if time_is_up.said:
            raise StoppedError("the worker had to end")
        return settings.ffmpeg_limit_s(said.length_s, opened=bool(said.container))

    try:
        code = run_watched(argv, said.hear, limit_s, die_with_parent())
    except OverdueError as error:
        raise TranscodeTimeoutError(f"ffmpeg ran longer than {limit_s():g} s and was killed") from error
    _require_own_end(code, said)
    if not settings.length_is_kept:
        said.length_s = None
    succeeded = code == 0 and target.exists() and target.stat().st_size > 0
    try:
        return judge(said, succeeded=succeeded, cut_s=settings.cut_s)
    except DamageError as error:
        text = str(error).replace(f"{source.parent}{os.sep}", "")
        raise UnreadableVideoError(text) from error


def _require_own_end(code: int, said: Said) -> None:
    """See to it that ffmpeg ended for a reason of the video's."""
    if code < 0:
        raise TranscodeInterruptedError(f"ffmpeg was killed by {signal.Signals(-code).name}")
    if code and (said.disk_full or code in _CODES_OF_NO_ROOM):
        raise NoRoomError(f"ffmpeg found the disk full: {said.last or f'code {code}'}")
    if code and said.interrupted:
        raise TranscodeInterruptedError(f"ffmpeg was interrupted: {said.last}")


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
