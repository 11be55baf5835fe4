"""Secrets that a test plants in a run's environment, and the search for them in all that the run has left."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from sqlalchemy import URL

#: Begins and ends every planted secret, so that half of one is found as well.
MARK = "planted"
#: Percent-encoded in DATABASE_URL.
PASSWORD = f"{MARK}-P@ss/w+rd%3-{MARK}"
PLANTED = {
    "AWS_SECRET_ACCESS_KEY": f"{MARK}-Secret/1+2-{MARK}",
    "AWS_SESSION_TOKEN": f"{MARK}-Token/2&<==-{MARK}",
    "API_TOKEN": f"{MARK}-Api.4-{MARK}",
}
#: What is behind the address of a presigned URL.
SIGNED = f"/?X-Amz-Date=20260101T000000Z&X-Amz-Signature={MARK}5f5f{MARK}"


def url_of(url: URL, **parts: object) -> str:
    """A database's URL as a user writes it, with its password."""
    found = url.set(drivername="postgresql", **parts)  # type: ignore[arg-type]
    return found.render_as_string(hide_password=False)


def leaks(texts: dict[str, str]) -> list[str]:
    """Where a planted secret stands, in plain, percent-encoded (MARK is the same in both) or in base64."""
    looked_for = [MARK, *map(_within_base64, range(3))]
    return [
        f"{where}: ...{text[max(at - 60, 0) : at + 60]}..."
        for where, text in texts.items()
        for at in (text.find(each) for each in looked_for)
        if at >= 0
    ]


def _within_base64(offset: int) -> str:
    """The characters that base64 makes of MARK alone, *offset* bytes after a group of three."""
    written = b64encode(bytes(offset) + MARK.encode()).decode()
    return written[-(-offset * 8 // 6) : (offset + len(MARK)) * 8 // 6]


def written(folder: Path, output: str) -> dict[str, str]:
    """All that a run leaves: terminal, JUnit, history, Allure, results and its worker command's files."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    return {"terminal": output} | {str(each.relative_to(folder)): _read(each) for each in files}


def _read(file: Path) -> str:
    return file.read_text(errors="replace")
