"""Versions of the pipeline under test: the one that is here, one of a commit, one with another package."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.cases.errors import UsageError
from perf.deploy.environments import python_for
from perf.deploy.errors import CandidateError
from perf.deploy.processes import PROJECT, run_to_end
from perf.deploy.workdir import temporary_folder
from perf.pipeline import Candidate

#: What a commit must have to be a side, where the code here has it.
_WORKER = "worker/__main__.py"
#: The code and the environment of the run itself.
HERE = Candidate("here", PROJECT, Path(sys.executable))
_GIT_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Reference:
    """What the pipeline here is compared with.

    Attributes:
        name: as the user called it.
        commit: its full id; empty = the code that is here.
        packages: what its environment has instead, such as ``kombu==5.6.2``.
    """

    name: str
    commit: str
    packages: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({self.commit[:10]})" if self.commit else self.name


def referred(revision: str, packages: Sequence[str], repository: Path = PROJECT) -> Reference:
    """What a user means by a commit, branch or tag (empty = the code here) and packages.

    Raises:
        UsageError: there is no such commit, or it has no worker.
    """
    name = " with ".join(filter(None, (revision, ", ".join(packages))))
    if not revision:
        return Reference(name, "", tuple(packages))
    commit = _git(
        repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if commit is None:
        raise UsageError(
            f"--against {revision}: no such commit in {repository}; give a commit, branch or tag that is "
            "there, and fetch it first (a shallow clone has the last commit alone)"
        )
    if (repository / _WORKER).is_file() and _git(repository, "cat-file", "-e", f"{commit}:{_WORKER}") is None:
        raise UsageError(f"--against {revision}: the commit has no {_WORKER}, so no worker to compare with")
    return Reference(name, commit, tuple(packages))


@contextmanager
def opened(reference: Reference, repository: Path = PROJECT) -> Iterator[Candidate]:
    """The candidate that is referred to: its code in a temporary folder, gone with the block.

    Its environment is this one, unless it wants other packages; then one of its own, kept for later runs.

    Raises:
        CandidateError: either could not be made.
    """
    with temporary_folder("candidate") as folder:
        root = _checked_out(reference, repository, folder) if reference.commit else repository
        yield Candidate(reference.name, root, python_for(root, reference.packages, repository))


def _checked_out(reference: Reference, repository: Path, folder: Path) -> Path:
    """A work tree of the commit, with an index beside it.

    `git worktree add` would do the same, and leave an entry in the user's repository where the run is killed.
    """
    tree = folder / "tree"
    tree.mkdir()
    place = ("--work-tree", str(tree), "read-tree", "--reset", "-u", reference.commit)
    if _git(repository, *place, index=folder / "index") is None:
        raise CandidateError(f"tried to check out {reference} into {tree}: git refused; see `git fsck`")
    return tree / (_git(repository, "rev-parse", "--show-prefix") or "")  # it may be a part of its repository


def _git(repository: Path, *words: str, index: Path | None = None) -> str | None:
    """What git answers; None where it refuses. A hook's own variables (GIT_DIR ...) do not reach it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    if index is not None:
        env["GIT_INDEX_FILE"] = str(index)
    try:
        asked = run_to_end(["git", "-C", str(repository), *words], _GIT_DEADLINE_S, env)
    except OSError as error:
        raise UsageError(f"--against needs git: {error}") from error
    return asked.stdout.strip() if asked.returncode == 0 else None
