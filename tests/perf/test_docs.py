"""Every command and link that the README and docs/ show is one that is there; no command is run."""

from __future__ import annotations

import argparse
import configparser
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from perf.cli.main import _parser
from perf.load.locust_options import add_options
from perf.plugin.options import OPTIONS
from perf.run.kinds import KINDS
from tests.pages import DOCS
from tests.pages import PAGES as MADE

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("examples/*/*.md"))]
TEXT = "\n".join(page.read_text() for page in PAGES)
#: Pytest's own, and those of its other plugins, which the pages use.
OF_PYTEST = {
    *("--last-failed", "--alluredir", "--junitxml", "--benchmark-json", "--benchmark-save"),
    *("--dist", "--report", "--update-baseline"),
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


@pytest.mark.parametrize("command", sorted(set(re.findall(r"\bpython -m ([\w.]+)", TEXT))))
def test_a_module_is_there(command: str) -> None:
    assert find_spec(command)


def test_an_environment_of_tox_is_there() -> None:
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    named = {name for names in re.findall(r"\btox -e ([\w,]+)", TEXT) for name in names.split(",")}
    assert named
    assert {f"testenv:{name}" for name in named} <= set(tox.sections())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    ours = [link.partition("#") for link in links if "://" not in link]
    absent = [path for path, _, _ in ours if path and not (page.parent / path).exists()]
    lost = [
        f"{path}#{part}"
        for path, _, part in ours
        if part and part not in anchors(page.parent / path if path else page)
    ]
    assert absent + lost == []


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_is_named_in_the_readme() -> None:
    named = (ROOT / "README.md").read_text()
    assert [page.name for page in DOCS.glob("*.md") if f"(docs/{page.name})" not in named] == []


@pytest.mark.parametrize("page", MADE)
def test_a_made_page_is_as_the_code_is(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == MADE[page](), "python -m tests.pages"
