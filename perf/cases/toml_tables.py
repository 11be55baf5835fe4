"""A user's TOML file that is a table for each of some things: read, or refused in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perf.cases.errors import UsageError


def read_tables(path: Path, thing: str, example: str, told: str = "") -> Mapping[str, Any]:
    """What is in the file, in its order, one thing at least.

    Args:
        path: the file.
        thing: what a table of it describes, such as ``slot``.
        example: the name of such a table.
        told: how messages call the file, if not by its path.

    Raises:
        UsageError: one line with the file and what is wrong in it; no value is told.
    """
    where = told or str(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: cannot read the {thing}s: {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{where}: not TOML: {error}") from None
    if not document:
        raise UsageError(f"{where}: there is no {thing} in it; expected tables such as [{example}]")
    return document
