"""Environments of candidates that want other packages than the run's own: made once, kept in the cache."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perf.deploy.cache import cache_folder
from perf.deploy.errors import CandidateError
from perf.deploy.processes import PROJECT, run_to_end

#: What a worker needs; of a commit that has none such, what its suite needs.
_REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
_CONSTRAINTS = "constraints.txt"
_DEADLINE_S = 900.0


def python_for(root: Path, packages: Sequence[str]) -> Path:
    """The interpreter for the code in *root*: this one where it wants the same packages as the code here.

    Args:
        root: a checkout.
        packages: what it is to have instead, such as ``kombu==5.6.2``.

    Raises:
        CandidateError: the environment could not be made.
    """
    wanted, pins = _lines(root, _REQUIREMENTS), _lines(root, (_CONSTRAINTS,))
    here = {line for name in _REQUIREMENTS for line in _lines(PROJECT, (name,))}
    if here >= set(wanted) and pins == _lines(PROJECT, (_CONSTRAINTS,)):
        if not packages:
            return Path(sys.executable)
        pins = installed()  # what is asked for is all that differs
    requirements, constraints = relaxed(wanted, pins, packages, refusing(packages))
    key = hashlib.sha256("\n".join((requirements, constraints, sys.version)).encode()).hexdigest()[:12]
    folder = cache_folder() / f"environment-{key}"
    if not (folder / "complete").exists():
        _make(folder, requirements, constraints)
    return folder / "bin" / "python"


def _lines(root: Path, names: Sequence[str]) -> list[str]:
    """What the first of these files that is in a checkout says of packages: a line each."""
    found = next((root / name for name in names if (root / name).exists()), None)
    texts = found.read_text().splitlines() if found else []
    lines = (re.sub(r"(^|\s)#.*", "", text).strip() for text in texts)
    return [line for line in lines if _name(line)]


def installed() -> list[str]:
    """What this environment has, pinned."""
    return sorted({f"{each.metadata['Name']}=={each.version}" for each in distributions()})


def relaxed(
    requirements: Sequence[str], pins: Sequence[str], packages: Sequence[str], free: Iterable[str]
) -> tuple[str, str]:
    """The texts of requirements and constraints in which these packages have these versions.

    Args:
        requirements: what is wanted.
        pins: the version of each package.
        packages: ``name==version`` each.
        free: names that must not be pinned, since what they are pinned to refuses one of the versions.
    """
    wanted = {_name(each): Requirement(each) for each in packages}
    kept = [line for line in requirements if _name(line) not in wanted]
    extras = {_name(line): _extras(line) for line in requirements}
    asked = [f"{each.name}{extras.get(name, '')}{each.specifier}" for name, each in wanted.items()]
    unpinned = {*wanted, *map(canonicalize_name, free)}
    still = [line for line in pins if _name(line) not in unpinned]
    return "\n".join([*kept, *asked]) + "\n", "\n".join(still) + "\n"


def refusing(packages: Sequence[str]) -> set[str]:
    """The installed packages that cannot be beside one of these versions, as their own requirements say.

    Celery 5.7 wants kombu 5.7: kombu 5.6 comes with the newest Celery that takes it.
    """
    wanted = {_name(each): next(iter(Requirement(each).specifier)).version for each in packages}
    found: set[str] = set()
    for each in distributions():
        for needed in map(Requirement, each.requires or ()):
            version = wanted.get(canonicalize_name(needed.name))
            applies = needed.marker is None or needed.marker.evaluate({"extra": ""})
            if version and applies and not needed.specifier.contains(version, prereleases=True):
                found.add(each.metadata["Name"])
    return found


def _name(line: str) -> str:
    """The package that a line is about; empty where it is about none."""
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return ""


def _extras(line: str) -> str:
    extras = sorted(Requirement(line).extras)
    return f"[{','.join(extras)}]" if extras else ""


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
