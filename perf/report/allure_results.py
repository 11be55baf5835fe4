"""Allure results made of a run's artifacts: a result for each case, and what stands around them.

Written with Allure's own model (allure_commons), so that they are what its pytest plugin would write; but
from artifacts alone, for any run, on any machine. A case's identity in Allure is made of its id, so that its
history holds across machines, checkouts and option values.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import (
    Attachment,
    GlobalAttachment,
    Globals,
    Label,
    Link,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
    TestStepResult,
)

from perf.report.drawing import Picture
from perf.report.html import environment, verdict_html
from perf.report.pictures import Renderer
from perf.report.view import why
from perf.store.documents import BROKEN, StoredCase
from perf.store.history import Past
from perf.store.result import Phase
from perf.store.runs import Run, files_of

EPIC = "Video pipeline"
#: Characters of a title in Allure's tree.
_LONGEST = 140
#: An INVALID case and one that broke are "broken" to Allure: neither says that the product is too slow.
_STATUS = {"PASS": Status.PASSED, "FAIL": Status.FAILED, "INVALID": Status.BROKEN, BROKEN: Status.BROKEN}
_SEVERITY = {"PASS": "normal", "FAIL": "critical", "INVALID": "normal", BROKEN: "blocker"}
#: The first that matches counts. A defect is work that was lost, failed or never ended, however fast.
CATEGORIES = (
    {
        "name": "Product defect: work lost, failed or not ended",
        "messageRegex": r"(?s).*FAIL (lost|failed|outstanding|error_ratio|\w+_error_ratio) .*",
        "matchedStatuses": ["failed"],
    },
    {
        "name": "Worse than the baseline",
        "messageRegex": r"(?s).*FAIL baseline: .*",
        "matchedStatuses": ["failed"],
    },
    {"name": "SLO broken", "messageRegex": r"(?s).*FAIL .*", "matchedStatuses": ["failed"]},
    {"name": "Measurement invalid", "messageRegex": r"(?s).*INVALID .*", "matchedStatuses": ["broken"]},
    {"name": "Harness broken", "messageRegex": r"(?s).*", "matchedStatuses": ["broken", "unknown"]},
)


def write_results(
    run: Run,
    history: Mapping[str, Sequence[Past]],
    over_run: Sequence[Picture],
    draw: Renderer,
    folder: Path,
) -> None:
    """Write everything that Allure needs of a run into *folder*, which is emptied before."""
    logger = AllureFileLogger(folder, clean=True)
    for case in run.cases:
        logger.report_result(_result(logger, run, case, history.get(case.id, ()), draw(case)))
    drawn = [
        GlobalAttachment(**vars(_attached(logger, picture.title, picture.svg.encode(), "svg")), timestamp=1)
        for picture in over_run
    ]
    logger.report_globals(Globals(attachments=drawn))
    write_surroundings(folder, _few(environment(run)), run.name)


def _few(pairs: Mapping[str, str]) -> dict[str, str]:
    """What of the environment stands on Allure's first page, above all cases; summary.html has the rest."""
    return {name: pairs[name] for name in ("run", "host", "cpus", "git_commit") if name in pairs}


