"""A worker whose settings make no sense says so, once, and ends."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from app.settings import Settings
from worker.__main__ import main


@pytest.mark.parametrize("url", ["mysql://u:planted@h/x", "planted"])
def test_a_database_of_another_sort(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(database_url=url, sqs_queue_name="q", storage_backend="local")
    monkeypatch.setattr("worker.__main__.get_settings", lambda: settings)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "DATABASE_URL is not the URL of a PostgreSQL database" in line
    assert "planted" not in line


def test_nowhere_to_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a container that is read-only and has no volume."""
    local = {"storage_backend": "local", "local_storage_dir": tmp_path}
    settings = Settings(database_url="postgresql://h/x", sqs_queue_name="q", **local)  # type: ignore[arg-type]
    monkeypatch.setattr("worker.__main__.get_settings", lambda: settings)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/self/nowhere"])
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "No usable temporary directory" in line
    assert "set TMPDIR" in line
