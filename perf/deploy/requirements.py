"""What a version of the pipeline says of the packages that it needs, and which of them are here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

#: What a worker needs; of a commit that has none such, what its suite needs.
_FILES = ("requirements.txt", "requirements-dev.txt")
_CONSTRAINTS = "constraints.txt"
#: Of uv, poetry and pdm: TOML alike, a [[package]] each.
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")
_PROJECT = "pyproject.toml"


def wanted(root: Path) -> list[str] | None:
    """What a checkout needs, a line each: by its requirements, its pyproject.toml, or else all that it locks.

    Returns:
        None where none of them says anything.
    """
    if found := _first(root, _FILES):
        return _lines(found)
    said = _toml(root / _PROJECT).get("project", {}).get("dependencies")
    return list(map(str, said)) if said is not None else _locked(root) or None


def known(root: Path) -> set[str]:
    """All that a checkout says of what it needs, in whichever file."""
    return {line for name in _FILES if (root / name).exists() for line in _lines(root / name)} | {
        *(wanted(root) or ())
    }


def pins(root: Path) -> list[str]:
    """The versions that a checkout is held to: by its constraints, or by its lock."""
    return _lines(found) if (found := _first(root, (_CONSTRAINTS,))) else _locked(root)


def installed() -> list[str]:
    """What this environment has, pinned; without what came from a folder or a URL, which no index has."""
    indexed = (each for each in distributions() if each.read_text("direct_url.json") is None)
    return sorted({f"{each.metadata['Name']}=={each.version}" for each in indexed})


def relaxed(
    requirements: Sequence[str], pinned: Sequence[str], packages: Sequence[str], free: Iterable[str]
) -> tuple[str, str]:
    """The texts of requirements and constraints in which these packages have these versions.

    Args:
        requirements: what is wanted.
        pinned: the version of each package.
        packages: ``name==version`` each.
        free: names that must not be pinned, since what they are pinned to refuses one of the versions.
    """
    asked_for = {name_of(each): Requirement(each) for each in packages}
    kept = [line for line in requirements if name_of(line) not in asked_for]
    extras = {name_of(line): _extras(line) for line in requirements}
    asked = [f"{each.name}{extras.get(name, '')}{each.specifier}" for name, each in asked_for.items()]
    unpinned = {*asked_for, *map(canonicalize_name, free)}
    still = [line for line in pinned if name_of(line) not in unpinned]
    return "\n".join([*kept, *asked]) + "\n", "\n".join(still) + "\n"


def refusing(packages: Sequence[str]) -> set[str]:
    """The installed packages that cannot be beside one of these versions, as their own requirements say.

    Celery 5.7 wants kombu 5.7: kombu 5.6 comes with the newest Celery that takes it.
    """
    versions = {name_of(each): next(iter(Requirement(each).specifier)).version for each in packages}
    found: set[str] = set()
    for each in distributions():
        for needed in _needs(each):
            version = versions.get(canonicalize_name(needed.name))
            if version and not needed.specifier.contains(version, prereleases=True):
                found.add(each.metadata["Name"])
    return found


def exact(requirements: Sequence[str]) -> list[str]:
    """Those that name one version."""
    found = ((line, list(Requirement(line).specifier)) for line in requirements if name_of(line))
    return [
        line for line, only in found
        if len(only) == 1 and only[0].operator == "==" and not only[0].version.endswith("*")
    ]  # fmt: skip


def outgrown(requirements: Sequence[str]) -> set[str]:
    """The installed packages that are not what is wanted, and all that these need: other versions are."""
    here: dict[str, Distribution] = {
        canonicalize_name(each.metadata["Name"]): each for each in distributions()
    }
    found, left = set[str](), [
        name for line in requirements
        if (name := name_of(line)) in here
        and not Requirement(line).specifier.contains(here[name].version, prereleases=True)
    ]  # fmt: skip
    while left:
        name = left.pop()
        if name in here and name not in found:
            found.add(name)
            left += [canonicalize_name(each.name) for each in _needs(here[name])]
    return found


def name_of(line: str) -> str:
    """The package that a line is about; empty where it is about none."""
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return ""


def _needs(distribution: Distribution) -> list[Requirement]:
    """What it needs here, without its extras."""
    needed = map(Requirement, distribution.requires or ())
    return [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]


def _first(root: Path, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).exists()), None)


def _lines(path: Path) -> list[str]:
    """What a file, and those that it names by -r, say of packages: a line each, less comments and hashes."""
    found: list[str] = []
    for text in path.read_text(encoding="utf-8").splitlines():
        line = re.sub(r"(^|\s)(#|--hash|\\$).*", "", text).strip()
        option, _, other = line.partition(" ")
        if option in ("-r", "--requirement") and (path.parent / other.strip()).is_file():
            found += _lines(path.parent / other.strip())
        elif name_of(line):
            found.append(line)
    return found


def _locked(root: Path) -> list[str]:
    """The packages of a lock, pinned, without the project itself and what comes from elsewhere."""
    found = _first(root, _LOCKS)
    packages = _toml(found).get("package", []) if found else []
    indexed = (each for each in packages if "registry" in each.get("source", {"registry": ""}))
    return [f"{each['name']}=={each['version']}" for each in indexed if "version" in each]


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # then it says nothing
        return {}


def _extras(line: str) -> str:
    extras = sorted(Requirement(line).extras)
    return f"[{','.join(extras)}]" if extras else ""
