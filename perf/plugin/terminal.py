"""How something is said on the terminal while a test runs, past pytest's capture."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

import pytest

from perf.plugin.slot import slot_of, slot_writer
from perf.report.aligned import folded
from perf.report.progress import Screen
from perf.store.secrets import without_secrets


def screen(config: pytest.Config) -> Screen:
    """The terminal, for what is written over; pytest is not told, so its own line stays as it is."""
    _, capture = _of(config)
    writer = config.get_terminal_writer()

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stdout.write(text)
            sys.stdout.flush()

    return Screen(write, lambda: shutil.get_terminal_size().columns, lambda: writer.width_of_current_line)


def line_writer(config: pytest.Config) -> Callable[[str], None]:
    """Writes whole lines, without secrets: some are what a command of the user's has said."""
    if own := slot_of(config):
        return slot_writer(config, own.name)
    reporter, capture = _of(config)
    writer = config.get_terminal_writer()

    def write_line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            if writer.width_of_current_line:  # a dot of pytest's, behind a line of ours
                writer.line()
            for line in folded([without_secrets(text)], width_of(config)):
                reporter.write_line(line)

    return write_line


def width_of(config: pytest.Config) -> int | None:
    """The columns of the terminal; None where there is none."""
    return config.get_terminal_writer().fullwidth if is_terminal(config) else None


def is_terminal(config: pytest.Config) -> bool:
    """Whether a line can be written over."""
    return bool(getattr(_of(config)[0], "isatty", False))  # xdist's processes have none


def _of(config: pytest.Config) -> tuple:  # type: ignore[type-arg]  # both are pytest's own, without public types
    plugins = config.pluginmanager
    return plugins.getplugin("terminalreporter"), plugins.getplugin("capturemanager")
