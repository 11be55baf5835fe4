"""The command line of `python -m perf`: what is wrong with it is one line, with the nearest right word."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from perf.cases.options import EMPTY, nearest

RESULTS = Path("results")


def add_results(parser: argparse.ArgumentParser, besides: str = "") -> None:
    """The argument of a stage that works on the artifacts of a run; *besides* goes on in its help."""
    told = f"a run's folder, or the folder of all ({RESULTS}){besides}"
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, help=told)


class Parser(argparse.ArgumentParser):
    """Options by their whole names alone; a slip is told before what it makes seem to be missing."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **settings})

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """See argparse; this is what it calls for each stage too."""
        words = list(sys.argv[1:] if args is None else args)
        known = self._option_string_actions  # argparse has no public way to ask
        for before, word in pairwise(("", *words)):
            name, _, value = word.partition("=")
            if not word.strip() or (name.startswith("--") and name != word and not value.strip()):
                self.error(f"{name.strip() or before} '': {EMPTY}")
            if name.startswith("--") and name != "--" and self._is_last and name not in known:
                self.error(f"{name}: no such option{nearest(name, known)}")
        return super().parse_known_args(words, namespace)

    @property
    def _is_last(self) -> bool:
        """Whether no stage's parser comes after this one."""
        return self._subparsers is None

    def error(self, message: str) -> NoReturn:
        """One line, and exit status 2."""
        self.exit(2, f"perf: {message}; see {self.prog} --help\n")
