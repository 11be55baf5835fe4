"""The history as a plain file that CI keeps: a JSON line for each case of each run, only ever added to.

It outlives the run folders, of which CI keeps the last few, and is a small part of their size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from perf.cases.errors import UsageError
from perf.store.history import Past
from perf.store.secrets import without_secrets

_PAST: TypeAdapter[Past] = TypeAdapter(Past)


def append(path: Path, case_id: str, past: Past) -> None:
    """Add a case of a run, as it ends: a later crash loses nothing.

    Raises:
        UsageError: the file cannot be written.
    """
    line = {"case": case_id} | _PAST.dump_python(past, mode="json")
    text = without_secrets(json.dumps(line, allow_nan=False))
    with _added_to(path) as file:
        file.seek(0, 2)
        if file.tell() and _last_byte(path) != b"\n":  # a crash cut the line before short
            file.write(b"\n")
        file.write(f"{text}\n".encode())


def require_writable(path: Path) -> None:
    """See to it that the file can be added to; it is made where there is none.

    Raises:
        UsageError: it cannot.
    """
    with _added_to(path):
        pass


@contextmanager
def _added_to(path: Path) -> Iterator[BinaryIO]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            yield file
    except OSError as error:
        raise UsageError(f"--history {path}: cannot add to it: {error}") from error


def read_history_file(path: Path) -> dict[str, list[Past]]:
    """What it says of each case, by its id; the oldest run first, each once: the last line counts.

    Raises:
        UsageError: it cannot be read, or a line of it (named) is none of ours. One that a crash cut short is
            passed over.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the history: {error}") from error
    found: dict[str, list[Past]] = {}
    for number, line in enumerate(lines, 1):
        try:
            document = json.loads(line)
        except ValueError:  # cut short
            continue
        case_id, past = _entry(document, f"{path}:{number}")
        found.setdefault(case_id, []).append(past)
    return merged(found)


def merged(*histories: Mapping[str, Sequence[Past]]) -> dict[str, list[Past]]:
    """Histories as one, the oldest run first: of a run that stands in them several times, the last counts."""
    found: dict[str, dict[str, Past]] = {}
    for history in histories:
        for case_id, pasts in history.items():
            found.setdefault(case_id, {}).update((past.run, past) for past in pasts)
    return {case_id: [runs[name] for name in sorted(runs)] for case_id, runs in found.items()}


def _entry(document: Any, source: str) -> tuple[str, Past]:
    try:
        return str(document["case"]), _PAST.validate_python(
            {k: v for k, v in document.items() if k != "case"}
        )
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        said = str(error).splitlines()[0]
        raise UsageError(f"{source}: not a line of a history: {said}; remove it") from None


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1)
