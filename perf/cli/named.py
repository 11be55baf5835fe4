"""Stages by hand that a pipeline brings itself: the module that pyproject.toml names.

[tool.perf]
stages = "fixtures.stages"      # has STAGES, each a name, what adds its options, and its meaning
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import perf
from perf.cases.errors import UsageError

#: What a stage is called, how its options are added, and what it does.
Stage = tuple[str, Callable[[argparse.ArgumentParser], None], str]


def named_stages() -> Sequence[Stage]:
    """Those that the project in the current folder names, or else the checkout that this is run from.

    Raises:
        UsageError: what it names is not there.
    """
    for folder in (Path.cwd(), Path(perf.__file__).parents[1]):
        if name := _named(folder / "pyproject.toml"):
            try:
                stages: Sequence[Stage] = import_module(name).STAGES
            except (ImportError, AttributeError) as error:
                raise UsageError(f"{folder}/pyproject.toml: tool.perf.stages = {name!r}: {error}") from error
            return stages
    return ()


def _named(project: Path) -> str:
    """The module; empty where the project names none."""
    try:
        table = tomllib.loads(project.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise UsageError(f"{project}: cannot be read: {error}") from error
    return str(table.get("tool", {}).get("perf", {}).get("stages", ""))
