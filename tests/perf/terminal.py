"""A command on a terminal: what a person sees of it, with what was written over as it stands at last."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyte

#: Lines that a screen holds; more than any command here says, so that none scrolls away.
_LINES = 2000


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands on the terminal as the command has ended.

    Attributes:
        lines: from the first to the last that has something in it.
        wrapped: those that did not fit, as they stood when they went on below.
        status: exit status.
        took_s: seconds that it took.
    """

    lines: list[str]
    wrapped: list[str]
    status: int
    took_s: float


class Screen(pyte.Screen):
    """A terminal that notes what did not fit into a line; spaces alone are nothing."""

    def __init__(self, columns: int) -> None:
        super().__init__(columns, _LINES)
        self.wrapped: list[str] = []

    def draw(self, data: str) -> None:
        """Put text on it, where the cursor is."""
        for character in data:
            if self.cursor.x == self.columns and character != " ":
                self.wrapped.append("".join(self.buffer[self.cursor.y][x].data for x in range(self.columns)))
            super().draw(character)

    def rows(self) -> list[str]:
        """All that stands on it."""
        return "\n".join(line.rstrip() for line in self.display).rstrip().splitlines()


def on_terminal(
    words: Sequence[str],
    columns: int,
    *,
    env: Mapping[str, str],
    cwd: Path,
    deadline_s: float,
    hear: Callable[[str], None] = lambda _: None,
) -> Seen:
    """Run a command on a terminal of so many columns to its end, at the deadline by SIGINT.

    Args:
        words: the command.
        columns: of the terminal.
        env: its whole environment.
        cwd: where it runs.
        deadline_s: seconds that it may take.
        hear: is told all text as it comes; it may act on it.
    """
    screen, began_s = Screen(columns), time.monotonic()
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(
        words, env=dict(env) | {"TERM": "xterm-256color"}, cwd=cwd, stdin=theirs, stdout=theirs,
        stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        for chunk in _read(ours, process, began_s + deadline_s):
            stream.feed(chunk)
            hear(chunk.decode(errors="replace"))
        status = process.wait()
    os.close(ours)
    return Seen(screen.rows(), screen.wrapped, status, time.monotonic() - began_s)


def _read(terminal: int, process: subprocess.Popen[bytes], until_s: float) -> Iterator[bytes]:
    """What is written until the process has ended; its group is interrupted once as the time is up."""
    asked = False
    while True:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                yield os.read(terminal, 65536)
            except OSError:  # nobody has the other end any more
                return
        elif process.poll() is not None:
            return
        if not asked and time.monotonic() > until_s:
            asked = True
            os.killpg(process.pid, signal.SIGINT)
