"""Images built and run without a daemon and without a registry: buildah, with a store of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from perf.deploy.cache import cache_folder
from perf.deploy.processes import ROOT

#: What the Containerfile begins with, and what stands in for it here.
OFFICIAL = "docker.io/library/python:3.11-slim-bookworm"
#: mmdebstrap's own sources lead to Debian.
_SUITE, _PACKAGES = "bookworm", "python3,python3-venv,ca-certificates"
_OFFLINE = "[global]\nno-index = true\nfind-links = /wheels\n"


def lacking() -> str:
    """Why no image can be built here; empty where one can."""
    absent = [name for name in ("buildah", "mmdebstrap") if shutil.which(name) is None]
    if absent:
        return f"there is no {' and no '.join(absent)} here: apt-get install buildah mmdebstrap"
    return "" if os.geteuid() == 0 else "only root may build with chroot isolation"


class Images:
    """A store of images under *folder*, with the stand-in for the official one in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folders = [f"--root={folder / 'store'}", f"--runroot={folder / 'run'}"]
        # What it mounts is seen by itself alone, so that nothing is left when it is killed.
        self._buildah = ["unshare", "--mount", "buildah", "--storage-driver=overlay", *folders]

    def do(self, *words: str, timeout_s: float = 300) -> str:
        """A command of buildah, and what it says."""
        argv = [*self._buildah, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False, cwd=ROOT)
        assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def prepare(self) -> None:
        """Make what a build needs: the base, and the packages as wheels."""
        base = _base(cache_folder() / f"image-{_SUITE}.tar")
        context = self.folder / "base"
        context.mkdir()
        (context / "Containerfile").write_text(f"FROM scratch\nADD {base.name} /\n")
        os.link(base, context / base.name) if _same_disk(base, context) else shutil.copy(base, context)
        self.do("build", "--isolation=chroot", "-t", OFFICIAL, str(context))
        wheels = ["-r", "requirements.txt", "-c", "constraints.txt", "-d", str(self.folder / "wheels")]
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", *wheels], check=True, timeout=600, cwd=ROOT
        )
        (self.folder / "pip.conf").write_text(_OFFLINE)

    def build(self, target: str) -> str:
        """Build a target of the Containerfile; the image's name."""
        mounts = [f"{self.folder / 'wheels'}:/wheels:ro", f"{self.folder / 'pip.conf'}:/etc/pip.conf:ro"]
        self.do(
            "build", "--isolation=chroot", "--pull-never", "--layers", "--format=docker",
            f"--target={target}", "-t", f"video-{target}", "-f", "deploy/Containerfile",
            *(f"--volume={mount}" for mount in mounts), ".", timeout_s=600,
        )  # fmt: skip
        return f"video-{target}"

    def config(self, image: str) -> dict[str, Any]:
        """What an image says of how it is run."""
        found: dict[str, Any] = json.loads(self.do("inspect", "--type=image", image))["Docker"]["config"]
        return found

    def run(self, image: str, env: Mapping[str, str], command: Sequence[str]) -> list[str]:
        """The command line that runs one in a new container of the image, with these variables added."""
        container = self.do("from", "--pull-never", image).strip()
        options = [f"--env={name}={value}" for name, value in env.items()]
        return [*self._buildah, "run", "--isolation=chroot", *options, container, "--", *command]

    def code(self, image: str, env: Mapping[str, str], command: Sequence[str]) -> int:
        """The exit code of one that ends by itself."""
        return subprocess.run(self.run(image, env, command), check=False, timeout=120).returncode


def inside(outer_pid: int) -> psutil.Process:
    """The first Python in the container that this process of buildah keeps; what is above it is buildah's."""
    below = [each for each in psutil.Process(outer_pid).children(recursive=True) if _is_python(each)]
    return next(each for each in below if each.ppid() not in {other.pid for other in below})


def _is_python(process: psutil.Process) -> bool:
    return process.name().startswith("python")


def _base(path: Path) -> Path:
    """A Debian with Python, made once and kept."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(".new.tar")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(made)]
        subprocess.run(command, check=True, timeout=600)
        made.rename(path)
    return path


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev
