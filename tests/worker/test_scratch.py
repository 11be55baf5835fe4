"""Temporary folders: gone with their task, and those of the killed swept up."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from worker.scratch import PREFIX, scratch, sweep


@pytest.fixture(autouse=True)
def own_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _in_an_hour() -> float:
    return time.time() + 3600


def test_it_is_removed_with_what_it_holds_also_after_an_error(own_tmp: Path) -> None:
    with pytest.raises(FileNotFoundError), scratch() as folder:
        folder.joinpath("original").write_bytes((own_tmp / "nothing").read_bytes())
    assert list(own_tmp.iterdir()) == []


def test_the_sweep_takes_what_nobody_holds_and_nothing_else(own_tmp: Path) -> None:
    (left := own_tmp / f"{PREFIX}left").mkdir()
    (left / "original").write_bytes(b"x")
    (foreign := own_tmp / "foreign").mkdir()
    with scratch() as used:
        assert sweep(_in_an_hour()) == 1
        assert used.exists()
    assert not left.exists()
    assert foreign.exists()


def test_a_fresh_folder_may_not_be_locked_yet_and_is_spared(own_tmp: Path) -> None:
    (fresh := own_tmp / f"{PREFIX}fresh").mkdir()
    assert sweep() == 0
    os.utime(fresh, (time.time() - 120, time.time() - 120))
    assert sweep() == 1
