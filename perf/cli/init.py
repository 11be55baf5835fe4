"""`python -m perf init [FOLDER]`: adapter, thresholds and a first test for a pipeline of one's own."""

from __future__ import annotations

import argparse
import shlex
from importlib.resources import files
from pathlib import Path

from perf.cases.errors import UsageError
from perf.cli.live import say

FOLDER = Path("perf_tests")
#: Where each file lies; those that pytest would take for its own here have this after their names.
_TEMPLATE, _SUFFIX = files("perf.cli") / "template", ".txt"
#: The module of the workers there, as it is called in the folder that is made unless one is named.
_WORKERS = f"{FOLDER}.measured"


def add_init(parser: argparse.ArgumentParser) -> None:
    """The options of `init`."""
    parser.set_defaults(run=init)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help=f"what is made ({FOLDER})")


def init(args: argparse.Namespace) -> int:
    """Write the files of a first run, none of them over one that is there.

    Raises:
        UsageError: one is, the folder cannot be written to, or workers could not be started from it.
    """
    folder: Path = args.folder
    try:
        made = _files(folder, _importable(folder))
        if there := [str(path) for path in made if path.exists()]:
            raise UsageError(
                f"{', '.join(there)}: is there already, and nothing is written over; name another folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: cannot write there: {error}") from error
    say("\n".join(f"made {path}" for path in made))
    say(f"next: fill in {folder}/adapter.py, from its top, then: pytest {shlex.quote(str(folder))}")
    return 0


def _files(folder: Path, name: str) -> dict[Path, str]:
    """What is written; the workers are those of this folder, whatever it is called."""
    return {
        folder / each.name.removesuffix(_SUFFIX): each.read_text(encoding="utf-8").replace(
            _WORKERS, f"{name}.measured"
        )
        for each in sorted(_TEMPLATE.iterdir(), key=lambda each: each.name)
        if each.is_file()
    }


def _importable(folder: Path) -> str:
    """The folder's name, by which Celery imports the workers' module from its parent."""
    name = folder.resolve().name
    if not name or "." in name or name == "perf":
        raise UsageError(
            f"{folder}: workers are started by the folder's name, as -A NAME.measured; give it one without a "
            f"dot that is not perf, e.g. {FOLDER}"
        )
    return name
