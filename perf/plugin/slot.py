"""A process of a run on several slots: it measures on one deployment. The run's own: perf.plugin.slots."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from perf.cases.errors import HarnessError
from perf.cases.slots import Slot
from perf.report.aligned import folded
from perf.store.secrets import without_secrets

#: The slots of this run, in its own process; absent where there are none.
SLOTS = pytest.StashKey[tuple[Slot, ...]]()
#: In what xdist hands to a process.
_KEY = "perf_slot"
#: How the reason begins for which a process has the run end.
CANNOT_GO_ON = "slot "


@dataclass(frozen=True)
class OwnSlot:
    """What a process knows of the slot that it measures on.

    Attributes:
        name: the slot's.
        results: the folder of the run.
        of: how many slots the run has.
    """

    name: str
    results: Path
    of: int


def handed(slot: Slot, results: Path, of: int) -> dict[str, Any]:
    """What the process of a slot is handed to begin with: it goes through a pipe, and nowhere else."""
    return {_KEY: {"name": slot.name, "variables": dict(slot.variables), "results": str(results), "of": of}}


def slot_of(config: pytest.Config) -> OwnSlot | None:
    """The slot of this process; None in a run that has none, and in the run's own process."""
    given = _given(config)
    return OwnSlot(given["name"], Path(given["results"]), given["of"]) if given else None


def _given(config: pytest.Config) -> Mapping[str, Any]:
    given: Mapping[str, Any] = getattr(config, "workerinput", {}).get(_KEY, {})
    return given


@pytest.hookimpl(tryfirst=True)  # before anything reads the environment
def pytest_configure(config: pytest.Config) -> None:
    """The environment is that of the slot's deployment."""
    os.environ.update(_given(config).get("variables", {}))


def end_run(session: pytest.Session, text: str) -> NoReturn:
    """End the run with one line, and no secret in it.

    A slot that cannot go on ends the run for all: it would break every case that it were given, one after
    another, before the others could measure them.
    """
    slot, text = slot_of(session.config), without_secrets(text)
    if slot is None:
        pytest.exit(text, returncode=1)
    session.shouldstop = f"{CANNOT_GO_ON}{slot.name} cannot go on"
    raise HarnessError(f"slot {slot.name}: {text}")


def slot_writer(config: pytest.Config, name: str) -> Callable[[str], None]:
    """Writes whole lines for a slot, whose process has no terminal: to standard error, which is the run's.

    What the run has written of a line, no other process knows. As many spaces as the terminal has columns go
    on below what was begun, and otherwise fill the line: either way the next begins at its first column, as a
    prompt of zsh does.
    """
    capture: Any = config.pluginmanager.getplugin("capturemanager")

    def write_line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
            lines = folded([without_secrets(f"[{name}] {text}")], width)
            sys.stderr.write(" " * (width or 0) + ("\r" if width else "") + "\n".join([*lines, ""]))
            sys.stderr.flush()

    return write_line
