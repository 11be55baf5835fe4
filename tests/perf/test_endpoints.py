"""The endpoints of a web tier, read from a file: what makes no sense is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf.cases.endpoints import read_endpoints
from perf.cases.errors import UsageError

UPLOAD = '[upload]\nrequest = "POST /v"\nmakes = "id"\n'
STATUS = '[status]\nrequest = "GET /v/{made}"\n'
FIND = '[get]\nrequest = "GET /v/{done}"\nfind = "/v"\nfound = "0.id"\n'


def test_the_shipped_ones_are_those_of_the_pipeline() -> None:
    assert [(each.name, str(each)) for each in read_endpoints()] == [
        ("health", "GET /api/health"),
        ("upload", "POST /api/videos"),
        ("status", "GET /api/videos/ID"),
        ("download", "GET /api/videos/ID/download"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no endpoint in it"),
        ("[a", "not TOML"),
        ("a = " + "[" * 5000 + "]" * 5000, "not TOML"),
        ('[A]\nrequest = "GET /"', "not a name of an endpoint"),
        ("a = 1", "expected a table [a]"),
        ('[a]\nrequst = "GET /"', "did you mean 'request'?"),
        ('[a]\nrequest = "FETCH /"', "expected e.g."),
        ('[a]\nrequest = "GET http://other/"', "expected e.g."),
        ('[a]\nrequest = "GET /"\ngood = [42]', "expected statuses of HTTP"),
        (STATUS, "[status]: {made} stands for what an earlier endpoint has made"),
        (STATUS + UPLOAD, "[status]: {made} stands for what an earlier endpoint has made"),
        (UPLOAD + UPLOAD.replace("upload", "again"), "[again]: an earlier endpoint has `makes` too"),
        (FIND.replace("found", "streams").replace('"0.id"', "true"), "find and found go together"),
        (FIND.replace('"/v"', '"@elsewhere/v"'), "expected a path"),
        (FIND.replace('"/v"', '"http://elsewhere/v"'), "expected a path"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "api.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_endpoints(path)
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_makes_sense_is_read(tmp_path: Path) -> None:
    path = tmp_path / "api.toml"
    path.write_text(UPLOAD + STATUS + FIND)
    assert [(each.name, each.needs) for each in read_endpoints(path)] == [
        ("upload", ""),
        ("status", "made"),
        ("get", "done"),
    ]
