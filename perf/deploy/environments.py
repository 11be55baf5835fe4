"""Environments of candidates that want other packages than the run's own: made once, kept in the cache."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from perf.deploy.cache import cache_folder
from perf.deploy.errors import CandidateError
from perf.deploy.processes import PROJECT, ROOT, run_to_end
from perf.deploy.requirements import exact, installed, known, outgrown, pins, refusing, relaxed, wanted

_DEADLINE_S = 900.0


def python_for(root: Path, packages: Sequence[str], here: Path = PROJECT) -> Path:
    """The interpreter for the code in *root*: this one where it wants the same packages as the code here.

    Args:
        root: a checkout.
        packages: what it is to have instead, such as ``kombu==5.6.2``.
        here: where the code here is.

    Raises:
        CandidateError: the environment could not be made.
    """
    needs, pinned, free = wanted(root), pins(root), refusing(packages)
    same = needs is None or (known(here) >= set(needs) and pinned == pins(here))
    if same and not packages:
        return Path(sys.executable)
    needs = installed() if needs is None else needs
    if same or not pinned:  # what is asked for is all that differs
        pinned, free = installed(), free | outgrown(needs) | refusing(exact(needs))
    requirements, constraints = relaxed(needs, pinned, packages, free)
    lent = str(ROOT) if ROOT != PROJECT else ""
    key = hashlib.sha256("\n".join((requirements, constraints, sys.version, lent)).encode()).hexdigest()[:12]
    folder = cache_folder() / f"environment-{key}"
    if not (folder / "complete").exists():
        _make(folder, requirements, constraints)
    return folder / "bin" / "python"


def packages_of(python: Path) -> Mapping[str, str]:
    """The versions of the packages that an interpreter's environment has, by their names."""
    own = python == Path(sys.executable)
    found = distributions() if own else distributions(path=[str(_site(python.parents[1]))])
    return {canonicalize_name(each.metadata["Name"]): each.version for each in found}


def _site(folder: Path) -> Path:
    """Where an environment has its packages."""
    return folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _make(folder: Path, requirements: str, constraints: str) -> None:
    """Make it anew; the mark that it is complete comes last, so that one cut short is not taken for one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "requirements.txt").write_text(requirements)
    (folder / "constraints.txt").write_text(constraints)
    # A constraint of the shell would pin again what must not be pinned.
    env = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}
    python = str(folder / "bin" / "python")
    _run([sys.executable, "-m", "venv", str(folder)], env)
    _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
          "-r", str(folder / "requirements.txt"), "-c", str(folder / "constraints.txt")], env)  # fmt: skip
    if ROOT != PROJECT:  # workers of a pipeline of one's own report themselves by the suite: celery_report.py
        (_site(folder) / "perf").symlink_to(ROOT / "perf")
    (folder / "complete").touch()


def _run(argv: Sequence[str], env: dict[str, str]) -> None:
    what = f"tried to make an environment by {' '.join(argv[1:4])} ..."
    try:
        done = run_to_end(argv, _DEADLINE_S, env)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CandidateError(f"{what}: {error}") from error
    if done.returncode != 0:
        raise CandidateError(
            f"{what}: it ended with {done.returncode}: {reason(done.stderr)}; where packages exclude each "
            "other, name each of them in --against-package, with commas"
        )


def reason(said: str) -> str:
    """What pip says of why it failed, shortened: its last errors, or its last line where it names none."""
    brief = re.sub(r" \(from versions: .*?\)", "", said)  # hundreds, where a package is old
    lines = [line.strip()[:300] for line in brief.splitlines() if line.strip()]
    errors = [line for line in lines if re.search("error|conflict|no matching", line, re.IGNORECASE)]
    return " | ".join(errors[-3:] or lines[-1:] or ["it said nothing"])
