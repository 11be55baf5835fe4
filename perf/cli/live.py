"""What the stages by hand say, and how far they are: on a terminal a live line, else a line now and then."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

from perf.report.aligned import folded
from perf.report.progress import LiveLine, QuietLine, Screen

#: In a log, and in what another program reads, a line of progress at most so often.
EVERY_S = 10.0


def live_line(name: str) -> LiveLine | QuietLine:
    """Progress on standard error, under this name."""
    if sys.stderr.isatty():
        return LiveLine(Screen(_write, lambda: shutil.get_terminal_size().columns), name)
    return QuietLine(lambda text: _write(f"{text}\n"), name, every_s=EVERY_S)


def say(text: str, stream: TextIO | None = None, *, indent: str = "  ") -> None:
    """Print lines, on a terminal broken between words where it ends.

    Args:
        text: one line or several.
        stream: where to; None = standard output.
        indent: of what goes on below.
    """
    stream = stream or sys.stdout
    print("\n".join(folded(text.splitlines() or [""], output_width(stream), indent)), file=stream)


def output_width(stream: TextIO | None = None) -> int | None:
    """The columns of the terminal that standard output, or *stream*, is; None where it is none."""
    return shutil.get_terminal_size().columns if (stream or sys.stdout).isatty() else None


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
