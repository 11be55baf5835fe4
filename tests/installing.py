"""The suite as others have it: installed, without the rest of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def install(folder: Path) -> Path:
    """Install it into a folder, which PYTHONPATH is then to name; what it needs is there already."""
    words = ["pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(ROOT)]
    env = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}
    done = subprocess.run(
        [sys.executable, "-m", *words], check=False, capture_output=True, text=True, timeout=120, env=env
    )
    assert done.returncode == 0, done.stderr
    return folder


def run(site: Path, folder: Path, *words: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a module, such as pytest, in somebody's folder with the suite that is installed in *site*.

    Its lock of the machine is of a temporary folder of its own, since tests run beside each other.
    """
    with tempfile.TemporaryDirectory(prefix="perf-test-") as temporary:
        Path(temporary).chmod(0o755)  # PostgreSQL runs as another user
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(site), "TMPDIR": temporary},
            check=False, capture_output=True, text=True, timeout=within_s,
        )  # fmt: skip
