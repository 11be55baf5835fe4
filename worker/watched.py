"""A program that is listened to while it runs, and of which nothing is left when it has to end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

#: How often a silent program is looked at: it may have ended while a child of it holds its pipe.
_LOOK_S = 0.5
#: How long the kernel may take to end what was killed.
_END_S = 10.0
_CHUNK_BYTES = 65_536
#: Of a line without an end only so much is kept.
_LINE_BYTES = 8_192


class OverdueError(Exception):
    """The program did not end within its time, and was killed."""


def run_watched(
    argv: Sequence[str],
    hear: Callable[[str], None],
    limit_s: Callable[[], float],
    preexec: Callable[[], None] | None,
) -> int:
    """Run the program in a process group of its own, which is killed at the end whatever is left of it.

    Not in a session of its own: beside other load Linux shares processors out among sessions first
    (sched_autogroup), and a worker with four programs is to have the share of one worker.

    What it says goes through a pipe and not to a file: a full disk would keep its reasons to itself.

    Args:
        argv: the program and its arguments; it has no input.
        hear: takes each line that it says on either output.
        limit_s: how many seconds it may take; asked often, for the answer may depend on what it says.
        preexec: called in the new process before the program.

    Returns:
        Its exit code, negative where a signal ended it.

    Raises:
        OverdueError: it took longer.
        OSError: it could not be started.
    """
    begin_s = time.monotonic()
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=preexec,  # noqa: PLW1509 - the caller sees to it that it takes no lock
    ) as process:
        try:
            for line in _lines(process, lambda: begin_s + limit_s() - time.monotonic()):
                hear(line)
            return process.wait(max(0.0, begin_s + limit_s() - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise OverdueError from error
        finally:
            _kill_group(process)


def _lines(process: subprocess.Popen[bytes], left_s: Callable[[], float]) -> Iterator[str]:
    """What it says until it has ended, or closed its outputs."""
    assert process.stdout is not None  # noqa: S101 - for mypy
    handle, rest = process.stdout.fileno(), b""
    while True:
        if (wait_s := left_s()) <= 0:
            raise OverdueError
        ended = process.poll() is not None
        if select.select([handle], [], [], 0 if ended else min(wait_s, _LOOK_S))[0]:
            chunk = os.read(handle, _CHUNK_BYTES)
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[:_LINE_BYTES]
            yield from (_text(line) for line in lines)
            ended = not chunk
        if ended:
            yield _text(rest)
            return


def _text(line: bytes) -> str:
    return line.decode(errors="replace").replace("\0", "").rstrip()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End it and its children; the group lasts as long as one of them does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_S)