def write_surroundings(folder: Path, pairs: Mapping[str, str], run_name: str) -> None:
    """environment.properties, categories.json and executor.json: once for a run."""
    lines = [f"{_property(name)} = {_property(value)}" for name, value in pairs.items()]
    (folder / "environment.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "categories.json").write_text(json.dumps(CATEGORIES, indent=1), encoding="utf-8")
    (folder / "executor.json").write_text(
        json.dumps(executor(os.environ, run_name), indent=1), encoding="utf-8"
    )


def executor(environ: Mapping[str, str], run_name: str) -> dict[str, Any]:
    """Who ran it: the CI job, where its variables say so."""
    if "GITHUB_RUN_ID" in environ:
        repository = f"{environ['GITHUB_SERVER_URL']}/{environ['GITHUB_REPOSITORY']}"
        address = f"{repository}/actions/runs/{environ['GITHUB_RUN_ID']}"
        order = int(environ.get("GITHUB_RUN_NUMBER", "0"))
        return {
            "name": "GitHub Actions",
            "type": "github",
            "buildUrl": address,
            "buildOrder": order,
            "buildName": run_name,
        }
    return {"name": "python -m perf report", "type": "local", "buildName": run_name}


def history_id(case_id: str) -> str:
    """The identity of a case in Allure 3's history: of its test; all parameters are excluded."""
    return f"{_md5(case_id)}.{_md5('')}"


def write_history(path: Path, history: Mapping[str, Sequence[Past]]) -> None:
    """The earlier runs as Allure 3 keeps them: a JSON line for each, the oldest first."""
    runs: dict[str, dict[str, Any]] = {}
    for case_id, pasts in history.items():
        for past in pasts:
            runs.setdefault(past.run, {})[history_id(case_id)] = _history_item(case_id, past)
    lines = [json.dumps(_point(name, items)) for name, items in sorted(runs.items())]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _point(name: str, items: Mapping[str, Any]) -> dict[str, Any]:
    at_ms = _began_ms(name)
    return {
        "uuid": _uuid(name),
        "name": name,
        "timestamp": at_ms,
        "knownTestCaseIds": [identity.partition(".")[0] for identity in items],
        "testResults": dict(items),
        "metrics": {},
        "url": "",
    }


def _history_item(case_id: str, past: Past) -> dict[str, Any]:
    identity, at_ms = history_id(case_id), _began_ms(past.run)
    return {
        "id": _uuid(past.run + case_id),
        "name": case_id,
        "fullName": f"perf#{case_id}",
        "environment": "default",
        "status": _STATUS[past.outcome],
        "message": past.message or None,
        "start": at_ms,
        "stop": at_ms,
        "duration": 0,
        "labels": [],
        "url": "",
        "historyId": identity,
        "reportLinks": [],
    }


def _result(
    logger: AllureFileLogger, run: Run, case: StoredCase, past: Sequence[Past], drawn: Sequence[Picture]
) -> TestResult:
    passed = case.outcome == "PASS"
    begin_s = case.phases[0].begin_s if case.phases else _began_ms(run.name) / 1000
    end_s = max((phase.end_s for phase in case.phases), default=begin_s)
    return TestResult(
        uuid=_uuid(run.name + case.id),
        historyId=history_id(case.id),
        testCaseId=case.id,
        fullName=f"perf#{case.id}",
        name=_title(case),
        titlePath=[case.feature, case.variant],
        status=_STATUS[case.outcome],
        statusDetails=None if passed else StatusDetails(message=case.message),
        descriptionHtml=verdict_html(case, past),
        labels=[Label(name=name, value=value) for name, value in labels(case)],
        links=[Link(type="tms", url=url, name=name) for name, url in links(case, os.environ)],
        # The id alone is the case's identity: a parameter that differs must not end its history.
        parameters=[
            Parameter(name=name, value=value, excluded=True)
            for name, value in {**case.parameters, **case.circumstances}.items()
            if value
        ],
        steps=_steps(case.phases, broke=case.outcome == BROKEN),
        attachments=[
            *(_attached(logger, picture.title, picture.svg.encode(), "svg") for picture in drawn),
            *(
                _attached(logger, path.name, path.read_bytes(), path.suffix[1:])
                for path in files_of(run.folder, case.id)
            ),
        ],
        start=int(begin_s * 1000),
        stop=int(end_s * 1000),
    )


def _title(case: StoredCase) -> str:
    """The verdict in our own word, since Allure has none for INVALID, and what broke by how much."""
    said = f"{case.outcome} {case.title}"
    reason = why(case)
    return textwrap.shorten(f"{said}: {reason}", _LONGEST, placeholder=" ...") if reason else said


def _steps(phases: Sequence[Phase], *, broke: bool) -> list[TestStepResult]:
    """The phases as steps; one that ran within another, as in a warm-up, stands within it."""
    steps: list[TestStepResult] = []
    around: list[TestStepResult] = []
    for phase in phases:
        begin_ms, end_ms = int(phase.begin_s * 1000), int(phase.end_s * 1000)
        step = TestStepResult(name=phase.name, status=Status.PASSED, start=begin_ms, stop=end_ms)
        while around and around[-1].stop < end_ms:
            around.pop()
        (around[-1].steps if around else steps).append(step)
        around.append(step)
    if steps and broke:
        steps[-1].status = Status.BROKEN
    return steps


def labels(case: StoredCase) -> Iterable[tuple[str, str]]:
    """The labels of a case, by which a report groups and filters."""
    return (
        ("epic", EPIC),
        ("feature", case.feature),
        ("story", case.story),
        ("parentSuite", case.feature),
        ("suite", case.story),
        ("severity", _SEVERITY[case.outcome]),
        ("tier", case.kind),
        ("tag", case.variant),
        ("tag", case.outcome),
        ("host", str(case.machine.get("host", "unknown"))),
        ("framework", "pytest"),
    )


def links(case: StoredCase, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """The commit, where CI says where the repository is."""
    commit, server, repository = (
        case.machine.get("git_commit"),
        environ.get("GITHUB_SERVER_URL"),
        environ.get("GITHUB_REPOSITORY"),
    )
    return (
        [(f"commit {commit[:10]}", f"{server}/{repository}/commit/{commit}")]
        if commit and server and repository
        else []
    )


def _attached(logger: AllureFileLogger, name: str, body: bytes, suffix: str) -> Attachment:
    kind = mimetypes.guess_type(f"a.{suffix}")[0] or "text/plain"
    source = f"{_uuid(name + body.hex()[:4000] + str(len(body)))}-attachment.{suffix}"
    logger.report_attached_data(body, source)
    return Attachment(name=name, source=source, type=kind)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _uuid(text: str) -> str:
    """The same for the same text: a report that is made again is the same report."""
    return str(uuid5(NAMESPACE_URL, text))


def _began_ms(run_name: str) -> int:
    """When a run began, by its name."""
    try:
        return int(datetime.strptime(run_name, "%Y-%m-%dT%H-%M-%SZ").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return 0


def _property(text: str) -> str:
    return (
        text.replace("\\", "\\\\").replace("\n", " ").replace(" ", "\\ ")
        if "=" in text
        else text.replace("\n", " ")
    )
