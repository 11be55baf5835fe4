"""Where the stages by hand show how far they are: on a terminal a live line, else a line now and then."""

from __future__ import annotations

import shutil
import sys

from perf.report.progress import LiveLine, QuietLine, Screen

#: In a log, and in what another program reads, a line of progress at most so often.
EVERY_S = 10.0


def live_line(name: str) -> LiveLine | QuietLine:
    """Progress on standard error, under this name."""
    if sys.stderr.isatty():
        return LiveLine(Screen(_write, lambda: shutil.get_terminal_size().columns), name)
    return QuietLine(lambda text: _write(f"{text}\n"), name, every_s=EVERY_S)


def output_width() -> int | None:
    """The columns of the terminal that standard output is; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
