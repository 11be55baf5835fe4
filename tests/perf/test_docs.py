"""Every command that the README and docs/ show is one that the present code understands; none is run."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from perf.cli.main import _parser
from perf.load.locust_options import add_options
from perf.plugin.options import OPTIONS
from perf.run.kinds import KINDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text() for page in PAGES)
#: Pytest's own, and those of its other plugins, which the pages use.
OF_PYTEST = {
    *("--last-failed", "--alluredir", "--junitxml", "--benchmark-json", "--benchmark-save"),
    *("--report", "--update-baseline"),
}
#: Locust's own.
OF_LOCUST = {
    *("--headless", "--processes", "--worker", "--master", "--master-host", "--expect-workers"),
    *("-H", "-u", "-r", "-t", "-f"),
}


def shown(program: str) -> list[str]:
    """The commands of a program, as code or in a line of a block, without comments and placeholders."""
    found = re.findall(rf"(?:^|`)({re.escape(program)} [^`\n]*)", TEXT, re.MULTILINE)
    return sorted({re.sub(r"\[[A-Z-].*?\]", "", command.partition("#")[0]).strip() for command in found})


@pytest.mark.parametrize("command", shown("python -m perf"))
def test_a_stage_by_hand(command: str) -> None:
    argv = shlex.split(command)[3:]
    if "--help" not in argv:
        assert callable(_parser(argv).parse_args(argv).run)


@pytest.mark.parametrize("command", shown("locust -f perf/load/locustfile.py"))
def test_a_load_by_hand(command: str) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_options(parser)
    _, rest = parser.parse_known_args(shlex.split(command)[1:])
    assert {word for word in rest if word.startswith("-")} <= OF_LOCUST


@pytest.mark.parametrize("command", shown("pytest"))
def test_a_run_of_pytest(command: str) -> None:
    ours = {option.flag for option in [*OPTIONS, *(each for kind in KINDS for each in kind.options)]}
    flags = {word.partition("=")[0] for word in shlex.split(command) if word.startswith("--")}
    assert flags <= ours | OF_PYTEST
